"""Reuse of the direction of guidance: against a sampler of its own, and among windows, prompts, curves and samplers."""

from functools import partial
from itertools import pairwise

import comfy.patcher_extension
import comfy.samplers
import exact
import pytest
import tiny
import torch
from comfy_extras.nodes_custom_sampler import Guider_Basic, Guider_DualCFG
from comfy_extras.nodes_easycache import EasyCacheNode, LazyCacheNode
from comfy_extras.nodes_sag import SelfAttentionGuidance
from compare import assert_alike, assert_other
from controls import control_net, controlled
from controls import exact as exact_control
from watching import Stop, assert_untouched, snapshot

from kinema.sampling.call.call import CALL, Call
from kinema.sampling.call.kept_guidance import KeptGuidance
from kinema.sampling.curves.curve import Combined, Listed
from kinema.sampling.curves.curve_keys import OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.guidance.animation_guidance import Guidance
from kinema.sampling.guidance.guidance_reuse import BOTH_PROMPTS, GuidanceReuse
from kinema.sampling.guidance.guidance_reuse import reusing as with_reuse
from kinema.sampling.guidance.motion_guidance import MotionGuidance
from kinema.sampling.latents.inject_image import Injection
from kinema.sampling.latents.on_canvas import OnCanvas
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.motion_windows import MotionWindows

CFG = 4.0
SIZE = 4  # of the latents that are compared with the formula


def reusing(model, interval=2, start_percent=0.0, end_percent=1.0):
    return changed(model, reuse=GuidanceReuse(interval, start_percent, end_percent))


def windowed(model, schedule, **more):
    return added(model, windows=ContextWindows(WindowSpec(4, 1, schedule), **more))


def counted(model, run):
    """What `run`, a function of a MODEL, gives, and how many frames the UNet computes in each of its predictions."""
    watched = model.clone()
    steps = []

    def predict(executor, *args, **named):
        steps.append(0)
        return executor(*args, **named)

    def count(executor, x, t, *args, **named):
        steps[-1] += x.shape[0]
        return executor(x, t, *args, **named)

    watched.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.PREDICT_NOISE, "test", predict)
    watched.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.APPLY_MODEL, "test", count)
    return run(watched), steps


def passes(model, run):
    """The counts alone."""
    return counted(model, run)[1]


def by_hand(interval):
    """Euler's method as a sampler of the host, with cfg along the last direction of every `interval`-th step."""

    @torch.no_grad()
    def sampler(model, x, sigmas, extra_args=None, callback=None, disable=None, **_):
        guider = model.inner_model
        prompts = [guider.conds["positive"], guider.conds["negative"]]
        for step, (now, after) in enumerate(pairwise(sigmas)):
            options = extra_args["model_options"]
            both = comfy.samplers.calc_cond_batch(guider.inner_model, prompts, x, now.expand(len(x)), options)
            eps, uncond = ((x - denoised) / now for denoised in both)
            if step % interval == 0:
                direction = eps - uncond
            x = x + (eps + (CFG - 1) * direction) * (after - now)
        return x

    return comfy.samplers.KSAMPLER(sampler)


def sample_by_hand(model, interval, frames, steps, positive=None):
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive or tiny.conditioning(3), tiny.conditioning(4))
    guider.set_cfg(CFG)
    empty = torch.zeros(frames, 4, SIZE, SIZE)
    sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "normal", steps)
    noise = comfy.sample.prepare_noise(empty, 5)
    return guider.sample(noise, empty, by_hand(interval), sigmas, disable_pbar=True, seed=5)


