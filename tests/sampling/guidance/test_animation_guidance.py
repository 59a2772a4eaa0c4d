"""CFG as a curve, motion guidance and Enhance Motion: formulas, passes, and beside windows, hooks and other nodes."""

import comfy.latent_formats
import comfy.patcher_extension
import comfy.samplers
import einops
import pytest
import reference
import tiny
import torch
from comfy_extras.nodes_model_advanced import RescaleCFG
from comfy_extras.nodes_pag import PerturbedAttentionGuidance
from compare import assert_alike, assert_other
from controls import control_net

from kinema.motion import layers
from kinema.motion.control import Control
from kinema.motion.enhance import intensity
from kinema.sampling.curves.curve import Blocks, Combined, Constant, Listed, OverBlocks, OverPicture, as_curve
from kinema.sampling.curves.curve_keys import OverFrames, OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.guidance.animation_guidance import Guidance
from kinema.sampling.guidance.motion_guidance import SKIPS, MotionGuidance
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.enhance_motion import Enhance
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

PLACE = "up_blocks.1.motion_modules.2"
BATCHED = ContextWindows(WindowSpec(2, 0, "batched"))


def passes(model, run):
    """How many conditionings the UNet computes in each step of `run`, a function of a MODEL and a callback."""
    counted = model.clone()
    counts, steps = [0], []

    def count(executor, x, t, *args, **kwargs):
        options = args[3] if len(args) > 3 else kwargs["transformer_options"]
        counts.append(counts.pop() + len(options["cond_or_uncond"]))
        return executor(x, t, *args, **kwargs)

    counted.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.APPLY_MODEL, "test", count)
    run(counted, lambda step, *_: (steps.append(counts.pop()), counts.append(0)))
    return steps


# Animation Guidance


@pytest.mark.parametrize(("cfg", "overridden"), [(1.0, 9.0), (3.5, 1.0)])
def test_a_constant_cfg_is_the_samplers(animated, cfg, overridden):
    expected = tiny.sample(animated, 2, cfg=cfg)
    for curve in (cfg, Listed((cfg,)), OverRun(read_keys(f"0: {cfg}")), OverPicture(torch.full((1, 3, 3), cfg))):
        assert_alike(tiny.sample(changed(animated, guidance=Guidance(curve)), 2, cfg=overridden), expected)


def test_each_frame_has_its_own_cfg(model):
    """Without motion frames do not know each other, so each must be as if all had its cfg."""
    curve = Listed((1.0, 2.0, 7.0))
    out = tiny.sample(changed(model, guidance=Guidance(curve)), frames=3)
    for frame, cfg in enumerate(curve.values):
        assert_alike(out[frame], tiny.sample(model, frames=3, cfg=cfg)[frame])


def test_each_step_has_its_own_cfg(animated):
    x0 = {1.0: [], 6.0: []}
    for cfg, found in x0.items():
        tiny.sample(animated, cfg=cfg, steps=3, callback=lambda step, x0, *_, found=found: found.append(x0.clone()))
    found = []
    curve = OverRun(read_keys("0: 6, 1: 1 hold"))
    tiny.sample(
        changed(animated, guidance=Guidance(curve)), steps=3, callback=lambda step, x0, *_: found.append(x0.clone())
    )  # fmt: skip
    assert_alike(found[0], x0[6.0][0])
    assert (found[1] - x0[6.0][1]).norm() > 1e-3 * found[1].norm()


def test_no_uncond_pass_where_cfg_is_1(animated):
    curve = OverRun(read_keys("0: 6, 2: 1 hold, 3: 1.5 hold"))
    guided = changed(animated, guidance=Guidance(curve))
    assert passes(guided, lambda m, step: tiny.sample(m, 2, steps=4, callback=step)) == [2, 2, 1, 2]


