"""What the motion modules multiply: there to be used, and silent until training does."""

from typing import Any

import pytest
import torch

from kinema.miniature import models
from kinema.motion.spec import PAPER_SCHEDULE
from kinema.training.clip_batches import batches
from kinema.training.clips import Clip, Clips
from kinema.training.config import TrainSettings
from kinema.training.frozen import frozen
from kinema.training.learner import Learner, start_new
from kinema.training.objective import Network, diffusion, motion_loss
from tools.miniature import motion, world
from tools.miniature.heads import look_at_neighbours
from tools.miniature.readings import multiply_readings, use_of

FRAMES = 6
PLACE = "up_blocks.2.motion_modules.1"


@pytest.fixture(scope="module")
def read() -> Any:
    """Network, clips and channels of a new motion model whose readings were fitted, and its answers before and after."""
    torch.manual_seed(0)
    model, clip, _ = models.load_miniature()
    texts = [world.caption_of("red", direction, "deep sea") for direction in ("left", "right")] * 2
    encoded = {text: motion.conditioning(clip, text) for text in texts}
    each = (Clip(torch.randn(FRAMES, 4, 16, 16), encoded[text], text) for text in texts)
    clips = Clips(tuple(each), motion.conditioning(clip, ""))
    settings = TrainSettings(batch_size=2, timestep_bias=0.2, caption_dropout=0.0)
    with torch.inference_mode(False), frozen(model, (2 * FRAMES, 4, 16, 16)) as base:
        learner = start_new(base, 3)
        look_at_neighbours(learner)
        network = Network(base, learner.motion, diffusion(base, PAPER_SCHEDULE))
        data = batches(base.model, clips, settings, torch.device("cpu"))
        directions = torch.tensor([1.0 if "right" in text else -1.0 for text in texts])
        before = answer(network, data)
        channels = multiply_readings(network, data, directions)
        yield network, data, channels, before


@torch.no_grad()
def answer(network: Network, data: Any) -> torch.Tensor:
    batch = data.at(50, 0)
    noisy, _ = network.diffusion.noised(batch.latents, batch.noise, batch.timesteps)
    with network.animated(FRAMES):
        return network.predict(noisy, batch.timesteps, batch.captions)


def test_the_product_is_silent_at_first(read: Any) -> None:
    network, data, _, before = read
    assert torch.equal(answer(network, data), before)


def test_its_channel_goes_with_place_times_direction_times_time(read: Any) -> None:
    network, data, channels, _ = read
    heard: list[torch.Tensor] = []
    hook = network.motion.at(PLACE).proj_out.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    answer(network, data)
    hook.remove()
    channel = heard[0][..., channels[PLACE]].view(2, 8, 8, FRAMES)  # (v, h, w, f)
    captions = data.at(50, 0).captions
    right = data.clips.clips[1].conditioning[0][0]
    side = torch.tensor([1.0 if torch.equal(captions[i]["c_crossattn"].cond, right) else -1.0 for i in range(2)])
    ramp = torch.linspace(-1, 1, 8)[None, None, :, None] * side[:, None, None, None] * torch.linspace(-1, 1, FRAMES)
    assert torch.corrcoef(torch.stack([channel.flatten(), ramp.expand_as(channel).flatten()]))[0, 1] > 0.5


def test_only_the_use_of_the_product_trains(read: Any) -> None:
    network, data, channels, _ = read
    learner = use_of(Learner(network.motion, dict(network.motion.named_parameters()), dict), channels)
    with torch.enable_grad():
        for term in motion_loss(network, data.at(0, 0)):
            term.backward()
    assert set(learner.parameters) == {f"{place}.proj_out.weight" for place in channels}
    for name, parameter in learner.parameters.items():
        moved = parameter.grad.norm(dim=0).nonzero().flatten().tolist()
        assert moved == [channels[name.removesuffix(".proj_out.weight")]]
