import re

import pytest
import tiny
import torch
from comfy_extras.nodes_model_advanced import LCM, ModelSamplingContinuousEDM

from kinema.motion.families import FAMILIES
from kinema.motion.load import load_motion_model
from kinema.motion.spec import AUTOMATIC, NoiseSchedule
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import (
    CHOICES,
    NOISE_SCHEDULES,
    build_sampling,
    check_noise,
    chosen_schedule,
)
from kinema.sampling.run.attach import attach

# alpha-bar at t = 249, 499, 749, 999 and the largest sigma, from the published training configurations
GOLDEN = {
    "AnimateDiff": ((0.570866, 0.161812, 0.022729, 0.001579), 25.1461),
    "Stable Diffusion": ((0.675432, 0.277670, 0.056623, 0.004660), 14.6146),
    "AnimateDiff SDXL": ((0.617323, 0.170146, 0.014021, 0.000230), 65.9287),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_sigmas(name):
    like = tiny.image_model().get_model_object("model_sampling")
    sampling = build_sampling(NOISE_SCHEDULES[name].schedule, like)
    alpha_bar, sigma_max = GOLDEN[name]
    got = 1 / (sampling.sigmas[[249, 499, 749, 999]].double() ** 2 + 1)
    torch.testing.assert_close(got, torch.tensor(alpha_bar, dtype=torch.float64), atol=1e-6, rtol=0)
    assert abs(float(sampling.sigma_max) - sigma_max) < 1e-3
    assert abs(float(sampling.sigma_min) - 0.0292) < 1e-4


def test_lcm_equals_the_published_scheduler():
    """AnimateLCM: 4 of its 100 steps are timesteps 999, 749, 499, 249; c_skip at t = 19 is 6.9e-6."""
    sampling = build_sampling(
        NOISE_SCHEDULES["AnimateLCM"].schedule, tiny.image_model().get_model_object("model_sampling")
    )
    assert len(sampling.sigmas) == 100 and abs(float(sampling.sigma_max) - 25.1461) < 1e-3
    paper = build_sampling(
        NOISE_SCHEDULES["AnimateDiff"].schedule, tiny.image_model().get_model_object("model_sampling")
    )
    for timestep in (999, 749, 499, 249, 9):
        sigma = paper.sigmas[timestep]
        assert float(sampling.timestep(sigma)) == timestep
        torch.testing.assert_close(sampling.sigma(torch.tensor(float(timestep))), sigma)
    sigma = sampling.sigma(torch.tensor([19.0]))
    x, noise = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    c_skip, c_out = 0.25 / (190**2 + 0.25), 190 / (190**2 + 0.25) ** 0.5
    assert abs(c_skip - 6.9e-6) < 1e-7
    torch.testing.assert_close(sampling.calculate_denoised(sigma, noise, x), x * (c_skip + c_out))
    kept = build_sampling(NOISE_SCHEDULES["AnimateDiff"].schedule, sampling)
    assert len(kept.sigmas) == 100  # a second motion model on an LCM leaves it one


def test_zero_terminal_snr_is_kept():
    like = tiny.image_model().get_model_object("model_sampling")
    zero = type(like)(None, zsnr=True)
    assert float(build_sampling(NOISE_SCHEDULES["AnimateDiff"].schedule, zero).sigma_max) > 1000


LARGEST = {"hotshotxl": 14.6146, "sdxl": 65.9287, "animatelcm_i2v": 41.6677}
"""Sigmas at the last timestep; all other families were trained with the paper's schedule."""


@pytest.mark.parametrize("family", FAMILIES)
def test_automatic_is_what_the_family_was_trained_with(family):
    like = tiny.image_model().get_model_object("model_sampling")
    sampling = build_sampling(chosen_schedule(AUTOMATIC, FAMILIES[family], like), like)
    assert abs(float(sampling.sigma_max) - LARGEST.get(family, 25.1461)) < 1e-3
    steps = {"animatelcm": 100, "animatelcm_i2v": 200}.get(family, 1000)
    assert len(sampling.sigmas) == steps and isinstance(sampling, LCM) == (steps < 1000)


@pytest.mark.parametrize("name", ["AnimateLCM", "LCM"])
@pytest.mark.parametrize("v_prediction", [False, True])
def test_a_consistency_model_denoises_what_its_checkpoint_predicts(name, v_prediction):
    """At sigma 5 the picture is x/26 - 5v/sqrt(26) of a velocity v, x - 5e of a noise e; LCM's scalings leave it so."""
    like = tiny.image_model(v_prediction=v_prediction).get_model_object("model_sampling")
    sampling = build_sampling(NOISE_SCHEDULES[name].schedule, like)
    x, predicted, sigma = torch.ones(2, 4, 1, 1), torch.full((2, 4, 1, 1), 0.5), torch.tensor([5.0, 5.0])
    expected = torch.full_like(x, 1 / 26 - 2.5 / 26**0.5 if v_prediction else 1 - 2.5)
    assert abs(float(expected[0, 0, 0, 0]) - (-0.452 if v_prediction else -1.5)) < 5e-4
    torch.testing.assert_close(sampling.calculate_denoised(sigma, predicted, x), expected)
    again = build_sampling(
        NOISE_SCHEDULES["AnimateDiff"].schedule, build_sampling(chosen_schedule(name, None, like), sampling)
    )
    torch.testing.assert_close(again.calculate_denoised(sigma, predicted, x), expected)
    lowest = sampling.sigma_min[None]  # timestep 9 or 19, where the scalings show
    t = 10 * float(sampling.timestep(lowest))
    kept, made = 0.25 / (t**2 + 0.25), t / (t**2 + 0.25) ** 0.5
    picture = like.calculate_denoised(lowest, predicted, x)
    torch.testing.assert_close(sampling.calculate_denoised(lowest, predicted, x), made * picture + kept * x)


@pytest.mark.parametrize("kind", ["edm", "edm_playground_v2.5", "v_prediction"])
def test_models_of_continuous_noise_keep_theirs(kind, tmp_path):
    """Playground v2.5 is one: its data have a standard deviation of 0.5."""
    model = ModelSamplingContinuousEDM().patch(tiny.image_model(), kind, 80.0, 0.002)[0]
    motion = load_motion_model(tiny.save(tiny.motion_weights(), tmp_path / "v3_mm.safetensors"))
    own, attached = (m.get_model_object("model_sampling") for m in (model, attach(model, motion, Applied())))
    assert attached is own and own.sigma_data == (1.0 if kind == "v_prediction" else 0.5)
    chosen = attach(model, motion, Applied(), "AnimateDiff").get_model_object("model_sampling")
    assert len(chosen.sigmas) == 1000 and abs(float(chosen.sigma_max) - 25.1461) < 1e-3


def test_the_words_name_what_comfyui_calls_a_schedule():
    """Its names mislead: "linear" is Stable Diffusion's schedule, "sqrt_linear" the linear one of the paper."""
    for row in NOISE_SCHEDULES.values():
        if "ComfyUI calls" in row.words:
            assert re.search(r"ComfyUI\s+calls (\w+)", row.words)[1] == row.schedule.betas
    assert "ComfyUI calls" in CHOICES["AnimateDiff"] and "ComfyUI calls" in CHOICES["Stable Diffusion"]


TOO_NOISY = {  # betas, first, last, zero SNR: what the message advises, and the values that it names
    ("sqrt", 1e-4, 0.02, None): ("With first_beta 0.0001, the largest last_beta", 1e-4, 0.015863),
    ("sqrt_linear", 0.25, 0.02, None): ("With last_beta 0.02, the largest first_beta", 0.148299, 0.02),
    ("sqrt_linear", 1e-4, 0.17, None): ("With first_beta 0.0001, the largest last_beta", 1e-4, 0.167154),
    ("sqrt_linear", 0.999, 0.999, True): (
        "Lower both: with first_beta 0.000001, the largest last_beta",
        1e-6,
        0.158687,
    ),
}


@pytest.mark.parametrize("given", TOO_NOISY)
def test_noise_beyond_float32_is_refused_with_the_largest_value_that_works(given):
    betas, first, last, zsnr = given
    advice, works_first, works_last = TOO_NOISY[given]
    with pytest.raises(ValueError) as error:
        check_noise(NoiseSchedule(betas=betas, first=first, last=last), zsnr=zsnr)
    limit = works_first if "first_beta that" in f"{advice} that" else works_last
    assert str(error.value) == (
        f'The noise of this schedule grows beyond what float32 numbers can hold: betas is "{betas}", first_beta {first:g} '
        f"and last_beta {last:g}. {advice} that works is {limit:.6f}."
    )
    check_noise(NoiseSchedule(betas=betas, first=works_first, last=works_last), zsnr=zsnr)
