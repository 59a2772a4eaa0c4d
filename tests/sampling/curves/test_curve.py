"""Curves: what they are at every frame, step, place of the picture and block of the UNet."""

import pytest
import tiny
import torch

from kinema.sampling.call.frames import Frames
from kinema.sampling.call.progress import Progress, percent_of
from kinema.sampling.curves.curve import (
    Blocks,
    Combined,
    Constant,
    Listed,
    Moment,
    OverBlocks,
    OverPicture,
    Part,
    as_curve,
    value_at,
)  # fmt: skip
from kinema.sampling.curves.curve_keys import OverFrames, OverRun
from kinema.sampling.curves.curve_text import read_blocks, read_keys


def frames(total, indices=None):
    indices = tuple(range(total)) if indices is None else tuple(indices)
    return Frames(len(indices), indices, total)


def over_frames(source, total, easing="linear"):
    value = value_at(OverFrames(read_keys(source, easing)), Moment(frames(total)))
    return [value] * total if isinstance(value, float) else value.flatten().tolist()


def test_values_published_for_schedules_by_frame():
    """What the field's value schedules give (0 = first frame, shares of the length, holds)."""
    assert over_frames("0 = 1.0, 4 = 3.0", 8) == [1, 1.5, 2, 2.5, 3, 3, 3, 3]
    assert over_frames("0: = 1, 4 = 3", 8) == [1, 1, 1, 1, 3, 3, 3, 3]
    assert over_frames("0 = 1, 0.5 = 3, -1 = 0", 9) == [1, 1.5, 2, 2.5, 3, 2.25, 1.5, 0.75, 0]


@pytest.mark.parametrize(
    "source",
    ["0: 1.0, 4: 3.0", "0: 1\n4: 3", '"0": 1.0,\n"4": 3.0', "{'0': 1, '4': 3.0,}", "4: 3, 0: +1e0", "0%: 1, 50% = 3"],
)
def test_every_form_of_text(source):
    assert over_frames(source, 8) == [1, 1.5, 2, 2.5, 3, 3, 3, 3]


def test_easings_and_holds_of_single_keys():
    assert over_frames("0: 0, 4: 1 ease in", 5) == [0, 0.0625, 0.25, 0.5625, 1]
    assert over_frames("0: 0, 4: 1", 5, "ease out") == [0, 0.4375, 0.75, 0.9375, 1]
    assert over_frames("0: 0, 2: 1 hold, 4: 0 linear", 5, "ease in") == [0, 0, 1, 0.5, 0]
    assert over_frames("0: 0, 2:5 = 1, 8: 0", 9) == pytest.approx([0, 0.5, 1, 1, 1, 0.75, 0.5, 0.25, 0])


def test_windows_see_their_own_part():
    curve = OverFrames(read_keys("0: 0, 20: 20"))
    looped = Moment(Frames(4, (19, 20, 0, 1), 21))
    assert value_at(curve, looped).flatten().tolist() == [19, 20, 0, 1]
    assert value_at(curve, Moment(frames(21, (3,)))) == 3.0
    assert value_at(Listed((1.0, 2.0, 5.0)), Moment(frames(9, (1, 2, 8)))).flatten().tolist() == [2, 5, 5]


def test_a_constant_is_a_number():
    moment = Moment(frames(4))
    assert value_at(2, moment) == value_at(as_curve(2), moment) == value_at(Listed((2.0,)), moment) == 2.0
    assert value_at(OverPicture(torch.full((1, 3, 3), 0.5)), Moment(frames(4), (8, 8))) == 0.5


@pytest.fixture(scope="module")
def sampling():
    return tiny.image_model().get_model_object("model_sampling")


def run_values(curve, sampling, sigmas):
    moments = [Moment(frames(2), (1, 1), Progress(sigma, sampling, sigmas)) for sigma in sigmas[:-1]]
    return [value_at(curve, moment) for moment in moments]


