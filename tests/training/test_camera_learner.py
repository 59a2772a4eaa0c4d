"""CameraCtrl learns from clips with known camera paths; what is trained is what the sampler uses."""

import comfy.sample
import pytest
import tiny
import torch
from compare import ONE_CALL_IN_FLOAT32, assert_alike
from training.moving import FRAMES, clips

from kinema.motion.camera_load import load_camera_ctrl
from kinema.motion.load import load_motion_model
from kinema.sampling.camera.camera import Camera, follow_camera
from kinema.sampling.camera.path import CameraMove
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.hooks import motion_inside
from kinema.sampling.run.attach import attach
from kinema.training.camera_learner import (
    camera_loss,
    features_of,
    following,
    learn_camera_ctrl,
    new_camera_ctrl,
    save_camera_ctrl,
)
from kinema.training.config import TrainSettings
from kinema.training.loop import train

RIGHT = CameraMove(right=1.0)


@pytest.fixture
def motion(tmp_path):
    return load_motion_model(tiny.save(tiny.VERSIONS["v3"](), tmp_path / "mm.safetensors"))


def test_the_file_moves_the_sampler_as_trained(motion, tmp_path):
    model = tiny.image_model()
    camera = new_camera_ctrl(motion, seed=1)
    learner = learn_camera_ctrl(motion, camera)
    first = {name: value.detach().clone() for name, value in learner.parameters.items()}
    how = TrainSettings(steps=4, learning_rate=3e-3, average=0.0, caption_dropout=0.0, automatic_checkpointing=False)
    done = train(model, learner, clips(2), how, loss=camera_loss(camera, [RIGHT, CameraMove()]))
    changed = {name.split(".")[0] for name, value in done.values.items() if not torch.equal(value, first[name])}
    assert changed == {"encoder", "merges"}

    file = save_camera_ctrl(done.values, camera, motion.model.spec, tmp_path / "camera.safetensors", torch.float32, {})
    loaded = load_camera_ctrl(file)
    animated = attach(model, follow_camera(motion, loaded, Camera(RIGHT)), Applied())
    still = attach(model, motion, Applied())
    assert_alike(answer(animated), trained_answer(model, learner.motion, camera), within=ONE_CALL_IN_FLOAT32)
    assert (answer(still) - answer(animated)).abs().max() > 1e-4


@torch.no_grad()
def trained_answer(model, motion, camera):
    """The noise that the UNet predicts with `camera` as it was trained."""
    unet, latents = model.model.diffusion_model, tiny.latents(FRAMES)
    levels = [level[None, :, :, None] for level in features_of(camera, RIGHT, FRAMES, (8, 8), latents.device)]
    context = tiny.conditioning()[0][0].expand(FRAMES, -1, -1)
    with motion_inside(unet, [following(motion, camera, levels)], FRAMES):
        return unet(latents, torch.full((FRAMES,), 999.0), context=context)


def answer(model):
    """The noise that `model` (MODEL) predicts at its highest noise level in a run of one step."""
    noise, empty = tiny.latents(FRAMES), torch.zeros(FRAMES, 4, 8, 8)
    result = comfy.sample.sample(
        model, noise, 1, 1.0, "euler", "normal", tiny.conditioning(), tiny.conditioning(4), empty, disable_pbar=True
    )
    sigma = float(model.get_model_object("model_sampling").sigma_max)
    started = noise * (1 + sigma**2) ** 0.5
    return (started - model.model.process_latent_in(result)) / sigma
