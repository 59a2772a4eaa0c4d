"""Context windows at the host's seam: a handler that cuts, computes and fuses the windows of one run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from comfy.context_windows import ContextHandlerABC

from ...motion.host import HostConds, HostNetwork, HostSampling
from ..call.call import apart, call_of, telling
from ..call.progress import is_within, progress_of
from .batches import WindowBatches, WindowGroup, windows_that_fit
from .context_windows import ContextWindows
from .controlnets import Hints, all_follow
from .cut import Window
from .several_gpus import Gpus, why_one_by_one
from .whole_attention import WholeAttention
from .window_reference import FirstWindow, WindowReference


@dataclass(frozen=True)
class ModelCall:
    """What the host asks a context handler for."""

    calc_cond_batch: Callable[..., Any]  # the host's function that predicts without windows, and its arguments
    model: HostNetwork  # the network of the MODEL
    conds: Sequence[Any]  # the host's lists of conditionings, positive and negative
    latents: torch.Tensor  # (f, c, h, w), the whole video
    timestep: torch.Tensor  # (f,), the noise level, once for each frame
    model_options: dict[str, Any]  # those of the MODEL

    @property
    def sigma(self) -> torch.Tensor:
        return self.timestep[0]

    @property
    def step(self) -> int:
        """The step of the run."""
        return progress_of(self.sigma, self.model.model_sampling, self.model_options["transformer_options"]).step

    def with_options(self, transformer_options: dict[str, Any]) -> "ModelCall":
        """The same with other `transformer_options`."""
        return replace(self, model_options={**self.model_options, "transformer_options": transformer_options})

    def alone_on(self, device: torch.device, gpus: Gpus) -> "ModelCall":
        """The same for one of the `gpus`."""
        return replace(self, model_options=gpus.options_of(device, self.model_options))

    def first_window(self, references: Sequence[WindowReference]) -> FirstWindow | None:
        """The first window, where later ones refer to it at this noise level. A call that computes something else than its
        prediction has nothing to refer to."""
        if call_of(self.model_options["transformer_options"]).instead is not None:
            return None
        model_sampling = self.model.model_sampling
        active = [
            reference
            for reference in references
            if is_within(reference.start_percent, reference.end_percent, self.sigma, model_sampling)
        ]
        if not active:
            return None
        options = self.model_options["transformer_options"]
        progress = progress_of(self.sigma, model_sampling, options)
        size = (self.latents.shape[-2], self.latents.shape[-1])
        return FirstWindow(active, progress, size, frozenset(options.get("patches_replace", {}).get("attn1", ())))


@dataclass(frozen=True)
class Placed:
    """The windows of one model call, on the device of its latents."""

    windows: tuple[Window, ...]  # their frames, in the order of computation
    frames: tuple[torch.Tensor, ...]  # the frames of each, (l,)
    shares: tuple[torch.Tensor, ...]  # the weights of these, (l, 1, 1, 1); those of one frame sum to 1


class ContextHandler(ContextHandlerABC):  # type: ignore[misc]
    """The context windows of one run. Where entries of `plan` overlap in the run, the last of them takes precedence."""

    dim = 0
    freenoise = False

    def __init__(self, plan: Sequence[ContextWindows], references: Sequence[WindowReference] = ()) -> None:
        hidden = max((i for i, windows in enumerate(plan) if windows.always), default=0)
        self.plan = tuple(plan[hidden:])
        self.references = tuple(references)
        self.context_length = max(windows.spec.length for windows in self.plan)
        self.context_overlap = max(windows.spec.overlap for windows in self.plan)
        self._hints = Hints()
        self._batches = WindowBatches()

    def at(self, frames: int, sigma: float | torch.Tensor, model_sampling: HostSampling) -> ContextWindows | None:
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

    def should_use_context(
        self,
        model: HostNetwork,
        conds: HostConds,
        x_in: torch.Tensor,
        timestep: torch.Tensor,
        model_options: dict[str, Any],
    ) -> bool:
        return self.at(x_in.shape[0], timestep[0], model.model_sampling) is not None

    def get_resized_cond(self, cond_in: Any, x_in: torch.Tensor, window: WindowGroup, device: Any = None) -> Any:
        """The conditionings `cond_in` (the host's list of dicts, or None) of the video `x_in` as `window` sees them."""
        return window.seen_of(cond_in, self._hints)

    def execute(self, *call: Any) -> list[torch.Tensor]:
        """What the host would predict for each conditioning (f, c, h, w), in windows; arguments as of ModelCall."""
        asked = ModelCall(*call)
        now = self.at(asked.latents.shape[0], asked.sigma, asked.model.model_sampling)
        assert now is not None  # as should_use_context said
        whole = WholeAttention.of(asked.model_options["transformer_options"], asked.latents.shape[0])
        if whole is not None:
            asked = asked.with_options(whole.watched(asked.model_options["transformer_options"]))
        if now.loops:
            asked = replace(asked, model_options=telling(asked.model_options, loops=True))
        first = asked.first_window(self.references)
        placed = _placed(now, asked, begins_first=first is not None)
        fused = [torch.zeros_like(asked.latents) for _ in asked.conds]
        shown, most = call_of(asked.model_options["transformer_options"]).shown, self._batches.most
        gpus = self._gpus(asked, len(placed.windows), watches_attention=whole is not None)
        predictions = self._predictions(placed.windows, self._at_once(now, asked, gpus), gpus, asked, first)
        for done, (frames, shares, predicted) in enumerate(
            zip(placed.frames, placed.shares, predictions, strict=True), start=1
        ):
            for video, rows in zip(fused, predicted, strict=True):
                video.index_add_(0, frames, rows * shares)
            if shown is not None:
                shown.windows_done(done, len(placed.windows))
        if shown is not None and self._batches.most < most:
            shown.tell(f"Windows computed at once: {self._batches.most}, because there was not enough memory for more.")
        if whole is not None:
            whole.show()
        return fused

    def _predictions(
        self, windows: tuple[Window, ...], at_once: int, gpus: Gpus, asked: ModelCall, first: FirstWindow | None
    ) -> Iterator[list[torch.Tensor]]:
        """The prediction for each conditioning (l, c, h, w), window by window."""
        for group, results in self._groups(windows, at_once, gpus, asked, first):
            yield from map(list, zip(*(torch.split(result, group.frames_each) for result in results), strict=True))

    def _groups(
        self, windows: tuple[Window, ...], at_once: int, gpus: Gpus, asked: ModelCall, first: FirstWindow | None
    ) -> Iterator[tuple[WindowGroup, list[torch.Tensor]]]:
        """Groups of windows with their predictions. Where windows refer to the first, it is a group of its own."""
        frames = asked.latents.shape[0]

        def run_on(group: WindowGroup, device: torch.device) -> list[torch.Tensor]:
            run = partial(self._run, asked.alone_on(device, gpus))
            return run(group) if first is None else first.compute_later(run, group)

        if first is not None:
            whole_host = Gpus((asked.latents.device,))
            yield from self._batches.compute(
                windows[:1], 1, frames, whole_host, lambda group, _: first.compute(partial(self._run, asked), group)
            )
            windows = windows[1:]
        yield from self._batches.compute(windows, at_once, frames, gpus, run_on)

    def _gpus(self, asked: ModelCall, windows: int, watches_attention: bool) -> Gpus:
        """What computes the windows of `asked`; the node says it where there are several GPUs."""
        gpus = Gpus.of(asked.model_options, asked.latents)
        if len(gpus.devices) == 1 or windows == 1:
            return Gpus((asked.latents.device,))
        options = asked.model_options
        reason = why_one_by_one(options, asked.conds, watches_attention)
        shown = call_of(options["transformer_options"]).shown
        if shown is not None:
            shown.tell(gpus.sentence(reason))
        return Gpus((asked.latents.device,)) if reason else gpus

    def _at_once(self, now: ContextWindows, asked: ModelCall, gpus: Gpus) -> int:
        if not all_follow(asked.conds):  # other packs' controls expect one window
            return 1
        return now.at_once or windows_that_fit(asked.model, asked.latents, now.spec.length, len(asked.conds), gpus)

    def _run(self, asked: ModelCall, group: WindowGroup, **told: Any) -> list[torch.Tensor]:
        """The host's prediction for the windows of `group` only; `told` are fields of the Call."""
        conds = [self.get_resized_cond(cond, asked.latents, group) for cond in asked.conds]
        options = telling(asked.model_options, **told)
        options = apart(options, asked.sigma, asked.model.model_sampling, tuple(group.index_list))
        options["transformer_options"]["context_window"] = group
        latents = group.take(asked.latents)
        timestep = group.take(asked.timestep)
        return asked.calc_cond_batch(asked.model, conds, latents, timestep, options)  # type: ignore[no-any-return]


def _placed(now: ContextWindows, asked: ModelCall, begins_first: bool) -> Placed:
    """The windows of `asked`; with `begins_first` one that holds the beginning of the video comes first, or the next where
    that is short."""
    x = asked.latents
    windows, weights = now.cut(x.shape[0], asked.step if now.moves else 0, asked.sigma)
    order = list(range(len(windows)))
    if begins_first:
        longest = max(map(len, windows))
        order.sort(key=lambda i: (4 * len(windows[i]) < 3 * longest, 0 not in windows[i]))
    windows = tuple(windows[i] for i in order)
    lengths = [len(window) for window in windows]
    # One copy to the device for all of them
    frames = torch.tensor(sum(windows, ()), device=x.device)
    shares = torch.tensor([share for i in order for share in weights[i]], device=x.device, dtype=x.dtype)
    return Placed(windows, torch.split(frames, lengths), torch.split(shares.view(-1, 1, 1, 1), lengths))
