"""Context windows in the host's samplers. Without a motion model frames do not know each other, so windows of any kind
must give what the host gives for all frames at once: the oracle for everything that is indexed by frame."""

from dataclasses import replace

import comfy.context_windows
import comfy.model_management
import comfy.patcher_extension
import comfy.samplers
import exact
import pytest
import tiny
import torch
from compare import assert_alike

from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import added, attach
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WINDOW_SCHEDULES, WindowSpec
from kinema.sampling.windows.fuse import FUSES

WRAPPERS = comfy.patcher_extension.WrappersMP


@pytest.fixture(scope="module", params=["v1", "v2", "v3"])
def motion(request, tmp_path_factory):
    return load(tiny.VERSIONS[request.param](seed=8), tmp_path_factory.mktemp("motion"))


@pytest.fixture(scope="module")
def v3(tmp_path_factory):
    return load(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("motion"))


def load(weights, folder):
    return exact.motion_model(weights, folder / "mm.safetensors")


def watched(model, kind=WRAPPERS.CALC_COND_BATCH):
    """A clone of `model`, and a list that fills with the frames and the latents' count of its model calls."""
    seen, model = [], model.clone()

    def watch(executor, base, conds, x, timestep, options):
        told = options["transformer_options"]
        window = told.get("context_window")
        seen.append((None if window is None else tuple(window.index_list), len(x), told.get("ad_params")))
        return executor(base, conds, x, timestep, options)

    model.add_wrapper_with_key(kind, "test", watch)
    return model, seen


def windows(length=4, overlap=1, schedule="static", **more):
    spec = {key: more.pop(key) for key in ("stride", "closed_loop") if key in more}
    return ContextWindows(WindowSpec(length, overlap, schedule, **spec), **more)


@pytest.mark.one_window
def test_windows_engage_by_themselves(v3):
    animated, seen = watched(attach(tiny.image_model(), v3, Applied()))
    tiny.sample(animated, frames=32, steps=1, size=2)
    assert [frames for frames, _, _ in seen] == [tuple(range(s, s + 16)) for s in (0, 12, 16)]
    assert all(count == 16 for _, count, _ in seen)


def test_no_windows_when_the_video_is_short(v3):
    animated, seen = watched(attach(tiny.image_model(), v3, Applied()))
    tiny.sample(animated, frames=16, steps=1, size=2)
    assert [(frames, count) for frames, count, _ in seen] == [(None, 16)]


def test_equals_the_hosts_own_handler(motion):
    animated = attach(exact.image_model(), motion, Applied())
    host = animated.clone()
    host.model_options["context_handler"] = host_handler(16, 4)
    assert_alike(*(tiny.sample(m, frames=17, size=4, steps=1) for m in (animated, host)))


def host_handler(length, overlap):
    handler = comfy.context_windows.IndexListContextHandler(
        comfy.context_windows.get_matching_context_schedule("standard_static"),
        comfy.context_windows.get_matching_fuse_method("pyramid"), length, overlap,
    )  # fmt: skip
    handler.causal_window_fix = False
    return handler


def test_a_handler_on_the_model_is_respected(v3):
    animated, seen = watched(attach(tiny.image_model(), v3, Applied()))
    animated.model_options["context_handler"] = host_handler(8, 0)
    tiny.sample(animated, frames=24, steps=1, size=2)
    assert [frames for frames, _, _ in seen] == [tuple(range(s, s + 8)) for s in (0, 8, 16)]
    with pytest.raises(ValueError, match=r"already has context windows of another node \(IndexListContextHandler\)"):
        added(animated, windows=windows())


def test_a_handler_behind_the_windows_is_no_silent_change(v3):
    cut = added(attach(tiny.image_model(), v3, Applied()), windows=windows())
    cut.model_options["context_handler"] = host_handler(8, 0)
    with pytest.raises(
        ValueError, match=r"\(IndexListContextHandler\).*Remove that node, or Kinema's Context Windows\."
    ):
        tiny.sample(cut, frames=24, steps=1, size=2)


