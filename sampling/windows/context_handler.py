"""Context windows at the host's seam: a handler that cuts, computes and fuses the windows of one run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from comfy.context_windows import ContextHandlerABC

from ..call.progress import is_within
from .batches import WindowBatches, WindowGroup, windows_that_fit
from .conds import window_cond
from .controlnets import Hints, all_follow
from .cut import WINDOW_SCHEDULES, Window, WindowSpec, cut
from .fuse import FUSES, fuse_weights
from .window_reference import FirstWindow, beginning_first, first_window


@dataclass(frozen=True)
class ContextWindows:
    """How a part of a run (percents, 0..1) is computed in windows: their `spec`, the name of their fuse method, and how
    many of them go through the UNet `at_once` (0: as many as fit into memory). With `freenoise` the noise that the run
    starts from is rescheduled for them."""

    spec: WindowSpec
    fuse: str = "pyramid"
    start_percent: float = 0.0
    end_percent: float = 1.0
    at_once: int = 0
    freenoise: bool = False

    @property
    def always(self) -> bool:
        return self.start_percent <= 0.0 and self.end_percent >= 1.0

    @property
    def moves(self) -> bool:
        """Whether the windows are other ones at every step."""
        return WINDOW_SCHEDULES[self.spec.schedule].moves

    def cut(self, frames: int, step: int, sigma: Any) -> tuple[tuple[Window, ...], tuple[tuple[float, ...], ...]]:
        """The windows of `frames` at a step of the run and at noise level `sigma`, and the weights in each of them."""
        windows = cut(self.spec, frames, step)
        level = float(sigma) if FUSES[self.fuse].uses_sigma else 0.0  # else it would wait for the GPU for nothing
        return windows, fuse_weights(self.fuse, windows, frames, self.spec.overlap, level)


def automatic_windows(native_frames: int) -> ContextWindows:
    """What a long video gets unless someone says otherwise: windows of the length that the motion model learned."""
    return ContextWindows(WindowSpec(native_frames, native_frames // 4))


@dataclass(frozen=True)
class ModelCall:
    """What the host asks a context handler for: its function that predicts without windows, and the arguments of it."""

    calc_cond_batch: Callable[..., Any]
    model: Any
    conds: Sequence[Any]
    latents: torch.Tensor
    timestep: torch.Tensor
    model_options: dict[str, Any]

    @property
    def step(self) -> int:
        """The step of the sampler's schedule; a model call between two steps belongs to the earlier one."""
        sigmas = self.model_options["transformer_options"].get("sample_sigmas")
        return 0 if sigmas is None else max(0, int((sigmas >= self.timestep[0] * (1 - 1e-4)).sum()) - 1)


