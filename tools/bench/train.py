"""One step of training a motion model ÷ three times its forward pass, and what gradient checkpointing saves."""

import ctypes
import gc
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import comfy.model_base
import comfy.model_patcher
import comfy.supported_models
import torch

from kinema.sampling.modules.hooks import motion_inside, plain_motion
from kinema.training.clips import Clip, Clips
from kinema.training.config import TrainSettings
from kinema.training.learner import Learner, start_new
from kinema.training.loop import TrainingProgress, train
from kinema.training.on_disk import in_memory
from tools.bench import full_size
from tools.bench.measure import Options, Result, peak_bytes

WIDTH = 160  # half of SD1.5's: with optimizer and activations the whole does not fit into the memory of a small machine


def run(options: Options) -> Iterator[Result]:
    model = _model()
    caption = [[torch.randn(1, 77, 768), {}]]
    latents = torch.randn(options.frames, 4, options.size // 8, options.size // 8)
    clips = Clips((Clip(latents, caption),), caption)
    forward, step = _seconds(model, clips, options.rounds)
    what = f"half-width SD1.5, {options.frames} frames of {options.size}²"
    yield Result(f"{what}: forward pass", forward, "s")
    yield Result(f"{what}: training step ÷ 3 forward passes", step / (3 * forward), target=1.3)
    for checkpointing in (False, True):
        settings = TrainSettings(steps=2, gradient_checkpointing=checkpointing, automatic_checkpointing=False)
        _give_back_memory()
        peak = peak_bytes(lambda settings=settings: train(model, start_new(model, 1), clips, settings))  # type: ignore[misc]
        name = "with" if checkpointing else "without"
        yield Result(f"{what}: peak memory of training {name} checkpointing", peak / 2**20, "MiB")


def _model() -> Any:
    """MODEL: SD1.5 at WIDTH with random weights."""
    device, dtype = full_size.device_and_dtype()
    config = comfy.supported_models.SD15(full_size.CONFIG | {"model_channels": WIDTH, "dtype": dtype})
    base = comfy.model_base.BaseModel(config, device=device)
    full_size.fill(base.diffusion_model.to(device, dtype)).eval()
    return comfy.model_patcher.ModelPatcher(base, load_device=device, offload_device=device)


def _seconds(model: Any, clips: Clips, rounds: int) -> tuple[float, float]:
    """Median seconds of a forward pass and of a training step, which take turns."""
    learner = start_new(model, 1)
    marks: list[tuple[float, float]] = []
    since = time.perf_counter()

    def watch(_progress: TrainingProgress) -> None:
        nonlocal since
        stepped = _now()
        _forward(model, learner, clips)
        marks.append((_now() - stepped, stepped - since))
        since = _now()

    train(model, learner, clips, TrainSettings(steps=rounds + 1), watch=watch)
    forward, step = zip(*marks[1:], strict=True)  # the first one warms up
    return statistics.median(forward), statistics.median(step)


@torch.no_grad()
def _forward(model: Any, learner: Learner, clips: Clips) -> None:
    frames, device = clips.shape[0], model.load_device
    x = in_memory(clips.clips[0].latents).to(device)
    context = clips.empty[0][0].to(device).expand(frames, -1, -1)
    dtype = model.model.get_dtype_inference()
    with motion_inside(model.model.diffusion_model, [plain_motion(learner.motion)], frames):
        model.model.diffusion_model(x.to(dtype), torch.full((frames,), 321.0, device=device), context=context.to(dtype))


def _give_back_memory() -> None:
    """What earlier runs have freed would hide what the next one needs: the C library keeps it for the process."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
