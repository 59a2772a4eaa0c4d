"""Measuring and plotting on a running server."""

import json

from PIL import Image

from tools.client import Client
from tools.server import Server


def test_two_animations_are_measured_and_plotted(comfy: Server, client: Client) -> None:
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 3, "color": 0x8040FF}},
        "2": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 3, "color": 0x00FF00}},
        "3": {"class_type": "KinemaAnimationMetrics", "inputs": {"images": ["1", 0]}},
        "4": {"class_type": "KinemaAnimationMetrics", "inputs": {"images": ["2", 0]}},
        "5": {
            "class_type": "KinemaMetricsPlot",
            "inputs": {"results.metrics0": ["3", 0], "results.metrics1": ["4", 0], "labels": "a\nb", "width": 800},
        },
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "plot"}},
    }
    result = client.run(prompt)
    with Image.open(comfy.path(result.outputs["6"][0])) as picture:
        assert picture.width == 800
        assert json.loads(picture.info["prompt"])["5"]["class_type"] == "KinemaMetricsPlot"
