"""What one model call wants of a motion module: how strong, how sharp its attentions, over which windows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, overload

import torch
import torch.nn.functional as F
from torch import nn

from .pooling import average_pooled
from .positions import PositionRule
from .spec import Statistics
from .windowed import FrameWindows

PerLatent = float | torch.Tensor
"""A number, or a tensor (v*f, 1, h, w), of which each dimension but the first may be 1."""


@dataclass(frozen=True)
class Branch:
    """A low-rank change of a linear layer at run time: `strength` times `change(x)`."""

    change: nn.Module  # the low-rank layer: (..., columns) to (..., rows)
    start: int  # the first of the layer's outputs that it is added to
    strength: PerLatent  # factor of the change; 0: off


@dataclass(frozen=True)
class Merge:
    """What CameraCtrl adds to the input of a module's first attention: `strength` times `layer(x + features)`."""

    layer: nn.Module  # the linear layer of CameraCtrl for this attention
    features: torch.Tensor  # (r, h, w, n, l, c): r videos after each other in the batch, n windows of l frames of each
    strength: PerLatent  # factor of what is added; 0: off

    def fit(self, x: torch.Tensor) -> "Merge":
        """The same for a module whose input is `x` (v*f, c, h, w), where v is a multiple of r."""
        features = self.features
        videos, height, width, windows, length, channels = features.shape
        if (height, width) != x.shape[2:]:  # another node changes the size inside the UNet
            pictures = features.permute(0, 3, 4, 5, 1, 2).flatten(0, 2)  # (r*n*l, c, h, w)
            pictures = F.interpolate(pictures, x.shape[2:], mode="bilinear", antialias=True)
            features = pictures.view(videos, windows, length, channels, *x.shape[2:]).permute(0, 4, 5, 1, 2, 3)
        return Merge(self.layer, features.to(x), fitted(self.strength, x))

    def over(self, windows: FrameWindows, frames: int) -> "Merge":
        """The same for attentions that see all `frames` at once, from one for `windows`: each frame gets the blend of what
        it has in its windows."""
        videos, height, width, _, _, channels = self.features.shape
        fused = windows.fused(self.features.flatten(0, 2), frames)  # (r*h*w, f, c)
        return replace(self, features=fused.view(videos, height, width, 1, frames, channels))

    def into(self, x: torch.Tensor, tokens: "Tokens") -> torch.Tensor:
        """`x` (b, l, c), in the layout of `tokens`, with what is added."""
        features = self.features.flatten(0, 3)  # (r*h*w*n, l, c)
        seen = (x.view(-1, *features.shape) + features).view(x.shape)
        return x + self.layer(seen) * tokens.of(self.strength)  # type: ignore[no-any-return]


class AttentionWatch(Protocol):
    """Is shown what the attentions of a motion module compare."""

    def __call__(self, attention: int, q: torch.Tensor, k: torch.Tensor) -> None:
        """Queries and keys (b, n, f, c/n) of the attention of this number."""


