import json
import math
import re

import numpy as np
import pytest
import tiny
import torch
from PIL import ImageColor

from evaluation import pictures, tiny_clip
from kinema.drawing.canvas import COLOURS, PAPER
from kinema.evaluation.metrics import METRICS
from kinema.nodes.animation_metrics import AnimationMetricsNode
from kinema.nodes.first_frame_attention import FirstFrameAttentionNode
from kinema.nodes.metrics_plot import MetricsPlotNode
from kinema.nodes.text2video_zero import Text2VideoZeroNode


def test_metrics_without_clip():
    text, *values = AnimationMetricsNode.execute(pictures.pan(3)).result
    content = json.loads(text)
    assert content["frames"] == 3 and list(content["curves"]) == ["flicker", "motion", "neighbour_difference", "seam"]
    for metric, value in zip(METRICS, values, strict=True):
        expected = content["values"].get(metric.name)
        assert math.isnan(value) if expected is None else value == pytest.approx(expected, abs=1e-4)


def test_metrics_with_clip(tmp_path):
    frames = pictures.pan(3)
    text, *values = AnimationMetricsNode.execute(
        frames, tiny_clip.vision(tmp_path), tiny_clip.text(), "a red fish", frames[:2]
    ).result
    assert not any(map(math.isnan, values)) and len(json.loads(text)["curves"]) == len(METRICS) == len(values)


def test_the_numbers_are_on_the_node(screen):
    """The seam only if it may be that of a loop."""
    numbers = r"Flicker \S+ \(lower is better\), Motion \S+, Difference \S+"
    AnimationMetricsNode.execute(pictures.pan(3))
    assert re.fullmatch(rf"{numbers}, Seam \S+ \(lower is better\)\.", screen.text)
    AnimationMetricsNode.execute(pictures.pan(1) * torch.linspace(0.5, 1, 8).view(-1, 1, 1, 1))
    assert re.fullmatch(rf"{numbers}\.", screen.text)


def test_outputs_are_named_as_the_metrics():
    outputs = AnimationMetricsNode.define_schema().outputs
    assert [output.display_name for output in outputs] == ["metrics", *(m.name for m in METRICS)]


def test_plot_of_two():
    still, pan = (
        AnimationMetricsNode.execute(f).result[0] for f in (pictures.pan(1).expand(3, -1, -1, -1), pictures.pan(3))
    )
    image = MetricsPlotNode.execute({"metrics0": still, "metrics1": pan, "metrics2": None}, "still\n", 800).result[0]
    assert image.shape[0] == 1 and image.shape[2:] == (800, 3) and image.dtype == torch.float32
    assert image.min() >= 0 and image.max() <= 1
    colours = {tuple(pixel) for pixel in (image[0] * 255).round().numpy().astype(np.uint8).reshape(-1, 3)}
    assert [ImageColor.getrgb(colour) in colours for colour in COLOURS[:3]] == [True, True, False]
    assert ImageColor.getrgb(PAPER) in colours


def test_plot_of_one_under_two_equal_labels():
    text = AnimationMetricsNode.execute(pictures.pan(2)).result[0]
    image = MetricsPlotNode.execute({"metrics0": text, "metrics1": text}, "same\nsame", 800).result[0]
    assert image.shape == MetricsPlotNode.execute({"metrics0": text, "metrics1": text}, "", 800).result[0].shape
    assert image.shape[1] > MetricsPlotNode.execute({"metrics0": text}, "", 800).result[0].shape[1]


def test_text2video_zero_moves_and_attention_attends():
    model = tiny.image_model()
    attending = FirstFrameAttentionNode.execute(model).result[0]
    right, left = (Text2VideoZeroNode.execute(model, x, 0.0, 941, 881).result[0] for x in (128.0, -128.0))
    results = [tiny.sample(m) for m in (model, attending, right, left)]
    for i, a in enumerate(results):
        assert all(not torch.allclose(a[1:], b[1:], atol=1e-2) for b in results[i + 1 :])
    with pytest.raises(ValueError, match="Set high_timestep above low_timestep"):
        Text2VideoZeroNode.execute(model, 12.0, 12.0, 881, 941)
