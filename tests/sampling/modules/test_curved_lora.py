"""Motion LoRAs whose strengths are curves: the merged LoRA where they do not vary, nothing where they are 0."""

import math

import exact
import loras
import pytest
import tiny
import torch
from compare import MODULE, assert_alike

from kinema.motion.control import Branch, Control
from kinema.motion.lora import load_motion_lora
from kinema.motion.lora_branches import load_branches
from kinema.motion.merge import merge_motion_models
from kinema.motion.save import save_motion_model, without_patches
from kinema.sampling.curves.curve import Blocks, Combined, Constant, Listed, OverBlocks, as_curve
from kinema.sampling.curves.curve_keys import OverFrames, OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.curved_lora import load_curved_lora
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.motion_windows import MotionWindows


def every_layer():
    """A LoRA for all linear layers, with an alpha."""
    lora, random = loras.official(), tiny.generator(4)
    for place, width in tiny.module_places(tiny.SD15_WIDTHS, True).items():
        stem = f"{place}.temporal_transformer."
        for layer, rows, columns in (
            ("proj_in", width, width), ("proj_out", width, width),
            ("transformer_blocks.0.ff.net.0.proj", 8 * width, width), ("transformer_blocks.0.ff.net.2", width, 4 * width),
        ):  # fmt: skip
            lora[f"{stem}{layer}.lora_down.weight"] = torch.randn(4, columns, generator=random) / math.sqrt(columns)
            lora[f"{stem}{layer}.lora_up.weight"] = torch.randn(rows, 4, generator=random) / 8
            lora[f"{stem}{layer}.alpha"] = torch.tensor(2.0)
    return lora


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("loras")


@pytest.fixture(scope="module")
def zoom(folder):
    return tiny.save(every_layer(), folder / "zoom.safetensors")


@pytest.fixture(scope="module")
def motion(folder):
    return exact.motion_model(tiny.motion_weights(mid=True, seed=8), folder / "v2_mm.safetensors")


def animate(model, motion):
    return attach(model, motion, Applied(), KEEP)


def sample(model, frames=4, **more):
    """One step of a video, without guidance."""
    return tiny.sample(model, frames, **{"steps": 1, "cfg": 1.0, **more})


@pytest.fixture(scope="module")
def plain(model, motion):
    """The video without a LoRA."""
    return sample(animate(model, motion))


@pytest.mark.parametrize("strength", [0.8, -1.0])
def test_a_constant_curve_equals_the_merged_lora(motion, zoom, strength):
    """Every motion module by itself, where rounding does not add up: to 1e-6."""
    merged = loras.module_outputs(load_motion_lora(motion, zoom, strength))
    lora = load_branches(zoom, motion.model.spec).model
    loras.module_outputs(motion)  # the host unloads the patches of the other clone
    for place, width in motion.model.spec.modules:
        module = motion.model.at(place)
        branches = {}
        for change in lora.at(place):
            layer = module.get_submodule(change.layer)
            branches.setdefault(layer, []).append(Branch(change.module, change.start, strength))
        x = torch.randn(4, width, 3, 3, generator=tiny.generator(0))
        out = module(x, 4, Control(branches=branches))
        assert_alike(out, merged[place], within=MODULE)


def test_constant_curves_of_all_kinds_in_a_run(model, motion, zoom, plain):
    expected = sample(animate(model, load_motion_lora(motion, zoom, 0.5)))
    assert not torch.allclose(expected, plain, atol=1e-2)
    for curve in (
        Constant(0.5), OverRun(read_keys("0: 0.5")), OverBlocks(((Blocks(), Constant(0.5)),)),
        Combined("multiply", Listed((0.25,)), as_curve(2)), Listed((0.5,) * 3 + (0.5000001,)),
    ):  # fmt: skip
        assert_alike(sample(animate(model, load_curved_lora(motion, zoom, curve))), expected)


def test_two_curves_and_a_number_add_up(model, motion, zoom, folder):
    pan = tiny.save(loras.official(seed=6), folder / "pan.safetensors")
    merged = load_motion_lora(load_motion_lora(load_motion_lora(motion, zoom, 0.5), pan, 0.3), pan, 0.2)
    curved = load_curved_lora(
        load_motion_lora(load_curved_lora(motion, zoom, Constant(0.5)), pan, 0.3), pan, Constant(0.2)
    )
    assert_alike(sample(animate(model, curved)), sample(animate(model, merged)))