@pytest.mark.parametrize(("schedule", "interval"), [("static", 3), ("looped", 2), ("shifting", 2)])
def test_a_run_equals_the_formula_with_windows_that_stay_and_that_move(animated, schedule, interval):
    base = windowed(animated, schedule)
    plain, full = counted(base, lambda m: tiny.sample(m, 7, steps=3, size=SIZE))
    out, fast = counted(reusing(base, interval), lambda m: tiny.sample(m, 7, steps=3, size=SIZE))
    assert fast == [rows if step % interval == 0 else rows // 2 for step, rows in enumerate(full)]
    assert_alike(out, sample_by_hand(base, interval, 7, 3))
    assert_other(out, plain, by=1e-3)


def test_interval_1_is_off(animated):
    assert torch.equal(tiny.sample(reusing(animated, 1)), tiny.sample(animated))


def test_only_a_part_of_the_run_reuses(animated):
    fast = reusing(animated, 9, 0.3, 0.8)
    assert passes(fast, lambda m: tiny.sample(m, 2, steps=5, scheduler="simple")) == [4, 4, 2, 2, 4]


def test_samplers_with_two_predictions_a_step_reuse_in_the_second(animated):
    assert passes(reusing(animated), lambda m: tiny.sample(m, 2, steps=3, sampler="heun")) == [4, 2, 4, 2, 4]


def test_each_frame_has_its_own_cfg_also_where_the_cfg_of_its_window_was_1(model):
    """Without motion frames do not know each other, so each must be as if all had its cfg."""
    windowed = added(model, windows=ContextWindows(WindowSpec(2, 0, "batched")))
    rising = OverRun(read_keys("0: 0 hold, 1: 1 hold"))
    curve = Combined("add", Listed((1.0, 1.0, 2.0, 2.0)), Combined("multiply", rising, Listed((2.0, 2.0, 5.0, 5.0))))

    def run(cfg):
        return tiny.sample(reusing(changed(windowed, guidance=Guidance(cfg))), steps=2)

    out = run(curve)
    # With exactly 1 for all frames the first step would be no full one
    assert_alike(out[:2], run(OverRun(read_keys("0: 1.000001 hold, 1: 3 hold")))[:2])
    assert_alike(out[2:], run(OverRun(read_keys("0: 2 hold, 1: 7 hold")))[2:])


def test_a_step_with_cfg_1_forgets_the_direction(animated):
    guided = changed(animated, guidance=Guidance(OverRun(read_keys("0: 6, 1: 1 hold, 2: 6 hold"))))
    assert passes(reusing(guided, 4), lambda m: tiny.sample(m, 2, steps=4)) == [4, 2, 4, 2]


def test_another_prompt_or_an_injected_picture_needs_a_full_prediction(animated):
    early, late = (
        [[tiny.conditioning(seed)[0][0], {"start_percent": start, "end_percent": end}]]
        for seed, start, end in ((3, 0.0, 0.35), (6, 0.35, 1.0))
    )

    def run(m):
        return tiny.sample(m, 2, steps=5, scheduler="simple", positive=[*early, *late])

    assert passes(reusing(animated, 9), run) == [4, 2, 4, 2, 2]
    injected = added(animated, injections=Injection(OnCanvas(torch.full((1, 4, 8, 8), 3.0)), None, percent=0.5))
    steps = passes(reusing(injected, 9), lambda m: tiny.sample(m, 2, steps=5, scheduler="simple"))
    assert sum(steps) == 2 * (2 + 2 + 5 - 2) and steps[0] == 4


def test_a_control_that_ends_needs_a_full_prediction(animated):
    """Else a direction with its part would be kept. In a chain, too."""

    def counts(*parts):
        chain = None
        for part in parts:
            chain = control_net().set_cond_hint(torch.rand(1, 3, 32, 32), 1.0, part).set_previous_controlnet(chain)
        run = partial(tiny.sample, frames=2, steps=5, scheduler="simple", size=SIZE, positive=controlled(chain))
        return passes(reusing(animated, 9), run)

    assert counts((0.0, 1.0)) == [4, 2, 2, 2, 2]
    assert counts((0.0, 0.35)) == counts((0.0, 0.35), (0.0, 1.0)) == [4, 2, 4, 2, 2]


@pytest.mark.parametrize("shape", [(2, 16, 3, 4, 4), (2, 64, 8)])
def test_latents_of_any_number_of_dimensions(model, shape):
    """Of several videos, or of sound."""
    conds = [torch.randn(shape), torch.randn(shape)]
    options = {"transformer_options": {CALL: Call(guided=KeptGuidance())}, BOTH_PROMPTS: lambda args: conds}
    compute = with_reuse(GuidanceReuse(2), comfy.samplers.CFGGuider(model), options)[BOTH_PROMPTS]
    asked = {"conds": [[], []], "input": torch.randn(shape), "model": model.model, "model_options": options}
    first, again = (compute({**asked, "sigma": torch.full((2,), sigma)}) for sigma in (4.0, 2.0))
    assert torch.equal(first[1], conds[1])
    assert_alike(again[1], conds[0] - (conds[0] - conds[1]) / 2)


def assert_equals_the_formula(base, positive=None):
    """Returns what `base` gives without reuse."""
    plain, full = counted(base, lambda m: tiny.sample(m, 6, size=SIZE, positive=positive))
    out, fast = counted(reusing(base), lambda m: tiny.sample(m, 6, size=SIZE, positive=positive))
    assert fast[0] == full[0] and fast[1] < full[1]
    assert_alike(out, sample_by_hand(base, 2, 6, 2, positive))
    assert_other(out, plain, by=1e-3)
    return plain


def test_with_motion_windows_a_run_equals_the_formula(animated):
    plain = assert_equals_the_formula(changed(animated, motion_windows=MotionWindows(4, 1, schedule="uniform")))
    assert_other(plain, tiny.sample(animated, 6, size=SIZE), by=1e-3)


def test_in_company_a_run_equals_the_formula(animated, tmp_path):
    """Windows that move, a second motion model, another prompt in an area and a ControlNet."""
    v1 = exact.motion_model(tiny.motion_weights(positions=24, seed=3), tmp_path / "mm_sd_v14.safetensors")
    base = windowed(attach(animated, v1, Applied(0.5), KEEP), "uniform", at_once=2)
    area = [tiny.conditioning(7)[0][0], {"area": (4, 2, 0, 0), "strength": 1.0}]
    hint = torch.rand(6, 3, 32, 32, generator=tiny.generator(1))
    control = controlled(exact_control(control_net()).set_cond_hint(hint, 1.0, (0.0, 1.0)))
    plain = assert_equals_the_formula(base, [*control, area])
    for less, positive in (
        (windowed(animated, "uniform", at_once=2), [*control, area]),
        (base, control),
        (base, [*tiny.conditioning(3), area]),
    ):
        assert_other(plain, tiny.sample(less, 6, size=SIZE, positive=positive), by=1e-3)


def test_other_guidance_acts_at_steps_that_reuse(animated):
    """With one more pass in each step."""
    still = windowed(animated, "uniform")
    base = changed(still, motion_guidance=MotionGuidance(4.0))
    out, counts = counted(reusing(base), lambda m: tiny.sample(m, 6, cfg=8.0, size=SIZE))
    full = passes(still, lambda m: tiny.sample(m, 6, steps=1, size=SIZE))
    assert counts == [full[0] * 3 // 2, full[0]]
    for other in (base, reusing(still)):
        assert_other(out, tiny.sample(other, 6, cfg=8.0, size=SIZE), by=1e-3)


def test_what_needs_the_negative_prompt_at_every_step_gets_it_and_the_node_says_so(model, screen):
    def run(m):
        return tiny.sample(m, 2, steps=3, sampler="euler_cfg_pp")

    assert torch.equal(run(reusing(model)), run(model))
    assert "Fast Sampling has no effect: this sampler or a node on the MODEL needs" in screen.text
    sag = SelfAttentionGuidance.execute(model, 0.5, 2.0).result[0]
    assert torch.equal(tiny.sample(reusing(sag), 2, size=16), tiny.sample(sag, 2, size=16))


def test_the_node_says_how_often_and_when_never(model, screen):
    fast = reusing(model)
    tiny.sample(fast, 2, steps=5)
    assert screen.text == "Fast Sampling: 2 of 5 predictions reused the guidance of an earlier one."
    assert torch.equal(tiny.sample(fast, 2, cfg=1.0), tiny.sample(model, 2, cfg=1.0))
    assert screen.text == "Fast Sampling has no effect: cfg is 1, so the negative prompt is not computed anyway."
    basic = Guider_Basic(fast)
    basic.set_conds(tiny.conditioning(3))
    dual = Guider_DualCFG(fast)
    dual.set_conds(tiny.conditioning(3), tiny.conditioning(4), tiny.conditioning(5))
    dual.set_cfg(3.0, 2.0)
    sigmas = comfy.samplers.calculate_sigmas(fast.get_model_object("model_sampling"), "normal", 2)
    for guider, why in ((basic, "cfg is 1"), (dual, "the guider Guider_DualCFG does not combine its predictions")):
        sampler = comfy.samplers.sampler_object("euler")
        guider.sample(tiny.latents(2), torch.zeros(2, 4, 8, 8), sampler, sigmas, disable_pbar=True, seed=1)
        assert f"Fast Sampling has no effect: {why}" in screen.text


@pytest.mark.parametrize(("node", "name"), [(EasyCacheNode, "EasyCache"), (LazyCacheNode, "LazyCache")])
def test_the_node_advises_against_a_second_cache(model, screen, node, name):
    cached = node.execute(model, 0.2, 0.15, 0.95, False)[0]
    advice = f"Fast Sampling and {name} both reuse what earlier steps computed, and their errors add up. Remove {name}."
    tiny.sample(reusing(cached), 2)
    assert advice in screen.text
    screen.text = ""
    tiny.sample(reusing(cached, 1), 2)
    assert name not in screen.text


def test_an_end_in_mid_run_leaves_nothing(model, animated):
    before, fast = snapshot(model), reusing(windowed(animated, "uniform"))
    expected = tiny.sample(fast, 6, size=SIZE)

    def stop(*_):
        raise Stop

    with pytest.raises(Stop):
        tiny.sample(fast, 6, size=SIZE, callback=stop)
    assert_untouched(model, before)
    assert torch.equal(tiny.sample(fast, 6, size=SIZE), expected)
