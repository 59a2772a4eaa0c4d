"""Noise, guidance, noise levels, references and pictures in mid-run on a running server."""

from typing import Any

import numpy as np
import pytest

from tools.client import Client, Event, Prompt, PromptFailed
from tools.server import Server

from .conftest import APPLY, CHECKPOINT, JOB, LOADER, SAMPLER
from .long_animations import (
    DECODE,
    FRAMES,
    LATENT,
    NEGATIVE,
    POSITIVE,
    frames_of,
    insert,
    long_animation,
    node,
)

FEW = 4


def animation(**more: dict[str, Any]) -> Prompt:
    return long_animation(FEW, **more)


def custom(prompt: Prompt, noise: Any, sigmas: Any) -> Prompt:
    """`prompt` with SamplerCustomAdvanced in place of its KSampler, otherwise set as that."""
    prompt["guider"] = node(
        "CFGGuider",
        model=prompt[SAMPLER]["inputs"]["model"],
        positive=[POSITIVE, 0],
        negative=[NEGATIVE, 0],
        cfg=JOB.cfg,
    )
    prompt["euler"] = node("KSamplerSelect", sampler_name="euler")
    prompt["custom"] = node(
        "SamplerCustomAdvanced", noise=noise, guider=["guider", 0], sampler=["euler", 0], sigmas=sigmas,
        latent_image=[LATENT, 0],
    )  # fmt: skip
    prompt[DECODE]["inputs"]["samples"] = ["custom", 0]
    return prompt


@pytest.fixture(scope="module")
def plain(comfy: Server, client: Client) -> np.ndarray:
    return frames_of(comfy, client, animation())


def test_noise_of_both_outputs_and_noise_levels(comfy: Server, client: Client, plain: np.ndarray) -> None:
    """Animation Noise for any sampler is that of its NOISE output; the model's own noise levels are KSampler's."""
    levels = node(
        "KinemaSigmaSchedule",
        schedule="the model's",
        scheduler="normal",
        steps=JOB.steps,
        denoise=1.0,
        model=[APPLY, 0],
    )
    same = {"levels": levels, "random": node("RandomNoise", noise_seed=JOB.seed)}
    np.testing.assert_array_equal(
        frames_of(comfy, client, custom(animation(**same), ["random", 0], ["levels", 0])), plain
    )

    by_model = insert(animation(), "noise", "KinemaAnimationNoise", noise_type="constant", seed=0, correlation=0.0)
    by_model[SAMPLER]["inputs"]["model"] = ["noise", 1]
    on_model = frames_of(comfy, client, by_model)
    assert np.abs(on_model - plain).max() > 8
    own = node("KinemaAnimationNoise", noise_type="constant", seed=JOB.seed, correlation=0.0)
    by_noise = custom(animation(levels=levels, noise=own), ["noise", 0], ["levels", 0])
    np.testing.assert_array_equal(frames_of(comfy, client, by_noise), on_model)

    ddpm = node("KinemaSigmaSchedule", schedule="DDPM", scheduler="normal", steps=JOB.steps, denoise=1.0)
    blend = node("KinemaBlendSigmas", sigmas_1=["levels", 0], sigmas_2=["ddpm", 0], mode="blend", weight=0.5)
    blended = custom(animation(**same, ddpm=ddpm, blend=blend), ["random", 0], ["blend", 0])
    assert np.abs(frames_of(comfy, client, blended) - plain).max() > 0


def refined(iterations: int = 3) -> Prompt:
    return insert(
        animation(), "refine", "KinemaRefineNoise", method="FreeInit", iterations=iterations, filter="gaussian"
    )


def test_progress_counts_all_iterations(comfy: Server, client: Client, plain: np.ndarray) -> None:
    seen: list[tuple[int, int]] = []

    def note(event: Event) -> None:
        if event.kind == "progress" and event.data["node"] == SAMPLER:
            seen.append((event.data["value"], event.data["max"]))

    prompt = refined()
    assert client.follow(client.submit(prompt), note).status == "success"
    assert seen[-1] == (3 * JOB.steps, 3 * JOB.steps) and len({most for _, most in seen}) == 1
    assert [value for value, _ in seen] == sorted(value for value, _ in seen)
    assert np.abs(frames_of(comfy, client, prompt) - plain).max() > 8


