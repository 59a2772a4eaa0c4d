"""Later windows that refer to the first, against the same thing said of all frames at once in the host."""

from functools import partial

import comfy.model_management
import comfy.patcher_extension
import pytest
import tiny
import torch
from comfy_extras.nodes_pag import PerturbedAttentionGuidance
from comfy_extras.nodes_sag import SelfAttentionGuidance
from compare import assert_alike
from controls import control_net

from kinema.sampling.curves.curve import Listed
from kinema.sampling.guidance.animation_guidance import Guidance
from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.animation import Animation, animation_of
from kinema.sampling.run.attach import added, attach, changed, refer_windows
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.window_reference import WindowReference

SIZE = 4  # of the latents
WRAPPERS = comfy.patcher_extension.WrappersMP


def windows(length=3, overlap=0, schedule="static", **more):
    return ContextWindows(WindowSpec(length, overlap, schedule), **more)


def attending(model, **more):
    return refer_windows(model, WindowReference("attend", **{"end_percent": 1.0, **more}))


def reusing(model, **more):
    return refer_windows(model, WindowReference("reuse", **{"end_percent": 1.0, **more}))


def watched(model):
    """A clone of `model`, and a list that fills with the frames of its model calls."""
    seen, model = [], model.clone()

    def watch(executor, base, conds, x, timestep, options):
        window = options["transformer_options"].get("context_window")
        seen.append(None if window is None else tuple(window.index_list))
        return executor(base, conds, x, timestep, options)

    model.add_wrapper_with_key(WRAPPERS.CALC_COND_BATCH, "test", watch)
    return model, seen


def oracle(model, strength=1.0, length=3):
    """All frames at once; each attends to its own tokens and to those of the frame at its place of the first window.
    Frames of the first window thus have their own twice, which attention does not notice."""
    model = model.clone()

    def patch(queries, keys, values, options):
        each = []
        for own in keys.chunk(len(options["uuids"])):
            share = torch.as_tensor(strength, dtype=own.dtype).expand(len(own)).view(-1, 1, 1)
            reference = own[torch.arange(len(own)) % length]
            each.append(torch.cat([own, own + (reference - own) * share], 1))
        both = torch.cat(each)
        return queries, both, both

    model.set_model_attn1_patch(patch)
    return model


@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_attend_equals_the_oracle(model, cfg):
    expected = tiny.sample(oracle(model), 9, cfg=cfg, size=SIZE)
    for at_once in (1, 2, 3):
        windowed = attending(added(model, windows=windows(at_once=at_once)))
        assert_alike(tiny.sample(windowed, 9, cfg=cfg, size=SIZE), expected)


@pytest.mark.parametrize("strength", [0.4, [1, 1, 1, 0.0, 0.5, 1.0]])
def test_strength_of_attend(model, strength):
    given = Listed(tuple(map(float, strength))) if isinstance(strength, list) else strength
    windowed = attending(added(model, windows=windows()), strength=given)
    expected = tiny.sample(oracle(model, strength), 6, cfg=1.0, size=SIZE)
    assert_alike(tiny.sample(windowed, 6, cfg=1.0, size=SIZE), expected)


def test_attend_changes_something_and_strength_0_nothing(model):
    model = added(model, windows=windows())
    plain = tiny.sample(model, 6, size=SIZE)
    other = tiny.sample(attending(model), 6, size=SIZE)
    assert_alike(other[:3], plain[:3])
    assert (other[3:] - plain[3:]).abs().max() > 0.1
    assert torch.equal(tiny.sample(attending(model, strength=0.0), 6, size=SIZE), plain)


def assert_attends(model, positive):
    windowed = attending(added(model, windows=windows()))
    expected = tiny.sample(oracle(model), 6, positive=positive, size=SIZE)
    assert_alike(tiny.sample(windowed, 6, positive=positive, size=SIZE), expected)


def test_prompts_that_the_host_computes_apart(model):
    """A ControlNet on one prompt only keeps the host from putting both into one call."""
    positive = tiny.conditioning(3)
    control = control_net().set_cond_hint(torch.rand(6, 3, 32, 32, generator=tiny.generator(1)), 0.7)
    assert_attends(model, [[positive[0][0], {"control": control, "control_apply_to_uncond": False}]])