@pytest.mark.parametrize("sampler", ["euler_cfg_pp", "dpmpp_2m_cfg_pp"])
def test_samplers_that_need_the_uncond_pass_get_it(model, sampler):
    """CFG++ samplers go on from the prediction without the prompt, also where cfg is 1."""
    guided = changed(model, guidance=Guidance(1.0))
    assert passes(guided, lambda m, step: tiny.sample(m, 2, steps=3, sampler=sampler, callback=step)) == [2, 2, 2]
    assert_alike(
        tiny.sample(guided, 2, steps=3, sampler=sampler), tiny.sample(model, 2, steps=3, sampler=sampler, cfg=1.0)
    )


def test_windows_leave_the_uncond_pass_out_on_their_own(animated):
    curve = Listed((1.0, 1.0, 1.0, 3.0, 3.0, 3.0))
    windowed = added(changed(animated, guidance=Guidance(curve)), windows=BATCHED)
    assert passes(windowed, lambda m, step: tiny.sample(m, 6, steps=1, callback=step)) == [1 + 2 + 2]
    out = tiny.sample(windowed, 6)
    for cfg, part in ((1.0, slice(0, 2)), (3.0, slice(4, 6))):
        assert_alike(out[part], tiny.sample(added(animated, windows=BATCHED), 6, cfg=cfg)[part])


@pytest.mark.parametrize("share", [0.7, 1.0])
def test_rescale_equals_the_hosts_node(animated, share):
    (theirs,) = RescaleCFG().patch(animated, share)
    expected = tiny.sample(theirs, 2, cfg=6.0)
    assert_alike(tiny.sample(changed(animated, guidance=Guidance(6.0, share)), 2), expected)
    assert_other(expected, tiny.sample(animated, 2, cfg=6.0))


def test_a_curve_with_the_hosts_rescale_and_pag_in_any_order(animated):
    curve = OverRun(read_keys("0: 6, 1: 3 hold"))

    def rescale(m):
        return RescaleCFG().patch(m, 0.7)[0]

    def pag(m):
        return PerturbedAttentionGuidance.execute(m, 2.0)[0]

    def ours(m):
        return changed(m, guidance=Guidance(curve))

    expected = tiny.sample(pag(rescale(ours(animated))), 2, cfg=2.0)
    assert_alike(tiny.sample(ours(pag(rescale(animated))), 2), expected)
    assert_alike(tiny.sample(pag(changed(animated, guidance=Guidance(curve, 0.7))), 2), expected)
    assert_other(expected, tiny.sample(ours(animated), 2))


def test_pag_equals_the_hosts_node_and_takes_curves(animated):
    (theirs,) = PerturbedAttentionGuidance.execute(animated, 2.0)
    less, more = (x0s(changed(animated, guidance=Guidance(4.0, pag=scale))) for scale in (0.0, 2.0))
    assert_alike(more, x0s(theirs))
    ramp = Listed((0.0, 0.5, 1.0, 2.0))
    scale = torch.tensor(ramp.values)[:, None, None, None]
    assert_alike(x0s(changed(animated, guidance=Guidance(4.0, pag=ramp))), less + scale * (more - less) / 2)
    steps = changed(
        changed(animated, guidance=Guidance(4.0, pag=1.0)),
        guidance=Guidance(4.0, pag=OverRun(read_keys("0: 1, 1: 0 hold"))),
    )
    assert passes(steps, lambda m, step: tiny.sample(m, 2, steps=3, callback=step)) == [3, 2, 2]


