"""The nodes that make, combine and draw curves."""

import math

import exact
import numpy as np
import pytest
import tiny
import torch
from compare import assert_alike, assert_other

from kinema.nodes.animation_guidance import AnimationGuidanceNode
from kinema.nodes.apply_motion_model import ApplyMotionModelNode
from kinema.nodes.combine_curves import CombineCurvesNode
from kinema.nodes.curve import CurveNode
from kinema.nodes.curve_from_floats import CurveFromFloatsNode
from kinema.nodes.curve_from_mask import CurveFromMaskNode
from kinema.nodes.curve_over_blocks import CurveOverBlocksNode
from kinema.nodes.curve_over_steps import CurveOverStepsNode
from kinema.nodes.plot_curve import PlotCurveNode
from kinema.sampling.call.frames import Frames
from kinema.sampling.call.moment import Moment, Part
from kinema.sampling.curves.curve import as_curve, value_at
from kinema.sampling.curves.curve_picture import lines_of
from kinema.sampling.curves.curve_samples import sample_curve


def values(curve, frames=4, size=(1, 1), place=None):
    moment = Moment(Frames(frames, tuple(range(frames)), frames), size)
    value = value_at(curve, moment, place and Part(place))
    return value if isinstance(value, float) else value.squeeze().tolist()


def test_text():
    assert values(CurveNode.execute("0: 0, -1: 3")[0]) == [0, 1, 2, 3]
    assert values(CurveNode.execute("0: 0, -1: 3", "hold")[0]) == [0, 0, 0, 3]
    assert values(CurveOverStepsNode.execute("0: 5, 50%: 1")[0]) == 5
    assert CurveNode.validate_inputs() is True and CurveNode.validate_inputs("0: 1") is True
    assert CurveOverStepsNode.validate_inputs("x").startswith("Curve, line 1, column 1: expected a frame and a value")


@pytest.mark.parametrize(
    "given",
    [[1.0, 2.0, 5.0], [[1.0, 2.0, 5.0]], [np.array([1.0, 2.0, 5.0])], [torch.tensor([1.0, 2.0, 5.0])], [(1,), [2, 5.0]]],
)  # fmt: skip
def test_lists_of_numbers(given):
    assert values(CurveFromFloatsNode.execute(given)[0]) == [1, 2, 5, 5]
    scaled = CurveFromFloatsNode.execute(given, ["lowest to highest"], [0.0], [2.0])[0]
    assert values(scaled) == [0, 0.5, 2, 2]


def test_lists_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="The list of numbers is empty"):
        CurveFromFloatsNode.execute([[]])
    with pytest.raises(ValueError, match='A value in the list must be a number, but it is the text "loud"'):
        CurveFromFloatsNode.execute(["loud"])
    with pytest.raises(ValueError, match="A value in the list is nan, which is not a finite number"):
        CurveFromFloatsNode.execute([math.nan])


def test_masks():
    mask = torch.tensor([[[0.2, 0.6], [0.2, 0.2]]])
    for scaling, expected in (
        ("black to white", [[1.4, 2.2], [1.4, 1.4]]), ("darkest to brightest", [[1.0, 3.0], [1.0, 1.0]]),
    ):  # fmt: skip
        found = values(CurveFromMaskNode.execute(mask, 1.0, 3.0, scaling)[0], 1, (2, 2))
        torch.testing.assert_close(torch.tensor(found), torch.tensor(expected))


def test_blocks_and_products():
    up, down = "up_blocks.1.motion_modules.2", "down_blocks.0.motion_modules.0"
    ramp = CurveNode.execute("0: 0, -1: 3")[0]
    blocks = CurveOverBlocksNode.execute(0.5, 1.0, ramp, "up 1.2: 4")[0]
    assert values(blocks, place=down) == 0.5 and values(blocks, place=up) == 4
    assert values(blocks, place="up_blocks.1.motion_modules.1") == [0, 1, 2, 3]
    product = CombineCurvesNode.execute(blocks, 2, "multiply")[0]
    assert values(product, place="up_blocks.0.motion_modules.0") == [0, 2, 4, 6]
    assert CurveOverBlocksNode.validate_inputs("up 1: x").startswith("Curve, line 1, column 1: expected a block")
    assert CurveOverBlocksNode.validate_inputs("") is True