class ContextHandler(ContextHandlerABC):  # type: ignore[misc]
    """The context windows of one run. Where entries of `plan` share a part of the run, the last of them holds."""

    dim = 0
    freenoise = False

    def __init__(self, plan: Sequence[ContextWindows]) -> None:
        hidden = max((i for i, windows in enumerate(plan) if windows.always), default=0)
        self.plan = tuple(plan[hidden:])
        self.context_length = max(windows.spec.length for windows in self.plan)
        self.context_overlap = max(windows.spec.overlap for windows in self.plan)
        self._hints = Hints()
        self._batches = WindowBatches()

    def at(self, frames: int, sigma: Any, model_sampling: Any) -> ContextWindows | None:
        """The windows of a video of `frames` at the noise level `sigma`; None when it is computed all at once there."""
        for windows in reversed(self.plan):
            if is_within(windows.start_percent, windows.end_percent, sigma, model_sampling):
                return windows if windows.spec.cuts(frames) else None
        return None

    def lengths(self, frames: int) -> list[int]:
        """How many of `frames` the motion model sees together, in each part of the run."""
        lengths = [min(frames, windows.spec.length) for windows in self.plan]
        return lengths if self.plan[0].always else [*lengths, frames]

    def most_frames_at_once(self, frames: int) -> int:
        """How many of `frames` a model call computes at most; where memory decides, one window."""
        asked = max(windows.spec.length * max(1, windows.at_once) for windows in self.plan)
        return min(frames, asked) if self.plan[0].always else frames

    def should_use_context(self, model: Any, conds: Any, x_in: torch.Tensor, timestep: Any, model_options: Any) -> bool:
        return self.at(x_in.shape[0], timestep[0], model.model_sampling) is not None

    def get_resized_cond(self, cond_in: Any, x_in: torch.Tensor, window: WindowGroup, device: Any = None) -> Any:
        """The conditionings `cond_in` (the host's list of dicts, or None) of the video `x_in` as `window` sees them."""
        if cond_in is None:
            return None
        resized = [window_cond(cond, window.take, x_in.shape[0]) for cond in cond_in]
        for cond in resized:
            if cond.get("control") is not None:
                cond["control"] = window.controls.follow(cond["control"], self._hints)
        return resized

    def execute(self, *call: Any) -> list[torch.Tensor]:
        """What the host would predict for each conditioning (f, c, h, w), in windows; arguments as of ModelCall."""
        asked = ModelCall(*call)
        x = asked.latents
        now = self.at(x.shape[0], asked.timestep[0], asked.model.model_sampling)
        assert now is not None  # as should_use_context said
        windows, weights = now.cut(x.shape[0], asked.step if now.moves else 0, asked.timestep[0])
        first = first_window(
            asked.model_options["transformer_options"], x, asked.timestep[0], asked.model.model_sampling
        )
        if first is not None:
            order = beginning_first(windows)
            windows, weights = tuple(windows[i] for i in order), tuple(weights[i] for i in order)
        lengths = [len(window) for window in windows]
        places = torch.split(torch.tensor(sum(windows, ()), device=x.device), lengths)
        shares = torch.split(torch.tensor(sum(weights, ()), device=x.device, dtype=x.dtype).view(-1, 1, 1, 1), lengths)
        parts = zip(places, shares, strict=True)

        fused = [torch.zeros_like(x) for _ in asked.conds]
        for group, results in self._computed(windows, self._at_once(now, asked), asked, first):
            for rows in zip(*(torch.split(result, group.frames_each) for result in results), strict=True):
                place, share = next(parts)
                for whole, row in zip(fused, rows, strict=True):
                    whole.index_add_(0, place, row * share)
        return fused

    def _computed(
        self, windows: tuple[Window, ...], at_once: int, asked: ModelCall, first: FirstWindow | None
    ) -> Iterator[tuple[WindowGroup, list[torch.Tensor]]]:
        """Groups of windows with their predictions; where windows refer to the first, that is one for itself."""
        run, compute, frames = partial(self._run, asked), self._batches.compute, asked.latents.shape[0]
        if first is None:
            yield from compute(windows, at_once, frames, run)
        else:
            yield from compute(windows[:1], 1, frames, partial(first.compute, run))
            yield from compute(windows[1:], at_once, frames, partial(first.compute_later, run))

    def _at_once(self, now: ContextWindows, asked: ModelCall) -> int:
        if not all_follow(asked.conds):  # other packs' controls expect one window
            return 1
        return now.at_once or windows_that_fit(asked.model, asked.latents, now.spec.length, len(asked.conds))

    def _run(self, asked: ModelCall, group: WindowGroup, **more: Any) -> list[torch.Tensor]:
        """The host's prediction for the windows of `group` only; `more` is told in the transformer_options."""
        conds = [self.get_resized_cond(cond, asked.latents, group) for cond in asked.conds]
        told = {**asked.model_options["transformer_options"], "context_window": group, **more}
        options = {**asked.model_options, "transformer_options": told}
        rows = group.take(asked.latents), group.take(asked.timestep)
        return asked.calc_cond_batch(asked.model, conds, *rows, options)  # type: ignore[no-any-return]
