"""Prompts over time: which frame shows what, and the blended conditionings."""

import math

import comfy.hooks
import exact
import pytest
import text
import tiny
import torch
from comfy_extras import nodes_hooks
from compare import assert_alike

from kinema.sampling.curves.easings import EASINGS
from kinema.sampling.curves.timeline import TextError
from kinema.sampling.prompts.prompt_travel import encode_travel, plan_travel, slerp
from kinema.sampling.run.attach import added
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

SEA = "0: sea\n16: storm"


def shares(source, frames, number=1, **more):
    """How much of prompt `number` each frame shows."""
    mixes = plan_travel(source, frames, **more).mixes
    return [round((m.before == number) * (1 - m.weight) + (m.after == number) * m.weight, 4) for m in mixes]


def test_half_way_is_in_the_middle():
    assert shares(SEA, 20) == [i / 16 for i in range(17)] + [1.0] * 3


def test_first_prompt_reaches_back_and_the_last_one_on():
    assert shares("4: a\n6: b", 9) == [0, 0, 0, 0, 0, 0.5, 1, 1, 1]
    assert shares("4: a", 6, 0) == [1.0] * 6


def test_prompts_may_stand_in_any_order_and_behind_the_end():
    assert shares("8: b\n0: a", 9, 0) == [i / 8 for i in range(9)]
    assert shares("0: a\n8: b", 5) == [0, 0.125, 0.25, 0.375, 0.5]


def test_shares_and_negative_frames():
    assert plan_travel("0: a\n0.5: b\n-1: c", 9).mixes == plan_travel("0%: a\n4: b\n1.0: c", 9).mixes
    assert shares("0: a\n0.5: b\n-1: c", 9) == [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0]


def test_holding_and_ranges():
    assert shares('0: = "a", 4 = "b"', 6) == [0, 0, 0, 0, 1, 1]
    assert shares('0 = "a", 2:5 = "b", 8 = "c"', 9) == pytest.approx([0, 0.5, 1, 1, 1, 0.75, 0.5, 0.25, 0])


@pytest.mark.parametrize(
    ("easing", "expected"),
    [("ease in", [0, 0.0625, 0.25, 0.5625, 1]), ("ease out", [0, 0.4375, 0.75, 0.9375, 1]),
     ("ease in and out", [0, 0.1464, 0.5, 0.8536, 1])],
)  # fmt: skip
def test_easings_equal_published_values(easing, expected):
    assert shares("0: a\n4: b", 5, easing=easing) == expected


def test_a_loop_closes():
    assert shares("0: a\n6: b", 12, loop=True) == pytest.approx(
        [*(i / 6 for i in range(7)), *(1 - i / 6 for i in range(1, 6))], abs=1e-4
    )
    assert shares("2: a\n6: b", 8, loop=True) == [0.5, 0.25, 0, 0.25, 0.5, 0.75, 1, 0.75]
    for easing in EASINGS:
        around = shares("3: a\n9: b", 12, easing=easing, loop=True)
        assert max(abs(a - b) for a, b in zip(around, around[1:] + around[:1], strict=True)) < 0.4


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "0: a\n8: b\n0: c",
            "line 3, column 1: frame 0 already has a prompt, on line 1. Remove one of the two prompts.",
        ),
        ("0: a\n-20: b", "line 2, column 1: frame -20 is before the first of 16 frames. Use -16 or more."),
        ("0: a\n1.5: b", "line 2, column 1: 1.5 is outside the video. Use 0.0 to 1.0, or 0% to 100%."),
        ("0: a\n120%: b", "line 2, column 1: 120% is outside the video. Use 0.0 to 1.0, or 0% to 100%."),
        ('0 = "a",\n8:8 = "b"', "line 2, column 1: the range 8:8 is empty. Its end must be later than its start."),
        (
            "0: a\n15: b\n-1: c",
            "line 3, column 1: frame 15 already has a prompt, on line 2. Remove one of the two prompts.",
        ),
    ],
)
def test_errors_name_line_and_column(source, message):
    with pytest.raises(TextError) as error:
        plan_travel(source, 16)
    assert str(error.value) == f"Prompt Travel, {message}"


def test_a_frame_beyond_any_number_is_behind_the_end():
    assert shares(f"0: a\n{'9' * 400}: b", 4) == [0, 0, 0, 0]
    with pytest.raises(TextError, match="is before the first of 4 frames"):
        plan_travel(f"-{'9' * 400}: a", 4)


@pytest.fixture(scope="module")
def clip():
    return text.clip()


def encode(clip, source, frames, *, before="", after="", spherical=False, **more):
    ((rows, extra),) = encode_travel(clip, plan_travel(source, frames, **more), before, after, spherical)
    return rows, extra


