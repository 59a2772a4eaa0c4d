"""Curves on a running server: an input is a number in old prompts, a wire in new ones."""

from typing import Any

import numpy as np
import pytest

from tools.client import Client, PromptRejected
from tools.server import Server

from .conftest import APPLY
from .long_animations import frames_of, long_animation, node

FRAMES = 4


def animated(comfy: Server, client: Client, strength: Any, **more: dict[str, Any]) -> np.ndarray:
    prompt = long_animation(FRAMES, **more)
    prompt[APPLY]["inputs"]["strength"] = strength
    return frames_of(comfy, client, prompt)


def test_numbers_and_curves_of_the_same_value_are_the_same(comfy: Server, client: Client) -> None:
    number = animated(comfy, client, 0.5)
    assert np.abs(number - animated(comfy, client, 1)).max() > 8
    curve = node("KinemaCurve", values="0: 0.5", easing="linear")
    steps = node("KinemaCurveOverSteps", values="0%: 0.25, 100%: 0.25")
    twice = node("KinemaCombineCurves", a=["steps", 0], b=2, operation="multiply")
    blocks = node("KinemaCurveOverBlocks", down=["curve", 0], mid=1.0, up=0.5)
    mask = node("SolidMask", value=0.25, width=64, height=48)
    picture = node("KinemaCurveFromMask", mask=["mask", 0], black=0.0, white=2.0)
    floats = node("KinemaCurveFromFloats", values=["half", 0])
    nodes = {
        "curve": curve, "steps": steps, "twice": twice, "blocks": blocks, "mask": mask, "picture": picture,
        "floats": floats, "half": node("PrimitiveFloat", value=0.5),
    }  # fmt: skip
    for name in ("curve", "twice", "blocks", "floats", "half"):
        np.testing.assert_array_equal(animated(comfy, client, [name, 0], **nodes), number)
    resized = animated(comfy, client, ["picture", 0], **nodes)  # for the deepest blocks, where 0.5 becomes 0.50000006
    assert np.abs(resized - number).max() <= 1


def test_a_curve_that_varies_does_something_else(comfy: Server, client: Client) -> None:
    curve = node("KinemaCurve", values="0: 0, -1: 1")
    ramp = animated(comfy, client, ["curve", 0], curve=curve)
    assert all(np.abs(ramp - animated(comfy, client, value)).max() > 8 for value in (0.0, 1.0))


def test_wrong_text_and_numbers_are_refused_before_anything_runs(client: Client) -> None:
    prompt = long_animation(FRAMES, curve=node("KinemaCurve", values="0: 0,\n8 1"))
    prompt[APPLY]["inputs"]["strength"] = ["curve", 0]
    with pytest.raises(PromptRejected, match='Curve, line 2, column 1: expected a frame and a value, but found "8 1"'):
        client.run(prompt)
    prompt = long_animation(FRAMES)
    prompt[APPLY]["inputs"]["strength"] = 99.0
    with pytest.raises(PromptRejected, match="bigger than max"):
        client.run(prompt)


def test_a_connected_number_outside_the_range_of_the_widget_is_used_and_said(client: Client) -> None:
    prompt = long_animation(FRAMES, twelve=node("PrimitiveFloat", value=12.0))
    prompt[APPLY]["inputs"]["strength"] = ["twelve", 0]
    said = "strength is 12, which is outside its range of -10 to 10; this value is used unchanged."
    assert client.run(prompt).said[APPLY] == said
