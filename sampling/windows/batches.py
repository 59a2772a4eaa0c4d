"""Several windows through the UNet at once: which, how many, and fewer when memory does not suffice."""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import comfy.model_management
import torch
from comfy.context_windows import IndexListContextWindow

from ...motion.host import HostNetwork
from .conds import window_cond
from .controlnets import ControlWindows, Hints
from .cut import Window
from .several_gpus import Gpus


class WindowGroup(IndexListContextWindow):  # type: ignore[misc]
    """Windows of one length that go through the UNet together; to other packs, one window with all their frames."""

    def __init__(self, windows: Sequence[Window], total_frames: int) -> None:
        super().__init__([frame for window in windows for frame in window], dim=0, total_frames=total_frames)
        self.frames_each = len(windows[0])
        self.count = len(windows)
        self.controls = ControlWindows(self.index_list, total_frames)

    def take(self, full: torch.Tensor) -> torch.Tensor:
        """The rows of `full` (f, ...) that belong to the frames of the windows, window after window. With fewer rows than
        frames, they count as repeated from the first."""
        return full[[frame % full.shape[0] for frame in self.index_list]] if full.shape[0] > 1 else full

    def seen_of(self, conds: Any, hints: Hints) -> Any:
        """The conditionings `conds` (the host's list of dicts, or None) of the whole video as the windows see them."""
        if conds is None:
            return None
        resized = [window_cond(cond, self.take, self.total_frames) for cond in conds]
        for cond in resized:
            if cond.get("control") is not None:
                cond["control"] = self.controls.follow(cond["control"], hints)
        return resized


class WindowBatches:
    """Groups the windows of a run; remembers when memory sufficed for fewer than was thought."""

    def __init__(self) -> None:
        self.most = sys.maxsize

    def compute(
        self, windows: Sequence[Window], at_once: int, frames: int, gpus: Gpus, run: Callable[[WindowGroup, Any], Any]
    ) -> Iterator[tuple[WindowGroup, Any]]:
        """Calls `run` with groups of at most `at_once` windows, one for each of the `gpus` at the same time; yields each
        group with what `run` gave for it."""
        while windows:
            comfy.model_management.throw_exception_if_processing_interrupted()
            groups = self._round(windows, gpus.at_once(len(windows), at_once), len(gpus.devices), frames)
            count = max(group.count for group in groups)
            try:
                results = gpus.run([partial(run, *each) for each in zip(groups, gpus.devices, strict=False)])
            except Exception as error:
                if count == 1 or not is_out_of_memory(error):
                    raise
                results = None
            if results is None:  # outside of the handler, which holds on to the tensors of the failed call
                self.most = count // 2
                logging.warning(f"Not enough memory for {count} context windows at once; continuing with {self.most}.")
                comfy.model_management.soft_empty_cache()
                continue
            yield from zip(groups, results, strict=True)
            windows = windows[sum(group.count for group in groups) :]

    def _round(self, windows: Sequence[Window], at_once: int, devices: int, frames: int) -> list[WindowGroup]:
        """The next groups of `windows`, one for each of the `devices` as long as there are windows."""
        groups: list[WindowGroup] = []
        while windows and len(groups) < devices:
            groups.append(WindowGroup(_alike(windows[: min(at_once, self.most)]), frames))
            windows = windows[groups[-1].count :]
        return groups


def windows_that_fit(model: HostNetwork, latents: torch.Tensor, length: int, videos: int, gpus: Gpus) -> int:
    """How many windows of `length` frames of `latents` (f, c, h, w) each of the `gpus` has memory for, by the host's own
    estimate and margin; `videos` conditionings are computed of each. 1 on a CPU, where more at once are not faster."""
    if comfy.model_management.is_device_cpu(latents.device):
        return 1
    each = model.memory_required([length * videos, *latents.shape[1:]]) * 1.5
    free = min(model.current_patcher.get_free_memory(device) for device in gpus.devices)
    return max(1, int(free // each))


def is_out_of_memory(error: Exception) -> bool:
    test = getattr(comfy.model_management, "is_oom", None)  # newer hosts know more kinds
    return bool(test(error)) if test else isinstance(error, comfy.model_management.OOM_EXCEPTION)


def _alike(windows: Sequence[Window]) -> Sequence[Window]:
    """`windows` up to the first of another length."""
    return windows[: next((i for i, window in enumerate(windows) if len(window) != len(windows[0])), len(windows))]