@dataclass(frozen=True)
class Control:
    """How a motion module acts. Values have the height and width of the module's input, or 1."""

    strength: PerLatent = 1.0  # of what it adds
    norm: Statistics = "frame"  # over which frames its GroupNorm takes its statistics
    rule: PositionRule = field(default_factory=PositionRule)  # which positions the frames get
    windows: FrameWindows | None = None  # the windows in which its attentions see the frames; None: all at once
    scales: tuple[PerLatent, ...] = ()  # of the logits of each of its attentions; empty: 1
    enhance: tuple[PerLatent | None, ...] = ()  # temperature of Enhance-A-Video for each attention; None: off
    branches: Mapping[nn.Module, Sequence[Branch]] = field(default_factory=dict)  # changes of its linear layers
    watch: AttentionWatch | None = None  # is shown the queries and keys of its attentions
    merge: Merge | None = None  # what is added to the input of its first attention, after the positions

    def fit(self, x: torch.Tensor) -> "Control":
        """The same for a module whose input is `x` (v*f, c, h, w), from values for the f latents of one conditioning in
        the size of the picture's latents."""
        if self.merge is None and not any(isinstance(value, torch.Tensor) for value in self._values()):
            return self
        return replace(
            self._each(lambda value: fitted(value, x)), merge=None if self.merge is None else self.merge.fit(x)
        )

    def of_all(self, windows: FrameWindows, frames: int) -> "Control":
        """The same for attentions that see all `frames` at once, beside those in `windows`: the positions of one window are
        spread over the video. Only the windows' attentions are watched."""
        return replace(
            self,
            rule=replace(self.rule, spread=windows.places.shape[1]),
            windows=None,
            watch=None,
            merge=None if self.merge is None else self.merge.over(windows, frames),
        )

    def in_tensors(self, frames: int, device: torch.device) -> "Control":
        """The same for one conditioning of `frames` with a tensor for each number, so that code which torch.compile makes
        of a motion module serves all numbers."""
        control = self._each(lambda value: as_tensor(value, frames, device))
        if self.merge is None:
            return control
        return replace(control, merge=replace(self.merge, strength=as_tensor(self.merge.strength, frames, device)))

    def _each(self, change: Callable[[PerLatent], PerLatent]) -> "Control":
        """The same with what `change` makes of each value, apart from that of `merge`."""
        return replace(
            self,
            strength=change(self.strength),
            scales=tuple(change(value) for value in self.scales),
            enhance=tuple(None if value is None else change(value) for value in self.enhance),
            branches={
                layer: [replace(branch, strength=change(branch.strength)) for branch in branches]
                for layer, branches in self.branches.items()
            },
        )

    def _values(self) -> Iterator[PerLatent | None]:
        yield self.strength
        yield from self.scales
        yield from self.enhance
        yield from (branch.strength for branches in self.branches.values() for branch in branches)


@overload
def fitted(value: torch.Tensor, x: torch.Tensor) -> torch.Tensor: ...


@overload
def fitted(value: PerLatent, x: torch.Tensor) -> PerLatent: ...


def fitted(value: PerLatent, x: torch.Tensor) -> PerLatent:
    """`value` (f or 1, any, h, w) for all the videos in `x` (v*f, c, h, w), in its size or 1."""
    if not isinstance(value, torch.Tensor):
        return value
    if value.shape[2:] not in ((1, 1), x.shape[2:]):
        value = average_pooled(value, (x.shape[2], x.shape[3]))
    return value.to(x).repeat(x.shape[0] // value.shape[0], 1, 1, 1)  # (v*f, 1, h, w)


def as_tensor(value: PerLatent, frames: int, device: torch.device) -> torch.Tensor:
    """`value` for one conditioning of `frames` as a tensor, (f, 1, 1, 1) if it is a number. The tensor has memory of its
    own: for torch.compile, one tensor in two places differs from two tensors."""
    if isinstance(value, torch.Tensor):
        return value.to(device, copy=True)
    return torch.full((frames, 1, 1, 1), value, device=device)


PLAIN = Control()


@dataclass(frozen=True)
class Tokens:
    """The layout (b, f, c) in which a block works: b = v*h*w positions, times the windows where there are any."""

    videos: int  # v
    frames: int  # f, or the length of the windows
    size: tuple[int, int]  # (h, w) of the module's input, in latent pixels of its level
    windows: FrameWindows | None = None  # the windows that the positions are repeated for; None: there are none

    def of(self, value: PerLatent) -> PerLatent:
        """`value` (v*f, 1, h, w) as (b, f, 1)."""
        if not isinstance(value, torch.Tensor):
            return value
        whole = value.expand(-1, 1, *self.size).reshape(self.videos, self.frames, -1)  # (v, f, h*w)
        tokens = whole.transpose(1, 2).reshape(-1, self.frames, 1)  # (v*h*w, f, 1)
        return tokens if self.windows is None else tokens[:, self.windows.places].flatten(0, 1)

    def seen(self, windows: FrameWindows) -> "Tokens":
        return Tokens(self.videos, self.frames, self.size, windows)


def linear(layer: Any, x: torch.Tensor, control: Control, tokens: Tokens) -> torch.Tensor:
    """`layer(x)` for `x` (b, f, c), with the changes that `control` has for it."""
    out: torch.Tensor = layer(x)
    for branch in control.branches.get(layer, ()):
        change = branch.change(x) * tokens.of(branch.strength)
        out[..., branch.start : branch.start + change.shape[-1]] += change
    return out