@pytest.mark.parametrize("scheduler", ["normal", "karras", "simple"])
def test_steps_are_exact_for_any_scheduler(sampling, scheduler):
    import comfy.samplers

    sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, 8)
    held = OverRun(read_keys("0: 8, 3: 4 hold, -1: 1 hold"))
    assert run_values(held, sampling, sigmas) == [8, 8, 8, 4, 4, 4, 4, 1]
    half = OverRun(read_keys("0: 8, 50%: 4 hold"))
    middle = sampling.percent_to_sigma(0.5)
    assert run_values(half, sampling, sigmas) == [4 if sigma <= middle else 8 for sigma in sigmas[:-1]]


def test_percents_are_the_hosts(sampling):
    for percent in (0.1, 0.33, 0.5, 0.999):
        assert percent_of(sampling.percent_to_sigma(percent), sampling) == pytest.approx(percent, abs=1e-4)
    levels = torch.tensor([sampling.percent_to_sigma(p) for p in (0.25, 0.5, 0.6, 0.75, 1.0)])
    ramp = OverRun(read_keys("25%: 0, 75%: 1"))
    assert run_values(ramp, sampling, levels) == pytest.approx([0, 0.5, 0.7, 1], abs=1e-3)


def test_a_run_that_has_not_begun_is_at_its_start():
    assert value_at(OverRun(read_keys("50%: 4, 0: 8")), Moment(frames(2))) == 8


def test_steps_need_a_sampler_that_tells_them(sampling):
    moment = Moment(frames(2), (1, 1), Progress(torch.tensor(3.0), sampling))
    with pytest.raises(ValueError, match="does not report its steps. Use fractions of the run instead, such as 50%"):
        value_at(OverRun(read_keys("0: 1, 3: 2")), moment)


def test_masks_are_reduced_to_the_latents_and_follow_the_window():
    left = torch.zeros(3, 16, 16)
    left[:, :, :8] = torch.tensor([1.0, 2.0, 3.0])[:, None, None]
    value = value_at(OverPicture(left), Moment(frames(9, (1, 7)), (4, 4)))
    assert value.shape == (2, 1, 4, 4)
    torch.testing.assert_close(value[:, 0, 2], torch.tensor([[2.0, 2, 0, 0], [3.0, 3, 0, 0]]))
    larger = value_at(OverPicture(left), Moment(frames(9, (1,)), (32, 32)))[0, 0, 2]
    torch.testing.assert_close(larger[[0, 31]], torch.tensor([2.0, 0.0]))


def test_blocks():
    curve = OverBlocks(
        ((Blocks("up"), Constant(0.5)), (Blocks("up", 1, 2), Constant(0.0)), (Blocks(attention=1), Constant(3.0)))
    )
    written = read_blocks("up: 0.5, UP 1.2: 0\nattn2: 3")
    moment = Moment(frames(2))
    for place, attention, expected in (
        ("down_blocks.1.motion_modules.2", None, 1.0), ("mid_block.motion_modules.0", None, 1.0),
        ("up_blocks.0.motion_modules.2", None, 0.5), ("up_blocks.1.motion_modules.2", None, 0.0),
        ("up_blocks.1.motion_modules.2", 1, 3.0), ("up_blocks.1.motion_modules.1", 0, 0.5),
    ):  # fmt: skip
        assert value_at(curve, moment, Part(place, attention)) == expected
        assert value_at(written, moment, Part(place, attention)) == expected
    with pytest.raises(ValueError, match="one value for the whole UNet"):
        value_at(Combined("multiply", curve, Constant(2.0)), moment)


def test_products_and_the_other_operations():
    moment = Moment(frames(4), (2, 2))
    ramp, mask = Listed((0.0, 1.0, 2.0, 3.0)), OverPicture(torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]))
    product = value_at(Combined("multiply", ramp, mask), moment)
    assert product.shape == (4, 1, 2, 2) and product[3, 0].tolist() == [[0, 3], [3, 0]]
    expected = {"add": [1, 2, 3, 4], "subtract": [-1, 0, 1, 2], "minimum": [0, 1, 1, 1], "maximum": [1, 1, 2, 3]}
    for operation, values in expected.items():
        assert value_at(Combined(operation, ramp, Constant(1.0)), moment).flatten().tolist() == values
    assert value_at(Combined("multiply", ramp, Constant(0.0)), moment) == 0.0
    assert value_at(Combined("minimum", Constant(2.0), Constant(1.0)), moment) == 1.0