def test_over_steps_it_is_another_motion_model_at_each(model, motion, zoom):
    """The last step of a run with the LoRA in the first steps only is the plain motion model's."""

    def predictions(animated):
        found = []
        sample(animate(model, animated), steps=4, callback=lambda step, x0, *_: found.append(x0.clone()))
        return found

    curved = predictions(load_curved_lora(motion, zoom, OverRun(read_keys("0: 1, 2: 0 hold"))))
    merged = predictions(load_motion_lora(motion, zoom, 1.0))
    assert_alike(curved[0], merged[0])
    assert_alike(curved[1], merged[1])
    assert (curved[2] - merged[2]).norm() > 1e-3 * merged[2].norm()
    assert not torch.allclose(curved[0], predictions(motion)[0], atol=1e-2)


def test_zero_costs_nothing_and_changes_nothing(model, motion, zoom, plain):
    calls = []
    curve = OverBlocks(((Blocks("up", 0), Constant(0.7)), (Blocks("up", 0, attention=1), Constant(0.0))))
    curved = load_curved_lora(motion, zoom, Combined("multiply", curve, OverRun(read_keys("0: 1, 1: 0 hold"))))
    others = OverBlocks(
        ((Blocks("down"), Constant(0.0)), (Blocks("mid"), Constant(0.0)), (Blocks("up"), Constant(0.0)))
    )
    off = load_curved_lora(motion, zoom, others)
    assert torch.equal(sample(animate(model, off)), plain)
    animated = animate(model, curved)
    (lora,) = animated.get_additional_models_with_key("kinema_loras")
    for place, _ in motion.model.spec.modules:
        for change in lora.model.at(place):
            change.module.register_forward_pre_hook(lambda *_, p=place, c=change: calls.append((p, c.attention)))
    sample(animated, steps=2)
    assert {place for place, _ in calls if place.startswith("up_blocks.0.")} and (
        not any(place.startswith("up_blocks.0.") and attention == 1 for place, attention in calls)
    )
    layers = len([c for p, _ in motion.model.spec.modules for c in lora.model.at(p)])
    assert len(calls) == layers - 3 * 4  # each once, in the first of the two steps


def test_frames_in_windows_of_both_kinds(model, motion, zoom):
    """A strength that is one number in each window equals that number's LoRA there."""
    strength = Listed((0.2,) * 4 + (1.0,) * 4)

    def results(moving):
        animated = animate(model, moving)
        outside = added(animated, windows=ContextWindows(WindowSpec(4, 0, "batched")))
        return [sample(each, 8) for each in (outside, changed(animated, motion_windows=MotionWindows(4, 0)))]

    curved = results(load_curved_lora(motion, zoom, strength))
    for i, value in enumerate((0.2, 1.0)):
        part = slice(4 * i, 4 * i + 4)
        for result, merged in zip(curved, results(load_motion_lora(motion, zoom, value)), strict=True):
            assert_alike(result[part], merged[part])


def test_over_frames(model, motion, zoom, plain):
    ramp = OverFrames(read_keys("0: 0, 3: 1"))
    out = sample(animate(model, load_curved_lora(motion, zoom, ramp)))
    assert torch.isfinite(out).all()
    for other in (plain, sample(animate(model, load_motion_lora(motion, zoom, 1.0)))):
        assert not torch.allclose(out, other, atol=1e-2)


def test_two_applications_of_one_motion_model_keep_their_own(model, motion, zoom):
    curved = load_curved_lora(motion, zoom, Constant(0.5))
    both = attach(attach(model, motion, Applied(), KEEP), curved, Applied(), KEEP)
    merged = attach(attach(model, motion, Applied(), KEEP), load_motion_lora(motion, zoom, 0.5), Applied(), KEEP)
    result = sample(both)
    assert_alike(result, sample(merged))
    other = attach(attach(model, curved, Applied(), KEEP), motion, Applied(), KEEP)
    assert not torch.allclose(result, sample(other), atol=1e-2)
    assert len(both.get_additional_models_with_key("kinema")) == 1  # the weights are there once


def test_a_curved_lora_is_no_part_of_a_file(motion, zoom, folder):
    curved = load_curved_lora(motion, zoom, Listed((0.0, 1.0)))
    with pytest.raises(
        ValueError, match="motion LoRA whose strength is a curve, which cannot become part of its weights"
    ):
        save_motion_model(curved, folder / "baked.safetensors")
    with pytest.raises(ValueError, match="Use a number for the strength in Load Motion LoRA"):
        merge_motion_models(motion, curved, 0.5, 0.5, 0.5)
    assert save_motion_model(without_patches(curved), folder / "plain.safetensors").exists()
