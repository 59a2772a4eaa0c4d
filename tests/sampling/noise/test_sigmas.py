"""Noise levels from schedules, against published values and the host, and of two runs together."""

import comfy.model_sampling
import comfy.samplers
import pytest
import torch
from comfy_extras.nodes_model_advanced import LCM, ModelSamplingDiscreteDistilled

from kinema.motion.families import FAMILIES
from kinema.motion.spec import NoiseSchedule
from kinema.sampling.noise.model_sampling import ScheduleChoice
from kinema.sampling.noise.noise_schedules import NOISE_SCHEDULES, build_sampling
from kinema.sampling.noise.sigmas import SCHEDULERS, blend, run_sigmas, split
from kinema.sampling.run.attach import schedule_noise

PAPER, IMAGE = (build_sampling(NOISE_SCHEDULES[name].schedule) for name in ("AnimateDiff", "Stable Diffusion"))


@pytest.mark.parametrize("scheduler", ["normal", "karras", "ddim_uniform", "beta"])
@pytest.mark.parametrize("denoise", [1.0, 0.6])
def test_equals_the_hosts_scheduler_on_a_model_with_the_schedule(model, scheduler, denoise):
    from comfy_extras.nodes_custom_sampler import BasicScheduler

    model = schedule_noise(model, ScheduleChoice(NOISE_SCHEDULES["AnimateDiff"].schedule))
    theirs = BasicScheduler.execute(model, scheduler, 12, denoise)[0]
    assert torch.equal(run_sigmas(PAPER, scheduler, 12, denoise), theirs)


def test_every_scheduler_of_the_host():
    for scheduler in SCHEDULERS:
        sigmas = run_sigmas(PAPER, scheduler, 8)
        assert sigmas[0] > 9 and sigmas[-1] == 0 and (sigmas.diff() <= 0).all(), scheduler
    assert len(run_sigmas(PAPER, "normal", 8, 0.0)) == 0


def test_zero_terminal_snr_and_distilled_timesteps():
    assert float(build_sampling(NOISE_SCHEDULES["AnimateDiff"].schedule, zsnr=True).sigma_max) > 1000
    lcm = build_sampling(NOISE_SCHEDULES["Stable Diffusion"].schedule, prediction="lcm")
    assert abs(float(lcm.sigma_min) - 0.134451) < 1e-5 and len(lcm.sigmas) == 50
    wide = build_sampling(NoiseSchedule(betas="linear", first=0.00085, last=0.012, lcm_steps=100), prediction="lcm")
    assert abs(float(wide.sigma_min) - 0.093568) < 1e-5


KINDS = {"epsilon": comfy.model_sampling.EPS, "v_prediction": comfy.model_sampling.V_PREDICTION, "lcm": LCM}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_what_a_model_predicts(model, name, kind):
    model = schedule_noise(model, ScheduleChoice(NOISE_SCHEDULES["AnimateLCM"].schedule, name, zsnr=False))
    sampling = model.get_model_object("model_sampling")
    predicts = next(base for base in type(sampling).__mro__ if "calculate_denoised" in vars(base))
    assert predicts is kind and isinstance(sampling, ModelSamplingDiscreteDistilled) == (name == "lcm")


def test_the_mean_of_two_schedules():
    """The peer's avg(sqrt_linear,linear) has sigmas 0.029167, 1.951506 and 19.880379 at timesteps 0, 500 and 999."""
    paper, image = (sampling.sigmas.flip(0) for sampling in (PAPER, IMAGE))
    mean = blend(paper, image, 0.5, 0.5)
    assert [round(float(mean[999 - t]), 5) for t in (0, 500, 999)] == [0.02917, 1.95151, 19.88038]
    paper, image = (run_sigmas(sampling, "simple", 10) for sampling in (PAPER, IMAGE))
    torch.testing.assert_close(blend(paper, image, 0.25, 0.25), paper * 0.75 + image * 0.25)


def test_weights_that_change():
    one, other = torch.tensor([10.0, 6.0, 4.0, 2.0, 0.0]), torch.tensor([20.0, 9.0, 5.0, 1.0, 0.0])
    torch.testing.assert_close(blend(one, other, 0.0, 1.0), torch.tensor([10.0, 6.75, 4.5, 1.25, 0.0]))
    torch.testing.assert_close(blend(one, other, 1.0, 0.0), torch.tensor([20.0, 8.25, 4.5, 1.75, 0.0]))
    eased = blend(one, other, 0.0, 1.0, "ease in")
    assert eased[0] == 10 and 6.0 < eased[1] < 6.75 and eased[-1] == 0


def test_split():
    one, other = torch.tensor([10.0, 6.0, 4.0, 2.0, 0.0]), torch.tensor([20.0, 5.0, 3.0, 1.0, 0.0])
    assert split(one, other, 0.5).tolist() == [10.0, 6.0, 3.0, 1.0, 0.0]
    assert split(one, other, 0.0).tolist() == other.tolist() and split(one, other, 1.0).tolist() == [
        10.0,
        6.0,
        4.0,
        2.0,
        0.0,
    ]


def test_errors():
    with pytest.raises(
        ValueError, match="sigmas_1 has 2 steps, but sigmas_2 has 3. Give both the same number of steps."
    ):
        blend(torch.tensor([3.0, 1.0, 0.0]), torch.tensor([3.0, 2.0, 1.0, 0.0]), 0.5, 0.5)
    with pytest.raises(
        ValueError, match="The noise would rise from 4.000 to 5.000 at step 1, but samplers only remove noise"
    ):
        split(torch.tensor([4.0, 2.0, 0.0]), torch.tensor([9.0, 5.0, 0.0]), 0.5)


# The timesteps at which the authors' schedulers run: AnimateLCM's are every 10th (I2V's every 5th), of which some are
# picked; Lightning's are "trailing". With the betas of the training configurations
AUTHORS = [
    ("animatelcm", 4, (999, 749, 499, 249)),
    ("animatelcm", 6, (999, 839, 669, 499, 339, 169)),
    ("animatelcm", 8, (999, 879, 749, 629, 499, 379, 249, 129)),
    ("animatelcm_i2v", 4, (999, 749, 499, 249)),
    ("animatelcm_i2v", 8, (999, 874, 749, 624, 499, 374, 249, 124)),
    ("lightning", 2, (999, 499)),
    ("lightning", 4, (999, 749, 499, 249)),
    ("lightning", 8, (999, 874, 749, 624, 499, 374, 249, 124)),
]


@pytest.mark.parametrize(("name", "steps", "timesteps"), AUTHORS)
def test_the_presets_of_fast_models_are_the_authors_timesteps(model, name, steps, timesteps):
    """All sigmas of the run to 1e-6 of the authors', where sgm_uniform, usual for such models, is 2e-3 to 1e-2 off."""
    family = FAMILIES[name]
    sampling = build_sampling(family.schedule, model.get_model_object("model_sampling"))
    alphas = (1 - torch.linspace(family.schedule.first, family.schedule.last, 1000, dtype=torch.float64)).cumprod(0)
    expected = ((1 - alphas) / alphas).sqrt()[list(timesteps)]
    for scheduler, right in ((family.preset.scheduler, True), ("sgm_uniform", False)):
        sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, steps)
        assert len(sigmas) == steps + 1 and sigmas[-1] == 0
        off = ((sigmas[:-1].double() - expected) / expected).abs().max()
        assert off <= 1e-6 if right else off > 1e-4, (scheduler, off)
