"""The windows of a long video over several devices: in how many rounds, and whether the result is that of one device.
Where there are several GPUs, also the time.

Without a GPU, the CPU stands for several devices under several names, each with its own copy of the models and its own
thread. So `--cpu` checks everything but the time on any machine.
"""

import importlib.util
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from math import ceil
from typing import Any

import comfy.model_management
import comfy.sample
import torch
from comfy.patcher_extension import WrappersMP

from kinema.sampling.run.attach import added
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec, cut
from tools.bench.measure import Options, Result, interleaved
from tools.bench.subject import Subject, subject_of
from tools.miniature import judge

RUNS = 4  # of options.frames make the long video
DEVICES = (2, 3, 5)
SEED = 9_300


@torch.inference_mode()
def run(options: Options) -> Iterator[Result]:
    if importlib.util.find_spec("comfy.multigpu") is None:
        print("  This ComfyUI knows one GPU only.", flush=True)
        return
    subject = subject_of(options)
    spec = WindowSpec(subject.frames, subject.frames // 4)
    frames = RUNS * subject.frames
    windows = len(cut(spec, frames))
    alone = added(subject.model, windows=ContextWindows(spec, at_once=1))
    sample = partial(_step, subject, frames)
    expected = sample(alone)
    what = f"{frames} frames in {windows} windows"
    for devices in filter(None, map(_others, DEVICES)):
        count = len(devices) + 1
        several = _on_devices(alone, devices)
        calls = Counter[torch.device]()
        found = sample(_counted(several, calls))
        rounds = max(calls.values())
        yield Result(f"{what}, {count} devices: rounds of a step", rounds, "", target=ceil(windows / count))
        apart = int((found != expected).sum())
        yield Result(f"{what}, {count} devices: numbers that differ from those of one", apart, "", target=0)
        if devices[0].type != "cpu":
            seconds = interleaved({"several": partial(sample, several), "one": partial(sample, alone)}, options.rounds)
            yield Result(f"{what}, {count} GPUs: a step ÷ that on one", seconds["several"] / seconds["one"])


def _others(count: int) -> list[torch.device]:
    """The devices besides the first of `count`; none where there are not as many."""
    if comfy.model_management.get_torch_device().type == "cpu":
        return [torch.device("cpu", number) for number in range(count - 1)]
    if torch.cuda.device_count() < count:
        print(
            f"  {count} GPUs: this machine has {torch.cuda.device_count()}. --cpu checks all but the time.", flush=True
        )
        return []
    return [torch.device("cuda", number) for number in range(1, count)]


def _on_devices(model: Any, others: Sequence[torch.device]) -> Any:
    """What the host's MultiGPU node makes of `model` (MODEL) for its own device and `others`."""
    model = model.clone()
    copies = [model.deepclone_multigpu(new_load_device=device) for device in others]
    for copy in copies:
        copy.is_multigpu_base_clone = True
    model.set_additional_models("multigpu", copies)
    model.match_multigpu_clones()
    return model


def _counted(model: Any, calls: Counter[torch.device]) -> Any:
    """A clone of `model` that counts the model calls of each device in `calls`."""
    watched = model.clone()
    lock = threading.Lock()

    def count(executor: Any, *args: Any, **named: Any) -> Any:
        with lock:
            calls[executor.class_obj.current_patcher.load_device] += 1
        return executor(*args, **named)

    watched.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "bench", count)
    return watched


def _step(subject: Subject, frames: int, model: Any) -> torch.Tensor:
    """One step of the host's sampler, without guidance: one model call for each window."""
    empty = torch.zeros(frames, 4, subject.size // 8, subject.size // 8)
    text = subject.clip.encode_from_tokens_scheduled(subject.clip.tokenize(subject.prompts[0]))
    noise = comfy.sample.prepare_noise(empty, SEED)
    result: torch.Tensor = comfy.sample.sample(
        model, noise, 1, 1.0, judge.SAMPLER, judge.SCHEDULER, text, text, empty, disable_pbar=True, seed=SEED
    )
    return result.cpu()
