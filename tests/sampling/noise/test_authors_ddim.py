"""The AnimateDiff authors' sampling, their DDIM from their start noise, against their formula on the same UNet."""

import comfy.sample
import comfy.samplers
import comfy_extras.nodes_custom_sampler as custom
import diffusers
import exact
import pytest
import tiny
import torch
from compare import assert_alike, difference

from kinema.nodes.animation_noise import START_NEEDS_MODEL, AnimationNoiseNode
from kinema.nodes.sigma_schedule import MODELS, SigmaScheduleNode
from kinema.sampling.latents.inject_image import Injection
from kinema.sampling.latents.on_canvas import OnCanvas
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.hooks import motion_inside, plain_motion
from kinema.sampling.noise import refine_noise
from kinema.sampling.noise.frequency import LowPass, mix
from kinema.sampling.noise.model_sampling import ScheduleChoice
from kinema.sampling.noise.noise_schedules import NOISE_SCHEDULES, build_sampling
from kinema.sampling.noise.sigmas import AUTHORS_DDIM, run_sigmas
from kinema.sampling.run.attach import added, attach, changed, schedule_noise

FRAMES, SEED = 3, 5
CFG = 2.0  # with more, the UNet of random weights makes the host's rounding to float32 up to a thousand times larger


def alphas_bar():
    """Of the authors' training: betas that rise linearly. In float64, where diffusers' float32 is 1e-5 off at timestep 1."""
    return (1 - torch.linspace(0.00085, 0.012, 1000, dtype=torch.float64)).cumprod(0)


def timesteps(steps):
    """Those of diffusers' DDIM with the settings that the authors publish."""
    scheduler = diffusers.DDIMScheduler(steps_offset=1, timestep_spacing="leading")
    scheduler.set_timesteps(steps)
    return scheduler.timesteps


def reference(model, motion, steps):
    """Latents (f, 4, h, w) in the host's scale by DDIM (Song et al. 2021, equation 12, eta 0), in float64."""
    unet, alphas = model.model.diffusion_model, alphas_bar()
    x = comfy.sample.prepare_noise(torch.zeros(FRAMES, 4, 8, 8), SEED).double()
    words = [prompt[0][0].double().expand(FRAMES, -1, -1) for prompt in (tiny.conditioning(3), tiny.conditioning(4))]
    with torch.no_grad(), motion_inside(unet, [plain_motion(motion.model)], FRAMES):
        for t in timesteps(steps):
            good, bad = (unet(x, t.expand(FRAMES).float(), context=context).double() for context in words)
            noise, alpha = bad + CFG * (good - bad), alphas[t]
            following = t - 1000 // steps
            after = alphas[following] if following >= 0 else torch.tensor(1.0)
            picture = (x - (1 - alpha).sqrt() * noise) / alpha.sqrt()
            x = after.sqrt() * picture + (1 - after).sqrt() * noise
    return model.model.process_latent_out(x)


def sampled(model, sigmas):
    """With the host's nodes, as on the canvas."""
    guider = custom.CFGGuider.execute(model, tiny.conditioning(3), tiny.conditioning(4), CFG)[0]
    noise, sampler = custom.RandomNoise.execute(SEED)[0], custom.KSamplerSelect.execute("ddim")[0]
    empty = {"samples": torch.zeros(FRAMES, 4, 8, 8)}
    return custom.SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, empty)[0]["samples"]


def starting(model, on=True):
    return AnimationNoiseNode.execute("independent", 0, 0.0, model=model, authors_start=on)[1]


def test_a_whole_run_equals_the_authors(model, motion):
    """The noise levels of other numbers of steps are compared below."""
    steps = 6
    animated = attach(model, motion, Applied())
    sigmas = SigmaScheduleNode.execute(MODELS, AUTHORS_DDIM, steps, model=animated)[0]
    expected = reference(model, motion, steps)
    assert difference(sampled(starting(animated), sigmas), expected) <= 3e-6
    assert difference(sampled(starting(animated, on=False), sigmas), expected) > 1e-4


@pytest.mark.parametrize("steps", [1, 7, 10, 25, 30, 333, 501, 999])
def test_noise_levels_of_any_number_of_steps(steps):
    paper = build_sampling(NOISE_SCHEDULES["AnimateDiff"].schedule)
    sigmas = run_sigmas(paper, AUTHORS_DDIM, steps)
    alphas = alphas_bar()[timesteps(steps)]
    assert len(sigmas) == steps + 1 and sigmas[-1] == 0
    torch.testing.assert_close(sigmas[:-1].double(), (1 / alphas - 1).sqrt(), atol=0, rtol=1e-6)
    if steps <= 500:
        assert torch.equal(
            run_sigmas(paper, AUTHORS_DDIM, steps, 0.5), run_sigmas(paper, AUTHORS_DDIM, 2 * steps)[-(steps + 1) :]
        )


def test_sums_of_steps_that_do_not_exist_are_refused():
    paper = build_sampling(NOISE_SCHEDULES["AnimateDiff"].schedule)
    with pytest.raises(ValueError, match=r"has at most 999 steps, but steps divided by denoise is 1000\. Use"):
        run_sigmas(paper, AUTHORS_DDIM, 500, 0.5)
    edm = comfy.model_sampling.ModelSamplingContinuousEDM()
    with pytest.raises(
        ValueError,
        match="is made for 1000 discrete training timesteps, but the connected model has continuous noise levels",
    ):
        run_sigmas(edm, AUTHORS_DDIM, 20)


def test_only_the_first_noise_of_an_empty_video_is_the_authors():
    """That of a later part or a second iteration of a run fits what is there, and is the host's."""
    paper = ScheduleChoice(NOISE_SCHEDULES["AnimateDiff"].schedule)
    model = schedule_noise(exact.image_model(), paper)
    sigmas = run_sigmas(model.get_model_object("model_sampling"), AUTHORS_DDIM, 6)
    begun = []

    def note(executor, x, t, *args, **named):
        if float(t[0]) == float(sigmas[0]):
            begun.append(x[:FRAMES].clone())
        return executor(x, t, *args, **named)

    refined_by = refine_noise.NoiseRefinement("FreeInit", 2, LowPass("gaussian", 0.5, 0.5))
    refined = changed(model, refinement=refined_by)
    refined.add_wrapper_with_key("apply_model", "test", note)
    sampled(starting(refined), sigmas)
    whole = sampled(starting(model), sigmas)
    noise = comfy.sample.prepare_noise(torch.zeros(FRAMES, 4, 8, 8), SEED)
    torch.testing.assert_close(begun[0], noise * (1 + sigmas[0] ** 2).sqrt())
    diffused = model.model.process_latent_in(whole) + sigmas[0] * noise
    fresh = torch.randn(noise.shape, generator=torch.Generator().manual_seed(refine_noise.SEED + SEED))
    amount = (1 + sigmas[0] ** 2).sqrt()  # of both noises, as what is mixed has unit variance
    mixed = mix(diffused / amount, fresh, refined_by.low_pass.response(FRAMES, 8, 8))
    assert_alike(begun[-1], mixed * amount)
    still = added(model, injections=Injection(OnCanvas(torch.zeros(1, 4, 8, 8)), None, 0.5, 0.0))
    assert_alike(sampled(starting(still), sigmas), whole)


def test_the_noise_output_alone_is_refused(model):
    with pytest.raises(ValueError, match="authors_start"):
        AnimationNoiseNode.execute("independent", 0, 0.0, authors_start=True)
    blocked = AnimationNoiseNode.execute("independent", 0, 0.0, model=model, authors_start=True)[0]
    assert blocked.message == START_NEEDS_MODEL
