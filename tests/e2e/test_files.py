"""What the workflow saves: the frames, size and rate that were asked for, with the workflow inside."""

import json
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from tools.workflow import animation

from .conftest import JOB, Animation


def test_the_video_has_the_frames_size_and_rate_asked_for(animated: Animation) -> None:
    with av.open(str(animated.video)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert stream.average_rate == Fraction(JOB.fps)
    assert [frame.shape for frame in frames] == [(JOB.height, JOB.width, 3)] * JOB.frames


def test_the_frames_differ(animated: Animation) -> None:
    with Image.open(animated.webp) as picture:
        assert (picture.n_frames, picture.size) == (JOB.frames, (JOB.width, JOB.height))
        first = np.asarray(picture.convert("RGB"), dtype=int)
        picture.seek(1)
        assert np.abs(np.asarray(picture.convert("RGB"), dtype=int) - first).max() > 8


def test_both_files_carry_the_graph_and_the_prompt(animated: Animation) -> None:
    with av.open(str(animated.video)) as container:
        inside_video = {name: json.loads(container.metadata[name]) for name in ("workflow", "prompt")}
    with Image.open(animated.webp) as picture:
        entries = [str(value).partition(":") for value in picture.getexif().values()]
    inside_webp = {name: json.loads(value) for name, _, value in entries}
    for inside in (inside_video, inside_webp):
        for node in inside["prompt"].values():
            node.pop("is_changed", None)  # the host's note of what fingerprint_inputs said
    assert inside_video == inside_webp == {"workflow": animated.graph, "prompt": animation(JOB)}


def test_the_graph_says_what_the_prompt_says(animated: Animation) -> None:
    nodes = {node["id"]: node for node in animated.graph["nodes"]}
    drawn = set()
    for link, origin, output, target, slot, kind in animated.graph["links"]:
        assert link in nodes[origin]["outputs"][output]["links"]
        assert nodes[origin]["outputs"][output]["type"] == kind == nodes[target]["inputs"][slot]["type"]
        assert nodes[target]["inputs"][slot]["link"] == link
        drawn.add((str(target), nodes[target]["inputs"][slot]["name"], str(origin), output))
    prompt = animation(JOB)
    wired = {
        (node, name, *value) for node in prompt for name, value in prompt[node]["inputs"].items() if type(value) is list
    }
    assert drawn == wired
    for node, content in prompt.items():
        widgets = [value for value in content["inputs"].values() if not isinstance(value, list)]
        assert all(value in nodes[int(node)]["widgets_values"] for value in widgets)