@pytest.fixture(scope="module")
def whole(model):
    """What the host gives for all frames at once."""
    return tiny.sample(model, frames=9, size=4)


@pytest.mark.parametrize("schedule", WINDOW_SCHEDULES)
def test_frames_that_do_not_know_each_other_are_the_same_in_windows(model, whole, schedule):
    """Two windows at once, and the odd one alone."""
    cut = added(model, windows=windows(4, 1, schedule, stride=2, closed_loop=True, at_once=2))
    assert_alike(tiny.sample(cut, frames=9, size=4), whole)


@pytest.mark.parametrize("fuse", FUSES)
def test_every_fuse_method_keeps_what_windows_agree_on(model, whole, fuse):
    cut = added(model, windows=windows(5, 2, fuse=fuse))
    assert_alike(tiny.sample(cut, frames=9, size=4), whole)


@pytest.mark.one_window
def test_later_windows_hold_in_their_part_of_the_run(v3):
    animated = attach(tiny.image_model(), v3, Applied())
    two = added(added(animated, windows=windows(8, 2)), windows=windows(12, 0, start_percent=0.5))
    two, seen = watched(two)
    tiny.sample(two, frames=24, steps=4, size=2)
    lengths = [len(frames) for frames, _, _ in seen]
    assert lengths[0] == 8 and lengths[-1] == 12 and lengths == sorted(lengths)


@pytest.mark.one_window
def test_outside_the_part_of_the_windows_the_automatic_ones_hold(v3):
    animated = added(attach(tiny.image_model(), v3, Applied()), windows=windows(8, 2, end_percent=0.5))
    animated, seen = watched(animated)
    tiny.sample(animated, frames=20, steps=4, size=2)
    assert [len(seen[0][0]), len(seen[-1][0])] == [8, 16]


def test_windows_in_a_row_are_the_parts_of_the_run_one_after_another(v3):
    animated = attach(exact.image_model(), v3, Applied())
    plan = windows(8, 2), windows(12, 3, fuse="flat", start_percent=0.3), windows(6, 3, "batched", start_percent=0.6)
    row = animated
    for part in plan:
        row = added(row, windows=part)
    sigmas = comfy.samplers.calculate_sigmas(row.get_model_object("model_sampling"), "normal", 8)
    latent, noise = torch.zeros(14, 4, 4, 4), tiny.latents(14, 4)
    whole = run_part(row, latent, noise, sigmas)
    for part, start, end in zip(plan, (0, 3, 5), (3, 5, 8), strict=True):
        alone = added(animated, windows=replace(part, start_percent=0.0))
        latent, noise = run_part(alone, latent, noise, sigmas[start : end + 1]), torch.zeros_like(noise)
    assert_alike(latent, whole)


def run_part(model, latent, noise, sigmas):
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(tiny.conditioning(3), tiny.conditioning(4))
    guider.set_cfg(1.0)
    return guider.sample(noise, latent, comfy.samplers.sampler_object("euler"), sigmas, disable_pbar=True, seed=5)


def test_order_of_the_nodes_does_not_matter(v3):
    model = tiny.image_model()
    before = attach(added(model, windows=windows(8, 2)), v3, Applied())
    after = added(attach(model, v3, Applied()), windows=windows(8, 2))
    assert torch.equal(tiny.sample(before, frames=12, size=4), tiny.sample(after, frames=12, size=4))


@pytest.mark.one_window
def test_windows_move_with_the_steps_of_the_schedule():
    model, seen = watched(added(tiny.image_model(), windows=windows(16, 4, "uniform")))
    tiny.sample(model, frames=32, steps=3, sampler="dpm_2", cfg=1.0, size=2)  # two model calls a step, but the last
    firsts = [frames[0] for frames, _, _ in seen]
    assert firsts == [0, 12, 16] * 2 + [16, 0, 8] * 2 + [8, 16, 0]


