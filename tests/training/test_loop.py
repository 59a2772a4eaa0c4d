"""Training at the size that a test can afford: what must hold at any size."""

import functools

import pytest
import tiny
import torch
from training.moving import FRAMES, clips

from kinema.motion.families import FAMILIES
from kinema.motion.load import load_motion_model
from kinema.motion.save import save_motion_model
from kinema.sampling.modules.hooks import motion_inside, plain_motion
from kinema.training.config import ABLATION, TrainSettings
from kinema.training.learner import finished, new_spec, new_weights, start_from, start_new
from kinema.training.loop import train
from kinema.training.objective import diffusion


def settings(**changes):
    start = {
        "steps": 2,
        "learning_rate": 1e-3,
        "average": 0.0,
        "caption_dropout": 0.0,
        "automatic_checkpointing": False,
    }
    return TrainSettings(**(start | changes))


def trained(model, data, how, learner=None, **more):
    learner = learner or start_new(model, seed=1)
    return learner, {name: value.clone() for name, value in train(model, learner, data, how, **more).values.items()}


def test_overfitting_one_clip_lowers_the_loss():
    model = tiny.image_model("small")
    seen = []
    trained(model, clips(), settings(steps=24, learning_rate=3e-3), watch=lambda p: seen.append(p.losses[-1]))
    assert len(seen) == 24
    assert sum(seen[-10:]) < 0.8 * sum(seen[:10])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_sees_what_the_step_before_learned(precision):
    model = tiny.image_model("small")
    second = []
    for rate in (1e-8, 1e-2):
        how = settings(steps=2, learning_rate=rate, precision=precision)
        trained(model, clips(), how, watch=lambda p: second.append(p.losses[-1]))
    assert second[0] == second[2] and abs(second[1] - second[3]) > 0.01


def test_only_motion_changes():
    model = tiny.image_model("small")
    before = {name: value.clone() for name, value in model.model.state_dict().items()}
    grads = [p.requires_grad for p in model.model.parameters()]
    modules = [name for name, _ in model.model.named_modules()]
    learner, values = trained(model, clips(), settings())
    after = model.model.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert modules == [name for name, _ in model.model.named_modules()]
    first = new_weights(learner.motion.spec, seed=1)
    assert all(not torch.equal(values[name], first[name]) for name in first)
    assert all(p.grad is None for p in model.model.parameters())
    assert grads == [p.requires_grad for p in model.model.parameters()]


def test_new_motion_model_changes_nothing():
    model = tiny.image_model("small")
    spec = new_spec(model)
    motion = finished(start_new(model, seed=3), new_weights(spec, seed=3), "new")
    unet, x = model.model.diffusion_model, tiny.latents(FRAMES)
    arguments = (x, torch.full((FRAMES,), 500.0), tiny.conditioning()[0][0].expand(FRAMES, -1, -1))
    with torch.no_grad():
        still = unet(*arguments)
        with motion_inside(unet, [plain_motion(motion.model)], FRAMES):
            assert torch.equal(unet(*arguments), still)
    assert spec == load_motion_model_spec(motion)


def load_motion_model_spec(motion):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        return load_motion_model(save_motion_model(motion, Path(folder) / "new.safetensors")).model.spec


def test_accumulation_equals_a_bigger_batch():
    model, data = tiny.image_model("small"), clips(3)
    losses = []
    for batch, accumulation, seed in ((1, 4, 42), (4, 1, 42), (4, 1, 43)):
        how = settings(batch_size=batch, accumulation=accumulation, seed=seed)
        losses.append([])
        trained(model, data, how, watch=lambda p: losses[-1].append(p.losses[-1]))
    apart, together, other = torch.tensor(losses)
    assert torch.allclose(apart, together, rtol=1e-4)
    assert not torch.isclose(other, together, rtol=1e-2).any()


@pytest.mark.parametrize("name, golden", [("A", 0.277670), ("B", 0.161812), ("C", 0.078587)])
def test_ablation_schedules(name, golden):
    how = diffusion(tiny.image_model("small"), ABLATION[name].schedule)
    assert how.prediction == "noise" and how.alphas_bar.shape == (1000,)
    assert abs(float(how.alphas_bar[499]) - golden) < 1e-6