def test_guiders_that_cannot_be_guided_say_so(animated):
    guided = changed(animated, guidance=Guidance(3.0))
    from comfy_extras.nodes_custom_sampler import Guider_Basic, Guider_DualCFG

    def run(guider):
        empty = torch.zeros(4, 4, 8, 8)
        sigmas = comfy.samplers.calculate_sigmas(guided.get_model_object("model_sampling"), "normal", 1)
        sampler = comfy.samplers.sampler_object("euler")
        return guider.sample(tiny.latents(4), empty, sampler, sigmas, disable_pbar=True, seed=1)

    basic = Guider_Basic(guided)
    basic.set_conds(tiny.conditioning(3))
    with pytest.raises(ValueError, match="needs a negative prompt to guide away from, but this guider has none"):
        run(basic)
    dual = Guider_DualCFG(guided)
    dual.set_conds(tiny.conditioning(3), tiny.conditioning(4), tiny.conditioning(5))
    dual.set_cfg(3.0, 2.0)
    with pytest.raises(ValueError, match="the guider Guider_DualCFG combines its predictions in another way"):
        run(dual)


def test_video_models_are_refused():
    """Their latents have one dimension more."""
    video = tiny.image_model("small")
    video.model.latent_format = comfy.latent_formats.Wan21()
    with pytest.raises(
        ValueError, match=r"^Animation Guidance is for image.*MODEL \(BaseModel\) is a video model. Set"
    ):
        changed(video, guidance=Guidance(2.0))


def test_a_cfg_over_the_picture_and_a_node_that_takes_one_for_each_frame_are_refused_by_name(model):
    from comfy_extras.nodes_video_model import VideoLinearCFGGuidance

    guided = changed(model, guidance=Guidance(OverPicture(torch.rand(1, 8, 8, generator=tiny.generator(1)))))
    with pytest.raises(ValueError, match="The cfg of Animation Guidance varies within the picture, but VideoLinearCFG"):
        tiny.sample(VideoLinearCFGGuidance().patch(guided, 1.0)[0])


# Motion Guidance


def x0s(model, **more):
    found = []
    tiny.sample(model, steps=1, callback=lambda step, x0, *_: found.append(x0.clone()), **more)
    return found[0]


@pytest.mark.parametrize("skip", ["all", "up"])
def test_motion_guidance_equals_its_formula(model, motion, animated, skip):
    places = {"all": (), "up": ("down", "mid")}[skip]
    kept = OverBlocks(((Blocks("up"), Constant(0.0)),)) if places else Constant(0.0)
    weaker = attach(model, motion, Applied(kept), KEEP)
    cond, less, guided = (x0s(animated, cfg=1.0), x0s(weaker, cfg=1.0), x0s(animated, cfg=4.0))
    assert_alike(
        x0s(changed(animated, motion_guidance=MotionGuidance(1.5, SKIPS[skip].kept)), cfg=4.0),
        guided + 1.5 * (cond - less),
    )
    ramp = Listed((0.0, 0.5, 1.0, 2.0))
    scale = torch.tensor(ramp.values)[:, None, None, None]
    assert_alike(
        x0s(changed(animated, motion_guidance=MotionGuidance(ramp, SKIPS[skip].kept)), cfg=4.0),
        guided + scale * (cond - less),
    )


def test_motion_guidance_rescales_the_spread(animated):
    noise = comfy.sample.prepare_noise(torch.zeros(4, 4, 8, 8), 5)
    x = noise * (1 + animated.get_model_object("model_sampling").sigma_max ** 2) ** 0.5
    cond = x0s(animated, cfg=1.0)
    for share in (0.0, 1.0):
        guided = x0s(changed(animated, motion_guidance=MotionGuidance(2.0, rescale=share)), cfg=1.0)
        ratio = float((x - guided).std() / (x - cond).std())
        assert (abs(ratio - 1) < 1e-3) == (share == 1.0)


def test_scale_zero_and_steps_outside_cost_no_pass(animated):
    curve = OverRun(read_keys("0: 1, 2: 0 hold, 3: 1 hold"))
    guided = changed(animated, motion_guidance=MotionGuidance(curve))
    assert passes(guided, lambda m, step: tiny.sample(m, 2, steps=4, callback=step)) == [3, 3, 2, 3]
    late = changed(animated, motion_guidance=MotionGuidance(1.0, start_percent=0.5))
    counted = passes(late, lambda m, step: tiny.sample(m, 2, steps=4, cfg=1.0, callback=step))
    assert counted[0] == 1 and counted[-1] == 2
    plain = tiny.sample(animated, 2)
    assert torch.equal(tiny.sample(changed(animated, motion_guidance=MotionGuidance(0.0)), 2), plain)
    same = changed(animated, motion_guidance=MotionGuidance(1.0, kept=Constant(1.0)))
    assert_alike(tiny.sample(same, 2), plain)