@pytest.mark.one_window
def test_shifting_windows_compute_each_frame_once_a_step(v3):
    animated = attach(exact.image_model(), v3, Applied())
    one_by_one, apart = watched(added(animated, windows=windows(4, 2, "shifting", at_once=1, freenoise=True)))
    together, grouped = watched(added(animated, windows=windows(4, 2, "shifting", at_once=3, freenoise=True)))
    assert_alike(*(tiny.sample(model, frames=16, steps=2, cfg=1.0, size=4) for model in (one_by_one, together)))
    even = [tuple(range(start, start + 4)) for start in (0, 4, 8, 12)]
    odd = [(0, 1), *(tuple(range(start, start + 4)) for start in (2, 6, 10)), (14, 15)]
    assert [frames for frames, _, _ in apart] == even + odd
    assert [frames for frames, _, _ in grouped] == [sum(even[:3], ()), even[3], odd[0], sum(odd[1:4], ()), odd[4]]


def test_short_closed_loop_turns(v3):
    looped = added(attach(tiny.image_model(), v3, Applied()), windows=windows(16, 4, "looped", closed_loop=True))
    looped, seen = watched(looped)
    tiny.sample(looped, frames=8, steps=3, size=2)
    assert [frames[0] for frames, _, _ in seen] == [0, 4, 2]


def test_two_samplers_with_windows_of_their_own(v3):
    animated = attach(tiny.image_model(), v3, Applied())
    variants = [animated, added(animated, windows=windows(8, 2)), added(animated, windows=windows(6, 3, "uniform"))]
    expected = [tiny.sample(variant, frames=20, size=2) for variant in variants]
    for variant, result in zip(variants, expected, strict=True):
        assert torch.equal(tiny.sample(variant, frames=20, size=2), result)
        assert "context_handler" not in variant.model_options
    assert not torch.allclose(expected[0], expected[1], atol=1e-3)


def test_packs_read_the_window_from_ad_params(v3):
    animated, seen = watched(added(attach(tiny.image_model(), v3, Applied()), windows=windows(8, 2, at_once=2)))
    told = []

    def watch(executor, x, *args, **kwargs):
        told.append(kwargs.get("transformer_options", args[-1])["ad_params"])
        return executor(x, *args, **kwargs)

    animated.add_wrapper_with_key(WRAPPERS.DIFFUSION_MODEL, "test", watch)
    tiny.sample(animated, frames=14, steps=1, size=2)
    both = [*range(8), *range(6, 14)]
    assert told == [{"full_length": 14, "context_length": 8, "sub_idxs": both}] and seen[0][1] == 16
    told.clear()
    tiny.sample(animated, frames=8, steps=1, size=2)
    assert told == [{"full_length": 8, "context_length": 8, "sub_idxs": None}]


def test_memory_is_estimated_for_one_window(v3):
    shapes = []

    def watch(executor, model, noise_shape, *args, **kwargs):
        shapes.append(list(noise_shape))
        return executor(model, noise_shape, *args, **kwargs)

    animated = attach(tiny.image_model(), v3, Applied())
    for model in (animated, added(animated, windows=windows(8, 2)), added(animated, windows=windows(8, 2, at_once=3))):
        model = model.clone()
        model.add_wrapper_with_key(WRAPPERS.PREPARE_SAMPLING, "test", watch)
        tiny.sample(model, frames=40, steps=1, size=2)
    assert [shape[0] for shape in shapes] == [16, 8, 24]
    assert all(shape[1:] == [4, 2, 2] for shape in shapes)


@pytest.mark.one_window
def test_interrupt_works_between_windows(v3):
    animated, seen = watched(attach(tiny.image_model(), v3, Applied()))

    def interrupt(executor, *args):
        comfy.model_management.interrupt_current_processing(len(seen) == 2)
        return executor(*args)

    animated.add_wrapper_with_key(WRAPPERS.CALC_COND_BATCH, "interrupt", interrupt)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        tiny.sample(animated, frames=32, steps=1, size=2)
    assert len(seen) == 2
