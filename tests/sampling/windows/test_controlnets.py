"""Every window sees the hints of its own frames. The oracle is the host without windows, given all frames at once."""

import logging

import controls
import pytest
import tiny
import torch
from compare import assert_alike, assert_other

from kinema.sampling.run.attach import added
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

FRAMES = 7


def in_windows(model, control, *, schedule="static", at_once=1, size=4, **more):
    cut = added(model, windows=ContextWindows(WindowSpec(3, 1, schedule), at_once=at_once))
    return tiny.sample(cut, frames=FRAMES, positive=controls.controlled(control), size=size, **more)


def at_once(model, control, size=4, **more):
    return tiny.sample(model, frames=FRAMES, positive=controls.controlled(control), size=size, **more)


@pytest.mark.parametrize("kind", controls.KINDS)
def test_each_window_sees_its_own_hints(model, kind):
    """In windows that stay and in those that move and loop, one at a time and several."""
    control = controls.KINDS[kind]().set_cond_hint(controls.hints(FRAMES), 0.7, (0.0, 1.0))
    expected = at_once(model, control, steps=3)
    for schedule, batch in (("static", 1), ("looped", 2)):
        assert_alike(in_windows(model, control, schedule=schedule, at_once=batch, steps=3), expected)
        assert control.cond_hint_original.shape[0] == FRAMES and control.cond_hint is None
    others = controls.KINDS[kind]().set_cond_hint(controls.hints(FRAMES).roll(1, 0), 0.7, (0.0, 1.0))
    assert_other(at_once(model, others, steps=3), expected)  # the hints of its neighbour change a frame


@pytest.mark.parametrize("batching", ["together", "apart"])
def test_chained_controls_with_strengths_and_parts_of_the_run(model, batching, monkeypatch):
    if batching == "apart":
        monkeypatch.setattr(model.model, "memory_required", lambda *a, **k: 1e30)
    first = controls.control_net(1).set_cond_hint(controls.hints(FRAMES, seed=1), 0.8, (0.0, 0.6))
    second = controls.t2i_adapter(2).set_cond_hint(controls.hints(FRAMES, seed=2), 0.5, (0.3, 1.0))
    third = controls.control_lora(3).set_cond_hint(controls.hints(FRAMES, 72, seed=3), 0.4)
    second.set_previous_controlnet(first)
    third.set_previous_controlnet(second)
    assert_alike(in_windows(model, third, steps=4), at_once(model, third, steps=4))


@pytest.mark.parametrize("kind", controls.KINDS)
def test_a_single_picture_serves_all_frames(model, kind):
    control = controls.KINDS[kind]().set_cond_hint(controls.hints(1), 1.0)
    assert_alike(in_windows(model, control), at_once(model, control))


def test_the_last_hint_serves_for_missing_ones_with_a_warning(model, caplog):
    few, all_frames = controls.hints(4), controls.hints(4)[[0, 1, 2, 3, 3, 3, 3]]
    expected = at_once(model, controls.control_net().set_cond_hint(all_frames))
    with caplog.at_level(logging.WARNING):
        assert_alike(in_windows(model, controls.control_net().set_cond_hint(few)), expected)
    assert [r.getMessage() for r in caplog.records if "ControlNet" in r.getMessage()] == [
        "A ControlNet has 4 pictures for 7 frames: the last picture is repeated for the remaining frames."
    ]


def test_more_hints_than_frames(model):
    control = controls.control_net().set_cond_hint(controls.hints(FRAMES + 5))
    assert_alike(in_windows(model, control), at_once(model, control))


def test_hints_are_prepared_once_per_run_and_not_per_step(model):
    prepared = []
    control = controls.control_net(preprocess_image=lambda image: (prepared.append(len(image)), image)[1])
    control.set_cond_hint(controls.hints(FRAMES))
    in_windows(model, control, steps=1, schedule="uniform")
    once = list(prepared)
    in_windows(model, control, steps=5, schedule="uniform")
    assert prepared == once * 2 and sum(once) <= FRAMES + 2  # overlapping frames of the first step come twice


def test_adapters_encode_once_per_run_and_not_per_step(model):
    control = controls.t2i_adapter().set_cond_hint(controls.hints(FRAMES))
    calls = []
    control.t2i_model.register_forward_hook(lambda *args: calls.append(1))
    in_windows(model, control, steps=1)
    once = len(calls)
    in_windows(model, control, steps=4)
    assert len(calls) == 2 * once == 6


def test_pictures_of_any_size(model):
    """A size that is no multiple of the adapter's makes the host encode anew at every call."""
    control = controls.t2i_adapter().set_cond_hint(controls.hints(FRAMES, 40))
    assert_alike(in_windows(model, control, size=6), at_once(model, control, size=6))


def test_masks_of_an_inpainting_control_net_follow_too(model):
    network = controls.control_net(concat_mask=True)
    first = network.control_model.input_hint_block[0]
    network.control_model.input_hint_block[0] = type(first)(4, first.out_channels, 3, padding=1)
    with torch.no_grad():
        for parameter in network.control_model.input_hint_block[0].parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=tiny.generator(4)))
    masks = (torch.rand(FRAMES, 1, 32, 32, generator=tiny.generator(5)) > 0.5).float()
    network.set_cond_hint(controls.hints(FRAMES), 1.0, extra_concat=[masks])
    expected = at_once(model, network)
    assert_alike(in_windows(model, network), expected)
    assert_other(
        at_once(model, network.set_cond_hint(controls.hints(FRAMES), extra_concat=[masks.roll(1, 0)])), expected
    )


def test_hints_in_an_area(model):
    control = controls.control_net().set_cond_hint(controls.hints(FRAMES))
    part = [tiny.conditioning(7)[0][0], {"area": (4, 2, 0, 2), "strength": 1.0, "control": control}]
    positive = [*tiny.conditioning(3), part]
    cut = added(model, windows=ContextWindows(WindowSpec(3, 1), at_once=1))
    assert_alike(*(tiny.sample(m, frames=FRAMES, positive=positive, size=4) for m in (cut, model)))


class OtherPack(type(controls.control_net())):
    """A control of another pack: it takes care of the frames by itself, with the help of "ad_params"."""

    seen = ()

    def get_control(self, x_noisy, t, cond, batched_number, transformer_options):
        self.seen = (*self.seen, x_noisy.shape[0] // batched_number)
        if self.previous_controlnet is None:
            return None
        return self.previous_controlnet.get_control(x_noisy, t, cond, batched_number, transformer_options)


def test_controls_of_other_packs_get_one_window_at_a_time(model):
    first = controls.control_net().set_cond_hint(controls.hints(FRAMES))
    expected = at_once(model, first)
    other = OtherPack(first.control_model, load_device=torch.device("cpu"))
    other.set_previous_controlnet(first)
    assert_alike(in_windows(model, other, at_once=3), expected)
    assert set(other.seen) == {3}


def test_an_error_in_a_window_leaves_the_hints_as_they_were(model):
    control = controls.control_net().set_cond_hint(controls.hints(FRAMES))

    def fail(*args):
        raise RuntimeError("stop")

    handle = control.control_model.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="stop"):
        in_windows(model, control)
    handle.remove()
    assert torch.equal(control.cond_hint_original, controls.hints(FRAMES)) and control.cond_hint is None
    assert_alike(in_windows(model, control), at_once(model, control))