def everything(model):
    """All three, with curves over frames and steps."""
    ramp = Combined("multiply", OverFrames(read_keys("0: 0.5, -1: 1")), OverRun(read_keys("0%: 1, 100%: 0.5")))
    guided = changed(model, guidance=Guidance(Combined("multiply", ramp, as_curve(5.0)), ramp, ramp))
    return changed(changed(guided, motion_guidance=MotionGuidance(ramp, SKIPS["up"].kept, 0.7)), enhance=Enhance(ramp))


def test_windows_controls_areas_and_samplers_beside_all_three(animated):
    """The sampler predicts twice in a step and adds noise of its own."""
    hint = torch.rand(5, 3, 32, 32, generator=tiny.generator(1))
    control = control_net().set_cond_hint(hint, 1.0, (0.0, 1.0))
    area = [tiny.conditioning(7)[0][0], {"area": (4, 2, 0, 0), "strength": 1.0}]
    positive = [[tiny.conditioning(3)[0][0], {"control": control, "control_apply_to_uncond": True}], area]
    windowed = added(animated, windows=ContextWindows(WindowSpec(3, 1), at_once=2))

    def sampled(model):
        return tiny.sample(model, 5, size=4, positive=positive, sampler="dpmpp_2s_ancestral")

    out = sampled(everything(windowed))
    assert torch.equal(sampled(everything(windowed)), out)
    assert_other(out, sampled(windowed))


def test_hooks_beside_all_three(model, animated):
    import comfy.hooks

    names = [key for key in model.model.state_dict() if "attn1.to_v.weight" in key]
    random = tiny.generator(3)
    weights = {
        "lora_unet_" + key.removeprefix("diffusion_model.").removesuffix(".weight").replace(".", "_"): key
        for key in names
    }
    assert weights
    lora = {}
    state = model.model.state_dict()
    for theirs, ours in comfy.lora.model_lora_keys_unet(model.model, {}).items():
        if ours in names and theirs.startswith("lora_unet_"):
            rows, columns = state[ours].shape
            lora[f"{theirs}.lora_up.weight"] = torch.randn(rows, 2, generator=random)
            lora[f"{theirs}.lora_down.weight"] = torch.randn(2, columns, generator=random)
    hooks = comfy.hooks.create_hook_lora(lora=lora, strength_model=1.0, strength_clip=0.0)
    hooked = comfy.hooks.set_hooks_for_conditioning(tiny.conditioning(3), hooks)
    guided = everything(animated)
    assert_other(tiny.sample(guided, 2, positive=hooked), tiny.sample(guided, 2))


def test_nodes_that_need_motion_say_so(model, motion):
    for make, name in (
        (lambda m: changed(m, motion_guidance=MotionGuidance(1.0)), "Motion Guidance"),
        (lambda m: changed(m, enhance=Enhance(2.0)), "Enhance Motion"),
    ):
        with pytest.raises(ValueError, match=f"{name} acts on the motion modules .* but the MODEL has none"):
            tiny.sample(make(model))
        before = make(attach(model, motion, Applied(), KEEP))
        assert torch.equal(tiny.sample(attach(make(model), motion, Applied(), KEEP), 2), tiny.sample(before, 2))


# Enhance Motion


