"""What later windows of a video take over from the first: its tokens to attend to, or its prediction."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch

from ..call.frames import Frames
from ..call.progress import Progress, is_within
from ..curves.curve import Curve, Moment, Value, value_at
from .batches import WindowGroup
from .context_reference import BANK, Bank, Page, attend
from .cut import Window
from .result_reuse import reused

KEY = "kinema_window_reference"
"""Where the WindowReferences of a MODEL are in transformer_options."""

Mode = Literal["attend", "reuse"]
MODES: tuple[Mode, ...] = get_args(Mode)

Run = Callable[..., list[torch.Tensor]]
"""Predicts a WindowGroup: (group, what the model call is told besides) -> one tensor for each conditioning."""


@dataclass(frozen=True)
class WindowReference:
    """Later windows `attend` to the first or `reuse` its prediction, frame by frame, with a `strength` (0..1, over frames
    and steps) in the part `start_percent` to `end_percent` of the run."""

    mode: Mode
    strength: float | Curve = 1.0
    start_percent: float = 0.0
    end_percent: float = 0.25


def refer_windows(model: Any, reference: WindowReference) -> Any:
    """A clone of `model` (MODEL) whose context windows refer to the first. One more of another mode acts beside it, one
    of the same mode replaces it."""
    model = model.clone()
    options = model.model_options["transformer_options"]
    others = tuple(one for one in options.get(KEY, ()) if one.mode != reference.mode)
    options[KEY] = (*others, reference)
    if reference.mode == "attend" and attend not in options.get("patches", {}).get("attn1_patch", ()):
        model.set_model_attn1_patch(attend)
    return model


class FirstWindow:
    """The first window of one step, and what the other windows of that step take over from it."""

    def __init__(
        self,
        references: Sequence[WindowReference],
        progress: Progress,
        size: tuple[int, int],
        replaced: Collection[tuple[Any, ...]],
    ) -> None:
        self._by_mode = {reference.mode: reference for reference in references}
        self._progress, self._size, self._replaced = progress, size, replaced
        self._bank: Bank = {}
        self._predicted: list[torch.Tensor] = []

    def compute(self, run: Run, group: WindowGroup) -> list[torch.Tensor]:
        """The prediction of the first window, `group`, which is kept."""
        told = {BANK: Page(self._bank, len(group.index_list), self._replaced)} if "attend" in self._by_mode else {}
        self._predicted = run(group, **told)
        return self._predicted

    def compute_later(self, run: Run, group: WindowGroup) -> list[torch.Tensor]:
        """The prediction of other windows."""
        device, last = self._predicted[0].device, len(self._predicted[0]) - 1
        places = [min(i, last) for i in range(group.frames_each)] * (len(group.index_list) // group.frames_each)
        sources = torch.tensor(places, device=device)
        told: dict[str, Any] = {}
        if "attend" in self._by_mode:
            strength = self._strength("attend", group, (1, 1))
            if isinstance(strength, torch.Tensor):
                strength = strength[:, :, 0]  # (f, 1, 1)
            if not isinstance(strength, float) or strength != 0:
                told[BANK] = Page(self._bank, len(places), self._replaced, sources, strength)
        if "reuse" not in self._by_mode:
            return run(group, **told)
        strength = self._strength("reuse", group, self._size)
        own = [None] * len(self._predicted) if isinstance(strength, float) and strength == 1 else run(group, **told)
        pairs = zip(self._predicted, own, strict=True)
        return [reused(first, mine, sources, strength) for first, mine in pairs]

    def _strength(self, mode: Mode, group: WindowGroup, size: tuple[int, int]) -> Value:
        frames = Frames(group.frames_each, tuple(group.index_list), group.total_frames)
        return value_at(self._by_mode[mode].strength, Moment(frames, size, self._progress))


def first_window(options: Any, latents: torch.Tensor, sigma: Any, model_sampling: Any) -> FirstWindow | None:
    """The FirstWindow of a step at noise level `sigma`, or None where windows do not refer to each other."""
    active = [
        reference
        for reference in options.get(KEY, ())
        if is_within(reference.start_percent, reference.end_percent, sigma, model_sampling)
    ]
    if not active:
        return None
    progress = Progress(sigma, model_sampling, options.get("sample_sigmas"))
    replaced = frozenset(options.get("patches_replace", {}).get("attn1", ()))
    return FirstWindow(active, progress, (latents.shape[-2], latents.shape[-1]), replaced)


def beginning_first(windows: Sequence[Window]) -> list[int]:
    """The order of `windows` in which one that holds the beginning of the video is the first."""
    return sorted(range(len(windows)), key=lambda i: 0 not in windows[i])
