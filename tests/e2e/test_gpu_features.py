"""Features of a run on a GPU: each gives what it gives on the CPU. Skipped where torch sees no CUDA device, and windows on
several GPUs where it sees only one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import av
import numpy as np
import pytest
import safetensors.torch
import torch

from tools import random_models, server
from tools.client import Client, Prompt
from tools.server import Server

from .conftest import CHECKPOINT, HOST, JOB, SAMPLER
from .long_animations import ENDLESS, SIDE, endless, insert, long_animation, node

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, torch sees none"),
]
FRAMES = 6
FLAGS = {"cpu": [], "gpu": ["--force-fp32"]}
NO_TF32 = ("NVIDIA_TF32_OVERRIDE", "0")
"""Has GPUs multiply in float32 rather than with 10 bits."""
SAME = 0.03
"""How far results may be apart, as a share of what is in them. The random UNet makes rounding a thousand times larger."""


def plain() -> Prompt:
    return long_animation(FRAMES)


def fast_sampling() -> Prompt:
    return insert(plain(), "fast", "KinemaFastSampling", guidance_interval=2)


def shifting_windows() -> Prompt:
    return insert(plain(), "windows", "KinemaContextWindows", length=3, overlap=0, schedule="shifting")


def following(prompt: Prompt) -> Prompt:
    """With Motion from Video, whose reference goes from red to blue."""
    for name, color in (("red", 0xFF0000), ("blue", 0x0000FF)):
        prompt[name] = node("EmptyImage", width=SIDE, height=SIDE, batch_size=3, color=color)
    prompt["both"] = node("ImageBatch", image1=["red", 0], image2=["blue", 0])
    return insert(prompt, "video", "KinemaMotionFromVideo", images=["both", 0], vae=[CHECKPOINT, 2], strength=1.0)


def compiled(prompt: Prompt) -> Prompt:
    return insert(prompt, "compile", "TorchCompileModel", backend="inductor")


def on_two_gpus(prompt: Prompt) -> Prompt:
    return insert(prompt, "gpus", "MultiGPU_WorkUnits", max_gpus=2)


@dataclass(frozen=True)
class Feature:
    """What is computed on both devices."""

    make: Callable[[], Prompt]  # the workflow
    without: Callable[[], Prompt] | None = None  # the same without the feature, where that is far from it
    on_gpu: Callable[[Prompt], Prompt] = lambda prompt: prompt  # what is added on the GPU only
    said: str = ""  # what the sampler says of it there


FEATURES = {
    "Fast Sampling": Feature(fast_sampling, said="1 of 2 predictions reused"),
    "shifting windows": Feature(shifting_windows, said="6 frames in 2 windows"),
    "Motion from Video": Feature(lambda: following(shifting_windows()), shifting_windows),
    "Endless Animation": Feature(lambda: endless(FRAMES, crf=0)),
    "TorchCompileModel": Feature(lambda: following(plain()), None, compiled),
    "two GPUs": Feature(lambda: following(shifting_windows()), None, on_two_gpus, "distributed over 2 GPUs"),
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Server, Client]]]:
    models = random_models.ensure(HOST)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv(*NO_TF32)
        running = {}
        for device, flags in FLAGS.items():
            base = tmp_path_factory.mktemp(device)
            server.place(models.checkpoint, base / "models" / "checkpoints" / JOB.checkpoint)
            server.place(models.motion_model, base / "models" / "animatediff_models" / JOB.motion_model)
            one = stack.enter_context(server.running(HOST, base, device=device, flags=flags))
            running[device] = one, stack.enter_context(Client(one.url))
        yield running


def computed(comfy: Server, client: Client, prompt: Prompt, name: str) -> tuple[np.ndarray, str]:
    """The latents that `prompt` gives, or the frames of its video, and what its sampler says."""
    if ENDLESS in prompt:
        with av.open(str(comfy.path(client.run(prompt).outputs[ENDLESS][0]))) as video:
            frames = [frame.to_ndarray(format="rgb24").astype(float) for frame in video.decode(video=0)]
        return np.stack(frames), ""
    kept = {key: one for key, one in prompt.items() if one["class_type"] not in ("VAEDecode", "SaveAnimatedWEBP")}
    kept["latents"] = node("SaveLatent", samples=[SAMPLER, 0], filename_prefix=name)
    result = client.run(kept)
    latents = safetensors.torch.load_file(comfy.output / f"{name}_00001_.latent")["latent_tensor"]
    return latents.double().numpy(), result.said.get(SAMPLER, "")


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """How far two results are apart, as a share of what is in them."""
    assert one.shape == other.shape
    return float(np.linalg.norm(one - other) / np.linalg.norm(other - other.mean()))


@pytest.mark.parametrize("name", FEATURES)
def test_the_gpu_gives_what_the_cpu_gives(name: str, servers: dict[str, tuple[Server, Client]]) -> None:
    feature, label = FEATURES[name], name.replace(" ", "_")
    if feature.on_gpu is on_two_gpus:
        nodes = servers["gpu"][1].object_info()
        if torch.cuda.device_count() < 2 or "MultiGPU_WorkUnits" not in nodes:
            pytest.skip("needs two CUDA devices and a ComfyUI that knows several")
    expected, _ = computed(*servers["cpu"], feature.make(), label)
    made, said = computed(*servers["gpu"], feature.on_gpu(feature.make()), label)
    assert len(made) == FRAMES and feature.said in said
    assert apart(made, expected) < SAME
    if feature.without is not None:
        assert apart(computed(*servers["cpu"], feature.without(), f"{label}_without")[0], expected) > 2 * SAME
