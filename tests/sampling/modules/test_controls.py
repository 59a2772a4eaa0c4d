"""Strength and attention of motion modules as numbers and curves: what they multiply, where they cost nothing."""

import math
from collections import Counter

import comfy.patcher_extension
import einops
import exact
import numpy as np
import pytest
import reference
import tiny
import torch
from compare import MODULE, ONE_CALL, assert_alike
from watching import calls_of

from kinema.motion.control import Control
from kinema.motion.load import load_motion_model
from kinema.sampling.curves.curve import (
    Blocks,
    Combined,
    Constant,
    Listed,
    OverBlocks,
    OverPicture,
    as_curve,
)  # fmt: skip
from kinema.sampling.curves.curve_keys import OverFrames, OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.motion_windows import MotionWindows

PLACE = "up_blocks.1.motion_modules.2"


@pytest.fixture(scope="module")
def weights():
    return tiny.motion_weights(seed=8)


@pytest.fixture(scope="module")
def motion(weights, tmp_path_factory):
    return exact.motion_model(weights, tmp_path_factory.mktemp("motion") / "v3_mm.safetensors")


def peers_module(x, weights, frames, scale, effect):
    """A motion module with the effect and scale of AnimateDiff-Evolved, from its documented formulas:
    out = x·(1 - effect) + module(x)·effect, keys times scale. `x` (f, c, h, w) float64; scale (2, f, h*w)."""
    w = {key: value.double() for key, value in weights.items()}
    height, width = x.shape[2:]
    z = einops.rearrange(reference.group_norm(x[None], w, "norm", False)[0], "f c h w -> (h w) f c")
    z = reference.linear(z, w, "proj_in")
    for i in range(2):
        name = f"transformer_blocks.0.attention_blocks.{i}"
        h = reference.layer_norm(z, w, f"transformer_blocks.0.norms.{i}") + reference.positions(frames, z.shape[2])
        q, k, v = (
            einops.rearrange(reference.linear(h, w, f"{name}.{part}") * factor, "b f (n e) -> b n f e", n=8)
            for part, factor in (("to_q", 1), ("to_k", scale[i].T[..., None]), ("to_v", 1))
        )
        seen = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), dim=-1) @ v
        z = z + reference.linear(einops.rearrange(seen, "b n f e -> b f (n e)"), w, f"{name}.to_out.0")
    value, gate = reference.linear(
        reference.layer_norm(z, w, "transformer_blocks.0.ff_norm"), w, "transformer_blocks.0.ff.net.0.proj"
    ).chunk(2, -1)
    gelu = gate * 0.5 * (1 + torch.erf(gate / math.sqrt(2)))
    z = z + reference.linear(value * gelu, w, "transformer_blocks.0.ff.net.2")
    whole = x + einops.rearrange(reference.linear(z, w, "proj_out"), "(h w) f c -> f c h w", h=height, w=width)
    return x * (1 - effect) + whole * effect


def named(weights, place=PLACE):
    prefix = f"{place}.temporal_transformer."
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}


def test_strength_and_attention_equal_the_peers_effect_and_scale(motion, weights):
    random = tiny.generator(4)
    x = torch.randn(5, 64, 3, 4, generator=random).double()
    effect = torch.rand(5, 1, 3, 4, generator=random).double() * 2
    scales = torch.rand(2, 5, 1, 3, 4, generator=random).double() * 2
    module = motion.model.at(PLACE)
    ours = module(x, 5, Control(effect, scales=(scales[0], scales[1])))
    expected = peers_module(x, named(weights), 5, scales.reshape(2, 5, 12), effect)
    assert_alike(ours, expected, within=MODULE)
    ours = module(x, 5, Control(0.7, scales=(1.3, 0.0)))
    numbers = torch.tensor([1.3, 0.0]).double()[:, None, None].expand(2, 5, 12)
    expected = peers_module(x, named(weights), 5, numbers, 0.7)
    assert_alike(ours, expected, within=MODULE)


def sample(model, frames=4, **more):
    """One step of a small video."""
    return tiny.sample(model, frames, **{"steps": 1, "size": 4, "cfg": 1.0, **more})


