"""Long videos: context windows of several kinds and motion windows ÷ as many separate runs; memory over length."""

from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import comfy.model_base
import comfy.model_patcher
import comfy.sample
import comfy.supported_models
import torch

from kinema.motion.load import FILE
from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_handler import ContextHandler
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec, cut
from kinema.sampling.windows.motion_windows import MotionWindows
from tools.bench import full_size
from tools.bench.measure import Options, Result, interleaved, peak_bytes

RUNS = 4  # of options.frames make the long video


@torch.inference_mode()
def run(options: Options) -> Iterator[Result]:
    animated = attach(*models(), Applied())
    length, long = options.frames, RUNS * options.frames
    spec = WindowSpec(length, length // 4)
    one_by_one = added(animated, windows=ContextWindows(spec, at_once=1))
    together = added(animated, windows=ContextWindows(spec, at_once=99))
    shifting = WindowSpec(length, 0, "shifting")
    shifted = added(animated, windows=ContextWindows(shifting, at_once=1))
    inside = changed(animated, motion_windows=MotionWindows(length, length // 4))
    step = partial(_step, size=options.size)

    things: dict[str, Callable[[], object]] = {
        "apart": lambda: [step(animated, length) for _ in range(RUNS)],
        "windows, one by one": lambda: step(one_by_one, long),
        "windows, all at once": lambda: step(together, long),
        "windows, shifting": lambda: step(shifted, long),
        "motion windows": lambda: step(inside, long),
    }
    seconds = interleaved(things, options.rounds)
    what = f"{long} frames of {options.size}²"
    yield Result(f"{what}: {RUNS} separate runs of {length}", seconds["apart"], "s")
    work = _work(spec, long)
    for name, target in (
        ("windows, one by one", 1.05 * work),
        ("windows, all at once", None),
        ("windows, shifting", 1.05),
        ("motion windows", 1.15),
    ):
        yield Result(f"{what}: {name} ÷ separate runs", seconds[name] / seconds["apart"], target=target)
    yield Result(f"{what}: frames computed in shifting windows ÷ frames", _work(shifting, long), target=1.02)
    books = interleaved({"bookkeeping": partial(_bookkeeping, spec, long, options.size)}, 20)["bookkeeping"]
    yield Result(f"{what}: bookkeeping ÷ a step", books / seconds["windows, one by one"], target=0.01)

    memory = {frames: peak_bytes(partial(step, one_by_one, frames)) / 2**20 for frames in (32, 256)}
    for frames, value in memory.items():
        yield Result(f"peak memory of a step, {frames} frames in windows", value, "MiB")
    yield Result("that, 256 frames ÷ 32", memory[256] / memory[32], target=1.15)


def _work(spec: WindowSpec, frames: int) -> float:
    """Frames that two steps compute ÷ those of the video twice."""
    windows = cut(spec, frames, 0) + cut(spec, frames, 1)
    return sum(map(len, windows)) / (2 * frames)


def models() -> tuple[Any, Any]:
    """MODEL and MOTION_MODEL at full size, with random weights."""
    device, dtype = full_size.device_and_dtype()
    config = comfy.supported_models.SD15(full_size.CONFIG | {"dtype": dtype})
    base = full_size.fill(comfy.model_base.BaseModel(config, device=device)).eval()
    image_model = comfy.model_patcher.CoreModelPatcher(base, load_device=device, offload_device=device)
    motion = comfy.model_patcher.CoreModelPatcher(full_size.motion_model(), load_device=device, offload_device=device)
    motion.set_attachments(FILE, "random.safetensors")
    return image_model, motion


def _step(model: Any, frames: int, size: int) -> None:
    """One step of the host's sampler, without guidance."""
    empty = torch.zeros(frames, 4, size // 8, size // 8)
    text = [[torch.zeros(1, 77, 768), {}]]
    noise = torch.randn_like(empty)
    comfy.sample.sample(model, noise, 1, 1.0, "euler", "normal", text, text, empty, disable_pbar=True, seed=1)


def _bookkeeping(spec: WindowSpec, frames: int, size: int) -> None:
    """What a step of context windows does beside the model calls."""
    handler = ContextHandler([ContextWindows(spec, at_once=1)])
    device, dtype = full_size.device_and_dtype()
    x = torch.zeros(frames, 4, size // 8, size // 8, device=device, dtype=dtype)
    sigmas = torch.linspace(10, 0, 21, device=device)
    text = [{"model_conds": {}, "mask": torch.ones(frames, size // 8, size // 8, device=device)}]

    def no_model(model: Any, conds: Any, latents: torch.Tensor, *_: Any) -> list[torch.Tensor]:
        return [latents for _ in conds]

    model = SimpleNamespace(model_sampling=None)  # windows for the whole run ask it nothing
    options = {"transformer_options": {"sample_sigmas": sigmas}}
    handler.execute(no_model, model, [text, text], x, sigmas[3].expand(frames), options)