def test_intensity_equals_the_papers_formula():
    """max(1, CFI · (F + temperature)); the intensity between frames is the mean of the map off its diagonal."""
    random = tiny.generator(3)
    q, k = torch.randn(2, 12, 4, 5, 6, generator=random) * 2  # 2 videos of 6 positions, 4 heads, 5 frames
    maps = torch.softmax(q.double() @ k.double().transpose(-1, -2) / 6**0.5, dim=-1)
    off = ~torch.eye(5, dtype=torch.bool)
    found = intensity(q, k, 2, 3.0)
    for video in range(2):
        expected = max(1.0, float(maps[6 * video : 6 * video + 6][..., off].mean()) * (5 + 3.0))
        assert found[6 * video : 6 * video + 6].flatten().tolist() == pytest.approx([expected] * 6, rel=1e-5)
    assert (intensity(q, q * 1e4, 2, 0.001) == 1).all()
    alike = torch.zeros(2, 1, 4, 6)
    assert intensity(alike, alike, 1, 2.0).flatten().tolist() == pytest.approx([1.5, 1.5])


def test_a_module_multiplies_its_attentions(motion):
    """With temperatures of their own: the second attention's as if computed from the formulas."""
    module = motion.model.at(PLACE)
    x = torch.randn(5, 64, 3, 4, generator=tiny.generator(4))
    block, outputs = module.transformer_blocks[0], []
    handle = block.attention_blocks[1].register_forward_hook(lambda m, i, o: outputs.append((i[0], o.clone())))
    module(x, 5, Control(enhance=(None, None)))
    module(x, 5, Control(enhance=(None, 4.0)))
    handle.remove()
    (seen, plain), (same, enhanced) = outputs
    assert torch.equal(seen, same)
    h = seen + reference.positions(5, 64).float()
    q, k, _ = block.attention_blocks[1].to_qkv(h).chunk(3, -1)
    q, k = (einops.rearrange(t, "b f (n e) -> b n f e", n=8) for t in (q, k))
    torch.testing.assert_close(enhanced, plain * intensity(q, k, 1, 4.0))
    assert not torch.allclose(enhanced, plain, atol=1e-3)
    some = torch.tensor([0.0, 4.0, 4.0, 0.0, -1.0])[None, :, None].expand(12, 5, 1)
    factors = intensity(q, k, 1, some)
    assert (factors[:, [0, 3, 4]] == 1).all() and torch.equal(factors[:, 1:2], intensity(q, k, 1, 4.0))
    assert torch.equal(module(x, 5, Control(enhance=(None, None))), module(x, 5))


def test_enhance_off_is_nothing_and_on_is_something(animated):
    plain = tiny.sample(animated)
    assert torch.equal(tiny.sample(changed(animated, enhance=Enhance(0.0))), plain)
    assert torch.equal(tiny.sample(changed(animated, enhance=Enhance(5.0, 1.0, 1.0))), plain)
    assert_other(tiny.sample(changed(animated, enhance=Enhance(5.0))), plain)


def test_enhancement_costs_no_pass_and_nothing_outside_its_part_of_the_run(animated, monkeypatch):
    measured, acts = [], []

    def watch(*args):
        measured.append(1)
        return intensity(*args)

    def run(model, step):
        def after(*shown):
            step(*shown)
            acts.append(bool(measured))
            measured.clear()

        tiny.sample(model, 2, steps=5, scheduler="simple", callback=after)

    monkeypatch.setattr(layers, "intensity", watch)
    assert passes(changed(animated, enhance=Enhance(2.0, 0.3, 0.8)), run) == [2] * 5
    assert acts == [False, False, True, True, False]


def test_enhanced_videos_do_not_depend_on_how_the_host_batches(animated, monkeypatch):
    enhanced = changed(animated, enhance=Enhance(OverFrames(read_keys("0: 0, -1: 5"))))
    together = tiny.sample(enhanced)
    monkeypatch.setattr(enhanced.model, "memory_required", lambda *a, **k: 1e30)  # the host then runs one by one
    assert_alike(tiny.sample(enhanced), together)