@pytest.mark.parametrize("value", [0.6, 1.0])
def test_a_constant_curve_is_the_number(model, motion, value):
    """Over frames, steps, blocks and the picture: the same numbers in other clothes."""
    number = sample(attach(model, motion, Applied(value, attention=2 * value), KEEP), size=8)
    mask = OverPicture(torch.full((3, 8, 8), value))
    mask.values[0, 0, 0] += 1e-7  # so that it stays a mask
    for curve in (
        Listed((value,) * 3),
        OverRun(read_keys(f"0: {value}")),
        mask,
        OverBlocks(((Blocks(), as_curve(value)),)),
    ):
        twice = Combined("multiply", curve, as_curve(2.0))
        result = sample(attach(model, motion, Applied(curve, attention=twice), KEEP), size=8)
        assert_alike(result, number)


def sample_steps(animated, steps=8, **more):
    return lambda step: sample(animated, steps=steps, callback=step, **more)


def test_steps_of_strength_zero_do_not_run_a_module(model, motion):
    curve = OverRun(read_keys("0: 1, 3: 0 hold, 6: 0.5 hold, -1: 0 hold"))
    animated = attach(model, motion, Applied(curve), KEEP)
    assert calls_of(motion.model.at(PLACE), sample_steps(animated)) == [1, 1, 1, 0, 0, 0, 1, 0]
    off = attach(model, motion, Applied(OverRun(read_keys("0: 0"))), KEEP)
    assert torch.equal(sample(off), sample(model))


def test_blocks_of_strength_zero_do_not_run_and_the_others_are_as_if_alone(model, motion):
    up = OverBlocks(((Blocks("down"), Constant(0.0)), (Blocks("up", 1, 2), Constant(0.0))))
    animated = attach(model, motion, Applied(up), KEEP)
    run = Counter()
    places = [place for place, _ in motion.model.spec.modules]
    handles = [
        motion.model.at(place).register_forward_pre_hook(lambda *_, p=place: run.update([p])) for place in places
    ]
    sample(animated, steps=2)
    for handle in handles:
        handle.remove()
    assert run == {place: 2 for place in places if place.startswith("up") and place != PLACE}


def test_windows_of_strength_zero_do_not_run(model, motion):
    curve = OverFrames(read_keys("0: 0, 8: 0, 9: 1 hold"))
    animated = added(attach(model, motion, Applied(curve), KEEP), windows=ContextWindows(WindowSpec(4, 0, "batched")))
    counted = calls_of(motion.model.at(PLACE), sample_steps(animated, 1, frames=16))
    assert counted == [2]  # frames 8 to 11 and 12 to 15
    plain = sample(added(model, windows=ContextWindows(WindowSpec(4, 0, "batched"))), 16)
    moving = sample(animated, 16)
    assert torch.equal(moving[:8], plain[:8])
    assert not any(torch.allclose(a, b, atol=1e-2) for a, b in zip(moving[9:], plain[9:], strict=True))


def test_frames_and_places_of_strength_zero_stay_bit_for_bit(motion):
    x = torch.randn(6, 64, 4, 4, generator=tiny.generator(5))
    strength = torch.ones(6, 1, 4, 4)
    strength[:2] = 0
    strength[:, :, :, 3] = 0
    out = motion.model.at(PLACE)(x, 6, Control(strength))
    assert torch.equal(out[:2], x[:2]) and torch.equal(out[..., 3], x[..., 3])
    assert not torch.allclose(out[2:, :, :, :3], x[2:, :, :, :3], atol=1e-2)


def test_windows_see_their_part_of_every_curve(model, motion):
    """Strength that is one number in each window equals sampling each window with that number."""
    values = (0.3, 1.0, 0.7)

    def result(strength):
        animated = attach(model, motion, Applied(strength, attention=strength), KEEP)
        return sample(added(animated, windows=ContextWindows(WindowSpec(4, 0, "batched"))), 12)

    expected = torch.cat([result(value)[4 * i : 4 * i + 4] for i, value in enumerate(values)])
    each = [value for value in values for _ in range(4)]
    for curve in (Listed(tuple(each)), OverPicture(torch.stack([torch.full((4, 4), value) for value in each]))):
        assert_alike(result(curve), expected)