def test_every_frame_is_blended_from_the_two_prompts_around_it(clip):
    rows, extra = encode(clip, SEA, 17)
    (sea, sea_extra), (storm, storm_extra) = text.encode(clip, "sea"), text.encode(clip, "storm")
    assert rows.shape == (17, 77, tiny.CONTEXT) and extra["pooled_output"].shape == (17, tiny.CONTEXT)
    for i in range(17):
        torch.testing.assert_close(rows[i : i + 1], torch.lerp(sea, storm, i / 16))
        pooled = torch.lerp(sea_extra["pooled_output"], storm_extra["pooled_output"], i / 16)
        torch.testing.assert_close(extra["pooled_output"][i : i + 1], pooled)
    assert torch.equal(rows[:1], sea) and not torch.allclose(sea, storm, atol=0.1)


def test_text_before_and_after_and_weights_in_the_hosts_syntax(clip):
    rows, _ = encode(clip, "0: sea,\n4: , (storm:1.4)", 5, before=" a film of, ", after="at night")
    assert torch.equal(rows[:1], text.encode(clip, "a film of, sea, at night")[0])
    assert torch.equal(rows[4:], text.encode(clip, "a film of, (storm:1.4), at night")[0])
    assert not torch.equal(rows[4:], text.encode(clip, "a film of, storm, at night")[0])


def test_prompts_of_other_lengths_mean_the_same_as_alone(clip):
    """Cross-attention does not notice tokens that are there several times."""
    model, long = exact.image_model(), "a very long storm over the sea " * 15
    rows, _ = encode(clip, f"0: sea\n3: {long}", 4)
    assert rows.shape == (4, 154, tiny.CONTEXT)
    ours = tiny.sample(model, positive=[[rows, {}]])
    for frame, prompt in ((0, "sea"), (3, long)):
        alone = tiny.sample(model, positive=[text.encode(clip, prompt)])
        assert_alike(ours[frame], alone[frame])


def test_a_scheduled_lora_of_the_text_encoder(clip):
    """The host then gives several conditionings for one text, each for a part of the run."""
    lora = {f"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_{side}.weight": torch.randn(shape, generator=tiny.generator(1))
            for side, shape in (("up", (64, 4)), ("down", (4, tiny.CONTEXT)))}  # fmt: skip
    hooks = comfy.hooks.create_hook_lora(lora, 0.0, 1.0)
    keyframes = comfy.hooks.HookKeyframeGroup()
    for strength, start in ((1.0, 0.0), (0.0, 0.5)):
        keyframes.add(comfy.hooks.HookKeyframe(strength=strength, start_percent=start))
    hooks.set_keyframes_on_hooks(keyframes)
    (scheduled,) = nodes_hooks.SetClipHooks().apply_hooks(clip, schedule_clip=True, apply_to_conds=True, hooks=hooks)
    parts = encode_travel(scheduled, plan_travel(SEA, 17), "", "", False)
    assert [(extra["clip_start_percent"], extra["clip_end_percent"]) for _, extra in parts] == [(0.0, 0.5), (0.5, 1.0)]
    assert all(extra["hooks"] is not None for _, extra in parts)
    plain, _ = encode(clip, SEA, 17)
    torch.testing.assert_close(parts[1][0], plain)
    assert not torch.allclose(parts[0][0], plain, atol=1e-2)


def test_spherical_blending_keeps_length_and_turns_evenly(clip):
    a, b = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    for i in range(5):
        angle, length = math.pi / 2 * i / 4, 3 - 2 * i / 4
        expected = torch.tensor([[length * math.cos(angle), length * math.sin(angle)]])
        torch.testing.assert_close(slerp(a, b, i / 4), expected)
    torch.testing.assert_close(slerp(a, 2 * a, 0.5), 1.5 * a)
    torch.testing.assert_close(slerp(a, torch.zeros(1, 2), 0.5), a / 2, atol=1e-5, rtol=0)
    rows, _ = encode(clip, SEA, 17, spherical=True)
    torch.testing.assert_close(rows[8:9], slerp(text.encode(clip, "sea")[0], text.encode(clip, "storm")[0], 0.5))


def test_prompts_travel_through_context_windows(clip):
    model = exact.image_model()
    rows, extra = encode(clip, "0: sea\n8: storm\n-1: dawn", 13)
    cut = added(model, windows=ContextWindows(WindowSpec(4, 1, "uniform"), at_once=2))
    ours, expected = (tiny.sample(m, frames=13, size=4, steps=1, positive=[[rows, extra]]) for m in (cut, model))
    assert_alike(ours, expected)
