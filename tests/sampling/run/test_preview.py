"""The preview plays the animation, and nothing else notices."""

import comfy.cli_args
import comfy.model_management
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import numpy as np
import pytest
import tiny
import torch

from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import attach
from kinema.sampling.run.preview import frame_at

FRAMES = 5


@pytest.fixture
def shown(monkeypatch):
    """What the host's own progress bar sends to the browser, with the host's own previews on."""
    pictures = []
    monkeypatch.setattr(comfy.cli_args.args, "preview_method", latent_preview.LatentPreviewMethod.Latent2RGB)
    hook = lambda value, total, preview, **more: pictures.append((value, total, np.asarray(preview[1])))  # noqa: E731
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", hook)
    return pictures


def sample(model, first=0, sampler="euler", each_step=None):
    """As the host's SamplerCustomAdvanced does it from the step `first` of six: the samples, and the last denoised latents by
    way of the callback."""
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(tiny.conditioning(3), tiny.conditioning(4))
    guider.set_cfg(1.0)
    sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "normal", 6)[first:]
    denoised, empty = {}, torch.zeros(FRAMES, 4, 4, 4)
    callback = latent_preview.prepare_callback(model, 6 - first, denoised)
    noise = comfy.sample.prepare_noise(empty, 5)
    made = comfy.samplers.sampler_object(sampler)
    samples = guider.sample(noise, empty, made, sigmas, callback=each_step or callback, disable_pbar=True, seed=5)
    return samples, denoised.get("x0")


def preview_of(model, frame):
    previewer = latent_preview.get_previewer(torch.device("cpu"), model.model.latent_format)
    return np.asarray(previewer.decode_latent_to_preview_image("JPEG", frame[None])[1])


@pytest.mark.parametrize(("sampler", "first"), [("euler", 0), ("heun", 0), ("dpm_fast", 0), ("dpm_adaptive", 4)])
def test_nothing_but_the_preview_changes(motion, shown, sampler, first):
    """Also with samplers whose callback counts otherwise. (From the first step, dpm_adaptive would take very many.)"""
    model = tiny.image_model()
    plays, still = (sample(attach(model, motion, Applied(), preview_plays=p), first, sampler) for p in (True, False))
    assert torch.equal(plays[0], still[0]) and torch.equal(plays[1], still[1])


def test_every_step_shows_the_next_frame(motion, shown):
    model = tiny.image_model()
    denoised = []
    still = attach(model, motion, Applied(), preview_plays=False)
    sample(still, each_step=lambda step, x0, x, steps: denoised.append(x0.clone()))
    sample(attach(model, motion, Applied()))
    assert [(value, total) for value, total, _ in shown] == [(step, 6) for step in range(1, 7)]
    for step, (_, _, picture) in enumerate(shown):
        assert np.array_equal(picture, preview_of(model, denoised[step][[0, 1, 2, 3, 4, 0][step]]))


def test_previewers_of_other_packs_get_the_frames_in_order(motion, shown, monkeypatch):
    """Some send all frames to the browser by themselves."""
    seen = []

    class AllFrames(latent_preview.LatentPreviewer):
        def decode_latent_to_preview_image(self, preview_format, x0):
            seen.append(x0.clone())
            return preview_format, np.zeros((1, 1, 3)), None

    monkeypatch.setattr(latent_preview, "get_previewer", lambda device, latent_format: AllFrames())
    model, denoised = tiny.image_model(), []
    sample(attach(model, motion, Applied()), each_step=lambda step, x0, x, steps: denoised.append(x0.clone()))
    sample(attach(model, motion, Applied()))
    assert len(seen) == 6 and all(torch.equal(a, b) for a, b in zip(seen, denoised, strict=True))


def test_the_second_apply_can_switch_it_off(motion, shown):
    model = tiny.image_model()
    off = attach(attach(model, motion, Applied(0.5)), motion, Applied(0.5), preview_plays=False)
    denoised = []
    sample(off, each_step=lambda step, x0, x, steps: denoised.append(x0.clone()))
    sample(off)
    assert all(np.array_equal(p, preview_of(model, x0[0])) for (_, _, p), x0 in zip(shown, denoised, strict=True))


def test_frames_go_once_through_the_video():
    assert [frame_at(step, 6, 5) for step in range(6)] == [0, 1, 2, 3, 4, 0]
    assert [frame_at(step, 20, 16) for step in range(20)][-4:] == [13, 14, 15, 0]
    assert [frame_at(step, 5, 64) for step in range(5)] == [0, 16, 32, 48, 0]
    assert frame_at(0, 1, 8) == frame_at(7, 3, 8) == 0


def test_an_error_in_the_run_comes_through(motion, shown):
    model = attach(tiny.image_model(), motion, Applied())
    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        sample(model)
        comfy.model_management.throw_exception_if_processing_interrupted()
