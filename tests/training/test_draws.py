"""Chance in training: reproducible, fair, and what the settings say."""

from dataclasses import replace

import tiny
import torch
from training.moving import clips

from kinema.training.clip_batches import batches
from kinema.training.config import TrainSettings
from kinema.training.draws import clip_at, draw_timestep, generator

HOW = TrainSettings(batch_size=4, caption_dropout=0.0)


def test_every_epoch_has_all_clips_in_another_order():
    order = [clip_at(position, 7, seed=1) for position in range(70)]
    epochs = [tuple(order[i : i + 7]) for i in range(0, 70, 7)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len(set(epochs)) == 10
    assert order != [clip_at(position, 7, seed=2) for position in range(70)]


def test_timesteps_are_uniform_or_lean_to_little_noise():
    def drawn(bias):
        return torch.tensor([draw_timestep(generator(1, i), bias) for i in range(4000)]).float()

    uniform, biased = drawn(1.0), drawn(2.0)
    assert abs(uniform.mean() - 499.5) < 15 and uniform.min() < 5 and uniform.max() > 994
    assert abs((uniform < 250).float().mean() - 0.25) < 0.03
    assert abs((biased < 250).float().mean() - 0.5) < 0.03  # u² < 1/4 for half of all u


def at(how, step=0, part=0):
    return batches(tiny.image_model("small").model, clips(3), how, torch.device("cpu")).at(step, part)


def test_one_timestep_per_clip_and_own_noise_for_every_frame():
    batch = at(HOW)
    assert batch.timesteps.shape == (4,) and len(set(batch.timesteps.tolist())) > 1
    frames = batch.noise.flatten(0, 1).flatten(1)
    assert (torch.corrcoef(frames) - torch.eye(len(frames))).abs().max() < 0.35  # 256 values each
    assert abs(batch.noise.std() - 1) < 0.05


def test_latents_are_scaled_as_the_model_wants_them():
    batch = at(replace(HOW, batch_size=3))
    expected = {round(float(clip.latents.sum()) * 0.18215, 2) for clip in clips(3).clips}
    assert {round(float(latents.sum()), 2) for latents in batch.latents} == expected


def test_captions_are_dropped_as_often_as_set():
    for share in (0.0, 0.1, 1.0):
        data = batches(
            tiny.image_model("small").model,
            clips(3),
            replace(HOW, batch_size=1000, caption_dropout=share),
            torch.device("cpu"),
        )
        dropped = sum(caption is data.empty for caption in data.at(0, 0).captions) / 1000
        assert abs(dropped - share) <= (0.03 if 0 < share < 1 else 0)


def test_each_clip_keeps_its_caption():
    data = batches(tiny.image_model("small").model, clips(3), replace(HOW, batch_size=12), torch.device("cpu"))
    batch = data.at(0, 0)
    own = {round(float(clip.latents.sum()) * 0.18215, 2): clip.conditioning[0][0] for clip in clips(3).clips}
    for latents, caption in zip(batch.latents, batch.captions, strict=True):
        assert torch.equal(caption["c_crossattn"].cond, own[round(float(latents.sum()), 2)])