@pytest.mark.parametrize("v_prediction", [False, True])
def test_target_equals_what_the_host_calls_denoised(v_prediction):
    """A UNet that answered with the target would be denoised by the host to the clean clip."""
    model = tiny.image_model("small", v_prediction=v_prediction)
    how = diffusion(model, ABLATION["A"].schedule)
    clean, noise = tiny.latents(2, seed=1)[None], tiny.latents(2, seed=2)[None]
    noisy, target = how.noised(clean, noise, torch.tensor([700]))
    sampling = model.model.model_sampling
    sigma = sampling.sigma(torch.tensor([700.0]))
    host = sampling.noise_scaling(sigma, noise[0].clone(), clean[0])
    assert torch.allclose(sampling.calculate_input(sigma, host), noisy[0], atol=1e-5)
    assert torch.allclose(sampling.calculate_denoised(sigma, target[0], host), clean[0], atol=1e-4)


def test_weight_limit_weighs_noisy_timesteps():
    model = tiny.image_model("small")
    target, timesteps = tiny.latents(4).reshape(2, 2, 4, *tiny.latents(4).shape[2:]), torch.tensor([20, 900])
    predicted = target + torch.tensor([0.1, 0.3])[:, None, None, None, None]
    plain, limited, whole = (
        diffusion(model, ABLATION["B"].schedule, limit).error(predicted, target, timesteps).item()
        for limit in (1.0, 20.0, 1e9)
    )
    weights = (1 / diffusion(model, ABLATION["B"].schedule).alphas_bar[timesteps]).tolist()
    assert plain == pytest.approx((0.01 + 0.09) / 2, rel=1e-5)
    assert weights[0] < 1.1 and weights[1] > 20
    assert limited == pytest.approx((0.01 * weights[0] + 0.09 * 20) / 2, rel=1e-5)
    assert whole == pytest.approx((0.01 * weights[0] + 0.09 * weights[1]) / 2, rel=1e-5)


@pytest.mark.parametrize("family", ["v3", "v1"])
def test_gradient_checkpointing_changes_no_number(family):
    model, data = tiny.image_model("small"), clips()
    start = functools.partial(start_new, model, 1, FAMILIES[family])
    _, plain = trained(model, data, settings(), start())
    _, saving = trained(model, data, settings(gradient_checkpointing=True), start())
    assert all(torch.equal(plain[name], saving[name]) for name in plain)
    assert not any("forward" in vars(module) for module in model.model.diffusion_model.modules())


def test_training_goes_on_from_a_motion_model(tmp_path):
    model = tiny.image_model()
    motion = load_motion_model(tiny.save(tiny.VERSIONS["v2"](), tmp_path / "mm.safetensors"))
    before = {name: value.clone() for name, value in motion.model.state_dict().items()}
    learner, values = trained(model, clips(), settings(), start_from(motion))
    assert learner.motion.spec == motion.model.spec
    assert all(torch.equal(before[name], value) for name, value in motion.model.state_dict().items())
    assert all(0 < (values[name] - before[name]).abs().max() < 0.01 for name in before)


def test_average_follows_the_weights():
    model, data = tiny.image_model("small"), clips()
    learner, average = trained(model, data, settings(average=0.999, steps=3))
    last = dict(learner.motion.named_parameters())
    first = new_weights(learner.motion.spec, seed=1)
    for name, value in average.items():
        assert not torch.equal(value, last[name])
        assert (value - last[name]).norm() < (first[name] - last[name]).norm()


def test_works_under_inference_mode():
    """The host runs nodes, and so makes the models, under torch.inference_mode."""
    with torch.inference_mode():
        model, data = tiny.image_model("small"), clips()
        _, values = trained(model, data, settings(), start_new(model, seed=1))
        motion = finished(start_new(model, 1), values, "mine")
        assert motion.model.spec.family.name == "v3"
    _, plain = trained(tiny.image_model("small"), clips(), settings())
    assert all(torch.equal(values[name], plain[name]) for name in plain)