def test_windows_at_once_do_not_matter(model, motion):
    ramp = OverFrames(read_keys("0: 0, -1: 1.5"))
    animated = attach(model, motion, Applied(ramp, attention=ramp), KEEP)
    one, *several = (
        sample(added(animated, windows=ContextWindows(WindowSpec(6, 2), at_once=count)), 14, cfg=4.0)
        for count in (1, 2, 3)
    )
    for result in several:
        assert_alike(result, one)


def test_a_clone_keeps_its_curves(model, motion):
    curve = Combined("multiply", OverFrames(read_keys("0: 0, 3: 1")), OverBlocks(((Blocks("up"), Constant(0.5)),)))
    animated = attach(model, motion, Applied(curve), KEEP)
    expected = sample(animated)
    clone = animated.clone().clone()
    clone.set_model_attn2_output_patch(lambda x, extra: x)  # as LoRA, FreeU and others do on a clone
    assert torch.equal(sample(clone), expected)
    assert not torch.allclose(expected, sample(attach(model, motion, Applied(), KEEP)), atol=1e-2)


def test_masks_move_one_side_only(model, motion):
    """With strength 0 on the left, what the modules add there is nothing; the image model alone carries it over."""
    left = torch.ones(1, 8, 8)
    left[..., :4] = 0
    seen = {}

    def note(module, inputs, output):
        seen[module] = inputs[0], output

    handle = motion.model.at("down_blocks.0.motion_modules.0").register_forward_hook(note)
    sample(attach(model, motion, Applied(OverPicture(left)), KEEP), size=8)
    handle.remove()
    ((before, after),) = seen.values()
    assert torch.equal(before[..., :4], after[..., :4]) and not torch.allclose(
        before[..., 4:], after[..., 4:], atol=1e-2
    )


@pytest.mark.parametrize("size", [8, 12])
def test_areas_of_prompts_see_their_own_part_of_a_mask(model, motion, size):
    """Both halves of the picture have a prompt, and motion acts in the lower right quarter of it only."""
    quarter = torch.zeros(1, size, size)
    quarter[:, size // 2 :, size // 2 :] = 1
    half = size // 2
    areas = [[tiny.conditioning(3 + i)[0][0], {"area": (size, half, 0, x)}] for i, x in enumerate((0, half))]
    moved = []

    def note(module, inputs, output):
        moved.extend((output - inputs[0]).unflatten(0, (-1, 4)).abs().amax((1, 2)))  # (v, h, w)

    handle = motion.model.at("down_blocks.0.motion_modules.0").register_forward_hook(note)
    out = tiny.sample(
        attach(model, motion, Applied(OverPicture(quarter)), KEEP),
        steps=1,
        size=size,
        positive=[*tiny.conditioning(6), *areas],
    )
    handle.remove()
    assert torch.isfinite(out).all() and len(moved) == 6
    wide = [part for part in moved if part.shape[1] == size]
    left, right = ([part for part in moved if part.shape[1] == half and (part.max() > 0) == moves] for moves in (0, 1))
    assert len(wide) == len(left) == len(right) == 2  # for the prompt, and for its opposite
    for part in [*right, *(part[:, half:] for part in wide)]:
        assert (part[:half] == 0).all() and (part[half:] > 0).all()
    assert all((part[:, :half] == 0).all() for part in wide)


def test_a_mask_in_areas_of_prompts_with_several_windows_at_once(model, motion):
    """The same video as one window at a time."""
    mask = torch.rand(10, 8, 8, generator=tiny.generator(1)) + 0.5
    area = [tiny.conditioning(7)[0][0], {"area": (4, 6, 2, 1)}]
    animated = attach(model, motion, Applied(OverPicture(mask)), KEEP)
    one, *several = (
        sample(
            added(animated, windows=ContextWindows(WindowSpec(4, 1), at_once=count)), 10, size=8, cfg=4.0,
            positive=[*tiny.conditioning(6), area],
        )
        for count in (1, 2, 3)
    )  # fmt: skip
    for result in several:
        assert_alike(result, one)


def test_curves_in_motion_windows(model, motion):
    def result(**how):
        animated = attach(model, motion, Applied(**how), KEEP)
        return sample(changed(animated, motion_windows=MotionWindows(4, 2)), 8, size=8)

    ramp = OverFrames(read_keys("0: 0.5, -1: 1.5"))
    curved, one = result(strength=ramp, attention=ramp), result()
    assert torch.isfinite(curved).all() and not torch.allclose(curved, one, atol=1e-2)
    assert_alike(result(attention=Listed((1.0,) * 7 + (1.0000001,))), one)


@pytest.mark.parametrize("sampler", ["heun", "dpmpp_2m_sde"])
def test_curves_with_samplers_and_cfg(model, motion, sampler):
    """In every model call the modules get the value of its noise level, also where a step has several calls."""
    curve = Combined("multiply", OverFrames(read_keys("0: 0, 3: 1")), OverRun(read_keys("0%: 1, 60%: 0.2")))
    animated = attach(model, motion, Applied(curve, attention=curve), KEEP)
    module = motion.model.at(PLACE)
    calls = []
    levels = []

    def note(executor, x, timestep, *args):
        levels.append(timestep[:1])
        return executor(x, timestep, *args)

    animated.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.PREDICT_NOISE, "test", note)
    handle = module.register_forward_hook(lambda _module, inputs, output: calls.append((inputs[0], output)))
    assert torch.isfinite(sample(animated, sampler=sampler, steps=4, cfg=4.0)).all()
    handle.remove()
    assert len(calls) == len(levels) == {"heun": 7, "dpmpp_2m_sde": 4}[sampler]
    for (x, out), level in zip(calls, levels, strict=True):
        done = 1 - timestep_of(float(level), model.get_model_object("model_sampling")) / 999
        frames = torch.linspace(0, 1, 4).double() * (1 - 0.8 * min(done / 0.6, 1))
        values = frames.repeat(2)[:, None, None, None].expand(-1, 1, *x.shape[2:])  # (v*f, 1, h, w)
        assert_alike(out, module(x, 4, Control(values, scales=(values, values))), within=ONE_CALL)


