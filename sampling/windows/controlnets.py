"""The host's ControlNets, Control-LoRAs and T2I-Adapters follow the window: each sees the hint frames of its frames.

Left alone, the host shows the first hint frames to every window. Its own code still scales and encodes the hints, but
once per frame and run: what came out is kept here, and handed over when a window needs it again.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any

import comfy.model_management
import torch
from comfy.controlnet import ControlNet, T2IAdapter

Prepared = dict[str, list[torch.Tensor | None]]
"""What the host made of hints: `{"hint": [rows]}`, with T2I-Adapters also the features for each side of the UNet."""


class Hints:
    """What the host prepared from the hint frames of a run, per control, size of the picture and frame."""

    def __init__(self) -> None:
        self._frames: dict[tuple[Any, ...], dict[int, Prepared]] = {}
        self._warned: set[Any] = set()

    def get(self, key: tuple[Any, ...], frames: Sequence[int], device: torch.device) -> Prepared | None:
        """What was prepared for `frames`, or None when one of them was not yet."""
        known = self._frames.get(key, {})
        if any(frame not in known for frame in frames):
            return None

        def rows(side: str, i: int) -> torch.Tensor:
            return torch.stack([known[frame][side][i] for frame in frames]).to(device)  # type: ignore[misc]

        first = known[frames[0]].items()
        return {side: [None if x is None else rows(side, i) for i, x in enumerate(tensors)] for side, tensors in first}

    def put(self, key: tuple[Any, ...], frames: Sequence[int], prepared: Prepared) -> None:
        known = self._frames.setdefault(key, {})
        keep = comfy.model_management.intermediate_device()
        for row, frame in enumerate(frames):
            if frame not in known:
                known[frame] = _map(prepared, lambda x, row=row: x[row].to(keep, copy=True))  # type: ignore[misc]

    def forget_before(self, frame: int) -> None:
        """Drops what was prepared for frames before `frame`, which are finished."""
        for known in self._frames.values():
            for earlier in [kept for kept in known if kept < frame]:
                del known[earlier]

    def warn_of_few(self, control: Any, have: int, need: int) -> None:
        if have < need and control not in self._warned:
            self._warned.add(control)
            logging.warning(
                f"A ControlNet has {have} pictures for {need} frames: the last picture is repeated for the remaining frames."
            )


class WindowedControl:
    """Stands before one of the host's controls, with those chained to it, while `frames` of the video are computed."""

    def __init__(self, control: Any, frames: Sequence[int], total: int, hints: Hints) -> None:
        self._control, self._frames, self._total, self._hints = control, frames, total, hints

    def __getattr__(self, name: str) -> Any:
        return getattr(self._control, name)

    def get_instance_for_device(self, device: torch.device) -> "WindowedControl":
        instance = self._control.get_instance_for_device(device)
        return WindowedControl(instance, self._frames, self._total, self._hints)

    def get_control(self, x_noisy: torch.Tensor, *args: Any) -> Any:
        with ExitStack() as stack:
            for link in chained(self._control):
                if is_hosts(link) and link.cond_hint_original.shape[0] > 1:  # a single picture serves all frames
                    stack.enter_context(self._shown(link, x_noisy))
            return self._control.get_control(x_noisy, *args)

    @contextmanager
    def _shown(self, link: Any, x_noisy: torch.Tensor) -> Iterator[None]:
        """`link` has the hints of the window only, prepared if they were before."""
        key = (link, *x_noisy.shape[2:])
        original, masks = link.cond_hint_original, link.extra_concat_orig
        self._hints.warn_of_few(link, original.shape[0], self._total)
        ready = self._hints.get(key, self._frames, x_noisy.device)
        try:
            if ready is not None and _fits(link, ready["hint"][0], x_noisy):
                _hand_over(link, ready, x_noisy.shape[0] // len(self._frames))
            else:
                link.cond_hint_original = self._take(original)
                link.extra_concat_orig = [self._take(mask) for mask in masks]
            yield
            if link.cond_hint is not None:
                self._hints.put(key, self._frames, _prepared(link))
        finally:
            link.cond_hint_original, link.extra_concat_orig = original, masks
            link.cond_hint = None
            if isinstance(link, T2IAdapter):
                link.control_input = None

    def _take(self, hint: torch.Tensor) -> torch.Tensor:
        last = hint.shape[0] - 1
        return hint[[min(frame, last) for frame in self._frames]] if last else hint


class ControlWindows:
    """The windowed controls of one window: one for each control, so that the host can batch what shares a control."""

    def __init__(self, frames: Sequence[int], total: int) -> None:
        self._frames, self._total = frames, total
        self._made: dict[Any, WindowedControl] = {}

    def follow(self, control: Any, hints: Hints) -> Any:
        """`control` for the window. One of another pack is left alone: it reads the window from "ad_params"."""
        if not any(is_hosts(link) for link in chained(control)):
            return control
        if control not in self._made:
            self._made[control] = WindowedControl(control, self._frames, self._total, hints)
        return self._made[control]


def all_follow(conds: Sequence[Any]) -> bool:
    """Whether every control in the host's lists of conditionings follows the windows of a model call, by this code or by
    its own."""
    return all(is_hosts(link) or _reads_call(link) for link in _links(conds))


def any_read_call(conds: Sequence[Any]) -> bool:
    """Whether one of these controls finds out by itself which frames and areas a model call computes."""
    return any(_reads_call(link) for link in _links(conds))


def _links(conds: Sequence[Any]) -> Iterator[Any]:
    for cond in chain.from_iterable(each or () for each in conds):
        yield from chained(cond.get("control"))


def chained(control: Any) -> Iterator[Any]:
    while control is not None:
        yield control
        control = control.previous_controlnet


def _reads_call(control: Any) -> bool:
    return getattr(control, "reads_call", False)


def is_hosts(control: Any) -> bool:
    return type(control).get_control in (ControlNet.get_control, T2IAdapter.get_control)


def _fits(link: Any, hint: Any, x_noisy: torch.Tensor) -> bool:
    """Whether the host will take a prepared `hint` as it is, by the comparison that it makes itself."""
    return all(hint.shape[i] == x_noisy.shape[i] * link.compression_ratio for i in (2, 3))


def _prepared(link: Any) -> Prepared:
    return {"hint": [link.cond_hint], **(getattr(link, "control_input", None) or {})}


def _hand_over(link: Any, ready: Prepared, times: int) -> None:
    """`ready`, one row per frame, as if `link` had just prepared it; `times` conditionings share the model call."""
    whole = _map(ready, lambda x: x.repeat(times, *[1] * (x.ndim - 1)))
    (link.cond_hint,) = whole.pop("hint")
    if isinstance(link, T2IAdapter):
        link.control_input = whole


def _map(prepared: Prepared, change: Callable[[torch.Tensor], torch.Tensor]) -> Prepared:
    return {side: [x if x is None else change(x) for x in tensors] for side, tensors in prepared.items()}