@pytest.mark.parametrize("node", [CurveNode, CurveOverStepsNode, CurveOverBlocksNode])
def test_texts_that_are_too_long_are_refused_before_the_run(node):
    said = node.validate_inputs("0: 1\n" * 20_001)
    assert said.endswith("the text has 100,005 characters, but at most 100,000 are read. Write a shorter one.")


def test_curves_go_where_numbers_go(tmp_path):
    motion = exact.motion_model(tiny.motion_weights(), tmp_path / "v3_mm.safetensors")
    ramp = CurveNode.execute("0: 0, -1: 1")[0]
    flat = CurveNode.execute("0: 0.5")[0]
    image = exact.image_model()

    def sample(strength, attention, cfg):
        model = ApplyMotionModelNode.execute(image, motion, strength, "automatic", attention=attention)[0]
        return tiny.sample(AnimationGuidanceNode.execute(model, cfg)[0], steps=1)

    numbers = sample(0.5, 0.5, 0.5)
    assert_alike(sample(flat, flat, flat), numbers)
    for values in ((ramp, 0.5, 0.5), (0.5, ramp, 0.5), (0.5, 0.5, ramp)):
        assert_other(sample(*values), numbers)


def lines(curve, frames=8, steps=6):
    import comfy.samplers

    sampling = tiny.image_model().get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, "normal", steps)
    return lines_of(sample_curve(as_curve(curve), frames, sigmas, sampling))


def test_a_plot_has_the_lines_that_differ():
    assert lines(2.0)[0][0].values == [2.0] * 8
    ramp, steps = CurveNode.execute("0: 0, -1: 7")[0], CurveOverStepsNode.execute("0: 6, 3: 1 hold")[0]
    (line,), axis = lines(ramp)
    assert line.values == [0, 1, 2, 3, 4, 5, 6, 7] and axis == "frame"
    (line,), axis = lines(steps)
    assert line.values == [6, 6, 6, 1, 1, 1] and axis == "step"
    both, axis = lines(CombineCurvesNode.execute(ramp, steps, "multiply")[0])
    assert axis == "frame" and [line.label for line in both] == [f"step {step}" for step in (0, 1, 2, 4, 5)]
    assert both[0].values[-1] == 42 and both[-1].values[-1] == 7
    blocks, _ = lines(CurveOverBlocksNode.execute(0.5, 1.0, 1.0, "up 1.2: 0, attn2: 3")[0])
    named = {line.label: line.values[0] for line in blocks}
    assert named["up 1.2 attn1"] == 0 and sorted(named.values()) == [0, 0.5, 1, 3]


@pytest.mark.parametrize("width", [320, 960])
def test_the_plot_is_drawn(width):
    mask = CurveFromMaskNode.execute(torch.rand(4, 16, 16, generator=tiny.generator(0)), -1.0, 1.0)[0]
    curve = CombineCurvesNode.execute(mask, CurveNode.execute("0: 0, -1: 3")[0], "multiply")[0]
    plain = PlotCurveNode.execute(1.0, 16, width=width)[0]
    drawn = PlotCurveNode.execute(curve, 1, {"samples": torch.zeros(16, 4, 8, 8)}, width=width)[0]
    assert drawn.shape[0] == 1 and drawn.shape[2:] == (width, 3) and 0 <= drawn.min() < drawn.max() <= 1
    assert drawn.shape[1] > plain.shape[1] >= 320
    assert torch.equal(PlotCurveNode.execute(curve, 16, width=width)[0], drawn)