def timestep_of(level, sampling):
    """The timestep, with a fraction, whose noise level is `level`."""
    levels = sampling.sigmas.double().log().numpy()
    return float(np.interp(math.log(level), levels, np.arange(len(levels))))


def test_two_motion_models_with_ranges_of_their_own(model, motion, tmp_path):
    """At each place x becomes y = x + a·A(x), then y + b·B(y); where only one of them acts their order does not matter."""
    other = load_motion_model(tiny.save(tiny.motion_weights(seed=9), tmp_path / "v3_other.safetensors"))
    first, second = Applied(0.8, 0.0, 0.5), Applied(OverRun(read_keys("0: 0, 50%: 1.2 hold")), 0.5001, 1.0)

    def both(a, b, steps=1):
        return sample(attach(attach(model, a[0], a[1], KEEP), b[0], b[1], KEEP), steps=steps)

    assert torch.equal(both((motion, first), (other, second), 4), both((other, second), (motion, first), 4))
    up = Applied(OverBlocks(((Blocks("down"), Constant(0.0)),)))
    down = Applied(OverBlocks(((Blocks("up"), Constant(0.0)),)))
    assert torch.equal(both((motion, up), (other, down)), both((other, down), (motion, up)))
    x = torch.randn(4, 64, 3, 3, generator=tiny.generator(3))
    for a, b, order in ((motion, other, 0), (other, motion, 1)):
        y = a.model.at(PLACE)(x, 4, Control(0.5))
        expected = b.model.at(PLACE)(y, 4, Control(0.25))
        assert torch.equal(in_unet(model, [(a, 0.5), (b, 0.25)], x), expected), order


def in_unet(model, pairs, x):
    """What the layer at PLACE gives for its own output `x` with several motion models."""
    from kinema.sampling.call.slots import find_slots
    from kinema.sampling.modules.hooks import Motion, motion_inside

    layer = find_slots(model.model.diffusion_model)[PLACE].layer
    motions = [Motion(m.model, {PLACE: Control(strength)}, m.model.spec.family.norms) for m, strength in pairs]
    with motion_inside(model.model.diffusion_model, motions, len(x)):
        for hook in layer._forward_hooks.values():
            x = hook(layer, (), x)
    return x