def test_cancelling_keeps_the_last_finished_iteration(comfy: Server, client: Client, plain: np.ndarray) -> None:
    """The workflow goes on with it, and the run after it is not cancelled."""
    prompt = refined(iterations=12)
    prompt_id = client.submit(prompt)
    cancelled: list[int] = []

    def cancel(event: Event) -> None:
        if event.kind == "progress" and event.data["node"] == SAMPLER and event.data["value"] == JOB.steps + 1:
            cancelled.append(event.data["value"])
            client.interrupt(prompt_id)

    result = client.follow(prompt_id, cancel)
    assert cancelled and result.status == "success" and DECODE in result.executed
    np.testing.assert_array_equal(frames_of(comfy, client, animation()), plain)


def test_guidance_in_a_row(comfy: Server, client: Client, plain: np.ndarray) -> None:
    same = insert(animation(), "cfg", "KinemaAnimationGuidance", cfg=JOB.cfg, rescale=0.0)
    same[SAMPLER]["inputs"]["cfg"] = 1.0
    assert np.abs(frames_of(comfy, client, same) - plain).max() <= 2  # rounding, in 8 bits
    curve = node("KinemaCurveOverSteps", values=f"0%: {JOB.cfg}, 100%: 1")
    changed = [plain]
    for name, settings in {
        "KinemaAnimationGuidance": {"cfg": ["curve", 0], "rescale": 0.7},
        "KinemaMotionGuidance": {"scale": 1.0, "skip": "up"},
        "KinemaEnhanceMotion": {"weight": 5.0},
    }.items():
        changed.append(frames_of(comfy, client, insert(animation(curve=curve), "guided", name, **settings)))
    assert all(np.abs(a - b).max() > 0 for i, a in enumerate(changed) for b in changed[:i])


def test_a_picture_in_mid_run(comfy: Server, client: Client) -> None:
    """A red picture late in a run of the miniature makes its frames red, from the one on that gets it."""
    put = {"percent": 0.7, "strength": 1.0, "image": ["picture", 0], "vae": [CHECKPOINT, 2], "first_frame": 2}

    def injected(name: str, **inputs: Any) -> Prompt:
        picture = node("EmptyImage", width=64, height=64, batch_size=1, color=0xFF0000)
        prompt = animation(picture=picture) | {CHECKPOINT: node("KinemaLoadMiniature", style="day")}
        prompt[LOADER]["inputs"]["motion_model"] = "miniature_mm.safetensors"
        prompt[LATENT]["inputs"] |= {"width": 128, "height": 128}
        prompt[SAMPLER]["inputs"]["steps"] = 4
        return insert(prompt, name, "KinemaInjectImage", **put | inputs)

    for space in ("latent", "pixel"):
        frames = frames_of(comfy, client, injected("put", space=space))
        redness = (frames[..., 0] - frames[..., 1]).mean((1, 2))
        assert min(redness[2:]) > max(redness[:2]) + 30, space
    prompt = injected("wrong")
    del prompt["wrong"]["inputs"]["vae"]
    with pytest.raises(PromptFailed, match="got an image but no VAE to encode it. Connect vae") as caught:
        client.run(prompt)
    assert caught.value.node == "wrong"


def test_windows_that_refer_to_the_first(comfy: Server, client: Client) -> None:
    def windowed(*modes: str) -> np.ndarray:
        prompt = insert(long_animation(FRAMES), "w", "KinemaContextWindows", length=10, overlap=2, schedule="static")
        for mode in modes:
            insert(prompt, mode, "KinemaWindowReference", mode=mode, strength=1.0, end_percent=0.9)
        return frames_of(comfy, client, prompt)

    without, attending, both = windowed(), windowed("attend"), windowed("attend", "reuse")
    changed = np.abs(attending - without).reshape(FRAMES, -1).max(1)
    assert changed[10:].max() > changed[:8].max()  # what the first window keeps to itself
    assert np.abs(both - attending)[10:].max() > 8