def test_areas(model):
    area = [tiny.conditioning(3)[0][0], {"area": (4, 2, 0, 2), "strength": 1.0}]
    assert_attends(model, [*tiny.conditioning(6), area])


def predictions(model, frames=6, **more):
    """What the model predicts at each call, (f, c, h, w)."""
    seen, model = [], model.clone()

    def watch(executor, *args):
        seen.append(executor(*args).clone())
        return seen[-1]

    model.add_wrapper_with_key(WRAPPERS.PREDICT_NOISE, "test", watch)
    tiny.sample(model, frames, size=SIZE, **more)
    return seen


@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_reuse_by_hand(model, cfg):
    plain = predictions(model, cfg=cfg, steps=1)[0]
    mixed = predictions(reusing(added(model, windows=windows()), strength=0.3), cfg=cfg, steps=1)[0]
    assert_alike(mixed, plain + torch.cat([plain[:3] * 0, plain[:3] - plain[3:]]) * 0.3)
    curved = reusing(added(model, windows=windows()), strength=Listed((1.0, 1.0, 1.0, 0.0, 1.0, 1.0)))
    assert_alike(predictions(curved, cfg=cfg, steps=1)[0], plain[[0, 1, 2, 3, 1, 2]])


@pytest.mark.one_window
def test_full_reuse_computes_the_first_window_only():
    model, seen = watched(reusing(added(tiny.image_model(), windows=windows(4, 1)), end_percent=0.5))
    tiny.sample(model, 10, steps=4, size=2)
    first, others = (0, 1, 2, 3), [(3, 4, 5, 6), (6, 7, 8, 9)]
    alone = next(i for i, frames in enumerate(seen) if frames != first)
    assert alone >= 2 and seen == [first] * (alone - 1) + [first, *others] * (4 - alone + 1)


def test_frames_that_windows_share_are_blended_of_both(model):
    predicted = predictions(reusing(added(model, windows=windows(4, 2, fuse="flat"))), steps=1, cfg=1.0)[0]
    first = predictions(model, frames=4, steps=1, cfg=1.0, noise=tiny_noise(6)[:4])[0]
    assert_alike(predicted, torch.cat([first[:2], (first[2:] + first[:2]) / 2, first[2:]]))


def tiny_noise(frames):
    return torch.randn(frames, 4, SIZE, SIZE, generator=tiny.generator(5))


def test_percents():
    """The first step only: what follows is as without."""
    model = added(tiny.image_model(), windows=windows())
    plain = predictions(model, steps=3, cfg=1.0)
    for refer in (attending, reusing):
        early = predictions(refer(model, end_percent=0.1), steps=3, cfg=1.0)
        late = predictions(refer(model, start_percent=0.9), steps=3, cfg=1.0)
        assert (early[0][3:] - plain[0][3:]).abs().max() > 0.1 and torch.equal(late[0], plain[0])


@pytest.mark.one_window
def test_the_window_with_the_beginning_is_the_first():
    model, seen = watched(attending(added(tiny.image_model(), windows=windows(16, 4, "uniform"))))
    tiny.sample(model, 32, steps=3, cfg=1.0, size=2)
    assert all(0 in frames for frames in seen[::3])


def test_a_shorter_last_window(model):
    """Of frames 8 and 9 only: they refer to frames 0 and 1, in both modes."""
    both = attending(reusing(added(model, windows=windows(4, 0, "batched")), strength=0.5))
    (mixed,) = predictions(both, 10, steps=1, cfg=1.0)
    (own,) = predictions(oracle(model, length=4), 10, steps=1, cfg=1.0)
    first = own[torch.arange(10) % 4]
    assert_alike(mixed, (own + first) / 2)


def test_a_short_window_at_the_beginning_is_not_the_one_that_others_refer_to(model):
    given = predictions(reusing(added(model, windows=windows(4, 0, "shifting"))), 8, steps=2, cfg=1.0)
    assert_alike(given[0][4:], given[0][:4])
    assert_alike(given[1], given[1][[2, 3, 2, 3, 4, 5, 2, 3]])


