import re

import families
import pytest
import tiny
import torch
from comfy.model_sampling import V_PREDICTION
from comfy_extras.nodes_model_advanced import LCM, ModelSamplingContinuousEDM, ModelSamplingDiscrete

from kinema.motion.families import FAMILIES
from kinema.motion.load import load_motion_model
from kinema.motion.spec import AUTOMATIC, NoiseSchedule
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.model_sampling import CHECKPOINT, ScheduleChoice
from kinema.sampling.noise.noise_schedules import (
    CHOICES,
    EVOLVED,
    NOISE_SCHEDULES,
    build_sampling,
    check_noise,
    chosen_schedule,
)
from kinema.sampling.run.attach import attach, schedule_noise

# alpha-bar at t = 249, 499, 749, 999 and the largest sigma, from the published training configurations
GOLDEN = {
    "AnimateDiff": ((0.570866, 0.161812, 0.022729, 0.001579), 25.1461),
    "Stable Diffusion": ((0.675432, 0.277670, 0.056623, 0.004660), 14.6146),
    "AnimateDiff SDXL": ((0.617323, 0.170146, 0.014021, 0.000230), 65.9287),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_sigmas(model, name):
    like = model.get_model_object("model_sampling")
    sampling = build_sampling(NOISE_SCHEDULES[name].schedule, like)
    alpha_bar, sigma_max = GOLDEN[name]
    got = 1 / (sampling.sigmas[[249, 499, 749, 999]].double() ** 2 + 1)
    torch.testing.assert_close(got, torch.tensor(alpha_bar, dtype=torch.float64), atol=1e-6, rtol=0)
    assert abs(float(sampling.sigma_max) - sigma_max) < 1e-3
    assert abs(float(sampling.sigma_min) - 0.0292) < 1e-4


def test_lcm_equals_the_published_scheduler(model):
    """AnimateLCM: 4 of its 100 steps are timesteps 999, 749, 499, 249; c_skip at t = 19 is 6.9e-6."""
    sampling = build_sampling(NOISE_SCHEDULES["AnimateLCM"].schedule, model.get_model_object("model_sampling"))
    assert len(sampling.sigmas) == 100 and abs(float(sampling.sigma_max) - 25.1461) < 1e-3
    paper = build_sampling(NOISE_SCHEDULES["AnimateDiff"].schedule, model.get_model_object("model_sampling"))
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


MEANS = {  # the smallest sigma, that of the middle and the largest
    ("mean of AnimateDiff and Stable Diffusion", None): (1000, 0.029167, 1.951506, 19.880379),
    ("mean of AnimateDiff and Stable Diffusion", "lcm"): (50, 0.136713, 2.091842, 19.880379),
    ("LCM mean of AnimateDiff and Stable Diffusion", None): (50, 0.136713, 2.091842, 19.880379),
}


@pytest.mark.parametrize(("name", "prediction"), MEANS)
def test_means_of_two_schedules(name, prediction):
    sampling = build_sampling(NOISE_SCHEDULES[name].schedule, prediction=prediction)
    count, smallest, middle, largest = MEANS[name, prediction]
    assert len(sampling.sigmas) == count and isinstance(sampling, LCM) == (count == 50)
    got = torch.stack([sampling.sigma_min, sampling.sigmas[count // 2], sampling.sigma_max])
    torch.testing.assert_close(got, torch.tensor([smallest, middle, largest]), atol=2e-6, rtol=0)
    both = [build_sampling(NOISE_SCHEDULES[each].schedule) for each in ("AnimateDiff", "Stable Diffusion")]
    mean = (both[0].sigmas + both[1].sigmas) / 2
    assert torch.equal(sampling.sigmas, mean[:: 1000 // count] if count == 1000 else mean[19::20])
    torch.testing.assert_close(sampling.log_sigmas, sampling.sigmas.log())


def test_lcm_steps_make_a_consistency_model_of_any_schedule():
    image = NOISE_SCHEDULES["Stable Diffusion"].schedule
    assert torch.equal(
        build_sampling(image, lcm_steps=50).sigmas, build_sampling(NOISE_SCHEDULES["LCM"].schedule).sigmas
    )
    hundred = build_sampling(NOISE_SCHEDULES["LCM"].schedule, lcm_steps=100)
    got = torch.stack([hundred.sigma_min, hundred.sigmas[50], hundred.sigma_max])
    torch.testing.assert_close(got, torch.tensor([0.093568, 1.667755, 14.614641]), atol=2e-6, rtol=0)
    assert isinstance(hundred, LCM) and isinstance(build_sampling(image, prediction="v_prediction", lcm_steps=4), LCM)


@pytest.mark.parametrize("v_prediction", [False, True])
def test_the_checkpoints_prediction_is_found_again(v_prediction):
    model = tiny.image_model(v_prediction=v_prediction)
    other = ModelSamplingDiscrete().patch(model, "lcm", True)[0]
    paper = NOISE_SCHEDULES["AnimateDiff"].schedule
    found = schedule_noise(other, ScheduleChoice(paper, CHECKPOINT)).get_model_object("model_sampling")
    assert issubclass(type(found), V_PREDICTION) == v_prediction and len(found.sigmas) == 1000
    assert found.zsnr  # which is kept, as with every prediction
    plain = schedule_noise(model, ScheduleChoice(paper)).get_model_object("model_sampling")
    again = schedule_noise(other, ScheduleChoice(paper, CHECKPOINT, zsnr=False)).get_model_object("model_sampling")
    assert torch.equal(again.sigmas, plain.sigmas) and not isinstance(again, LCM)


EVOLVED_SCHEDULES = {  # what autoselect of AnimateDiff-Evolved is for files of these names
    "v3_sd15_mm.ckpt": "AnimateDiff",
    "AnimateLCM_sd15_t2v.ckpt": "LCM",
    "mm_sdxl_v10_beta.ckpt": "AnimateDiff SDXL",
    "hsxl_temporal_layers.f16.safetensors": "Stable Diffusion",
}


@pytest.mark.parametrize("file", EVOLVED_SCHEDULES)
def test_as_animatediff_evolved_chooses_by_the_file(file, tmp_path):
    kind = families.KINDS[file]
    motion = load_motion_model(tiny.save(kind.make(), tmp_path / file))
    model = ModelSamplingDiscrete().patch(tiny.image_model(kind.base), "v_prediction", False)[0]
    found = attach(model, motion, Applied(), EVOLVED).get_model_object("model_sampling")
    expected = build_sampling(NOISE_SCHEDULES[EVOLVED_SCHEDULES[file]].schedule)
    assert torch.equal(found.sigmas, expected.sigmas)
    assert isinstance(found, LCM) == isinstance(expected, LCM) and not isinstance(found, V_PREDICTION)


def test_zero_terminal_snr_is_kept(model):
    like = model.get_model_object("model_sampling")
    zero = type(like)(None, zsnr=True)
    assert float(build_sampling(NOISE_SCHEDULES["AnimateDiff"].schedule, zero).sigma_max) > 1000


LARGEST = {"hotshotxl": 14.6146, "sdxl": 65.9287, "animatelcm_i2v": 41.6677}
"""Sigmas at the last timestep; all other families were trained with the paper's schedule."""


@pytest.mark.parametrize("family", FAMILIES)
def test_automatic_is_what_the_family_was_trained_with(model, family):
    like = model.get_model_object("model_sampling")
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
def test_models_of_continuous_noise_keep_theirs(model, kind, tmp_path):
    """Playground v2.5 is one: its data have a standard deviation of 0.5."""
    model = ModelSamplingContinuousEDM().patch(model, kind, 80.0, 0.002)[0]
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