def test_no_windows_no_reference():
    model = tiny.image_model()
    plain = tiny.sample(model, 6, size=SIZE)
    for refer in (attending, reusing):
        assert torch.equal(tiny.sample(refer(added(model, windows=windows(8))), 6, size=SIZE), plain)


def test_with_motion_and_first_frame_attention(model, motion):
    animated = attach(changed(model, first_frame=True), motion, Applied())
    animated = added(animated, windows=windows(4, 1))
    plain = tiny.sample(animated, 7, size=SIZE)
    for refer in (attending, reusing):
        referring = tiny.sample(refer(animated), 7, size=SIZE)
        assert referring.isfinite().all() and not torch.allclose(referring, plain, atol=0.1)
        turned = added(attach(refer(changed(model, first_frame=True)), motion, Applied()), windows=windows(4, 1))
        assert_alike(tiny.sample(turned, 7, size=SIZE), referring)


GUIDANCES = {
    "PAG": lambda model: PerturbedAttentionGuidance.execute(model, 2.0)[0],
    "SAG": lambda model: SelfAttentionGuidance.execute(model, 0.5, 2.0)[0],
}


@pytest.mark.parametrize("name", GUIDANCES)
def test_guidance_that_replaces_attentions_keeps_them(name):
    """The host's PAG and SAG compute the middle block's attention themselves, for as many keys as queries."""
    guide, model = GUIDANCES[name], added(tiny.image_model(), windows=windows())
    run = partial(tiny.sample, frames=6, steps=1, size=12)  # at 8 the middle of the UNet sees one place
    both = run(attending(guide(model)))
    assert both.isfinite().all() and torch.equal(both, run(guide(attending(model))))
    for other in (guide(model), attending(model)):
        assert (both - run(other))[3:].abs().max() > 0.1


def test_modes_add_up_and_replace_their_own_kind():
    model = tiny.image_model()
    both = attending(reusing(attending(model, strength=0.2)), strength=0.7)
    kept = both.clone().model_options
    assert [(one.mode, one.strength) for one in animation_of(kept).references] == [("reuse", 1.0), ("attend", 0.7)]
    assert len(kept["transformer_options"]["patches"]["attn1_patch"]) == 1
    assert animation_of(model.model_options) == Animation()


def test_an_interrupt_leaves_nothing_behind():
    model = attending(added(tiny.image_model(), windows=windows()))
    before = tiny.sample(model, 6, size=SIZE)
    interrupting = model.clone()

    def interrupt(executor, *args):
        comfy.model_management.interrupt_current_processing()
        return executor(*args)

    interrupting.add_wrapper_with_key(WRAPPERS.CALC_COND_BATCH, "interrupt", interrupt)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        tiny.sample(interrupting, 6, size=SIZE)
    assert torch.equal(tiny.sample(model, 6, size=SIZE), before)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_batches_that_were_split_are_said(size):
    model = attending(added(tiny.image_model(), windows=windows()))

    def split(apply_model, parameters):
        count = 6 // size
        x, t, c = parameters["input"], parameters["timestep"], parameters["c"]
        halves = [
            {k: v.chunk(count)[i] if isinstance(v, torch.Tensor) else v for k, v in c.items()} for i in range(count)
        ]
        return torch.cat([apply_model(x.chunk(count)[i], t.chunk(count)[i], **halves[i]) for i in range(count)])

    model.set_model_unet_function_wrapper(split)
    message = f"split a batch of 2 x 3 latents into batches of {size}, but Window Reference needs the complete batch"
    with pytest.raises(ValueError, match=message):
        tiny.sample(model, 6, size=SIZE)


@pytest.mark.parametrize("refers", [attending, reusing])
def test_a_cfg_of_exactly_1_in_the_first_window(model, refers):
    """Its pass for the negative prompt is left out elsewhere, but other windows refer to it."""
    referring = refers(added(model, windows=windows()))

    def sampled(cfg):
        return tiny.sample(changed(referring, guidance=Guidance(Listed((cfg,) * 3 + (3.0,) * 6))), 9, size=SIZE)

    assert_alike(sampled(1.0), sampled(1 + 2**-20))
