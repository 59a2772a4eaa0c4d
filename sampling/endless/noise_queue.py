"""A queue of frames, each noisier than the one before it: the first is finished next, and noise is appended at the end.

Kim et al., "FIFO-Diffusion: Generating Infinite Videos from Text without Training" (2024), sections 4.1 to 4.3.
"""

from dataclasses import dataclass

import torch

from ..windows.batches import WindowGroup
from ..windows.cut import Window


def why_no_queue(frames: int, length: int, steps: int, lookahead: bool) -> str:
    """What is wrong with the numbers of a queue, and what to do; "" where they fit together."""
    if frames < length:
        return (
            f"The video has {frames} frames, but window_length is {length}: a video that fits into one window needs no "
            f"queue. Set frames to {length} or more, or use KSampler."
        )
    if lookahead and length % 2:
        return (
            f"window_length is {length}, but lookahead needs an even number. Set window_length to {length + 1}, or turn "
            "lookahead off."
        )
    if steps < length or steps % length:
        fitting = max(1, round(steps / length)) * length
        return (
            f"steps is {steps}, but the queue must hold a whole number of windows of {length} frames. Set steps to "
            f"{fitting}, or to another multiple of {length}."
        )
    return ""


@dataclass(frozen=True)
class NoiseQueue:
    """The places of the queue, from the next finished frame to fresh noise. With `lookahead`, finished frames stand before
    the first place, so that each window sees cleaner frames before those that it denoises.

    Raises ValueError for numbers that do not fit together.
    """

    levels: tuple[float, ...]  # falling noise levels: that of fresh noise first, that of finished frames last
    length: int  # frames that the model processes together
    frames: int  # of the video
    lookahead: bool = True  # whether windows overlap by half, and only their later half is kept

    def __post_init__(self) -> None:
        wrong = why_no_queue(self.frames, self.length, self.steps, self.lookahead)
        if wrong:
            raise ValueError(wrong)

    @property
    def steps(self) -> int:
        """How often each frame is denoised: once at each place."""
        return len(self.levels) - 1

    @property
    def before(self) -> int:
        """How many finished frames stand before the first place; also the frames of a window that are not kept."""
        return self.length // 2 if self.lookahead else 0

    @property
    def windows(self) -> tuple[Window, ...]:
        """The rows of the queue that the model processes together."""
        stride = self.length - self.before
        return tuple(tuple(range(start, start + self.length)) for start in range(0, self.steps, stride))

    @property
    def warm_up(self) -> int:
        """How many frames leave the queue before the first of the video. They are copies of the first frame of the start."""
        return self.steps - self.length

    @property
    def passes(self) -> int:
        """How often the whole queue is denoised for the video."""
        return self.warm_up + self.frames

    @property
    def finished_scale(self) -> float:
        """Factor of a finished frame where the model sees it as one of the lowest level: the authors leave latents of
        variance 1 as they are."""
        return ((1 + self.levels[-2] ** 2) / (1 + self.levels[-1] ** 2)) ** 0.5  # type: ignore[no-any-return]

    def level(self, row: int) -> float:
        """The noise level of a row of the queue. That of a finished frame counts as the lowest that the model knows."""
        return self.levels[self.steps - 1 - max(0, row - self.before)]

    def frame(self, row: int, done: int) -> int:
        """The frame of the video in a row of the queue after `done` passes. Rows before the first frame and after the last
        count as these."""
        return min(max(0, done + row - self.before - self.warm_up), self.frames - 1)

    def part(self, group: WindowGroup, done: int) -> "QueuePart":
        """The frames in the rows of `group` after `done` passes."""
        rows = group.index_list
        split = (rows[start : start + group.frames_each] for start in range(0, len(rows), group.frames_each))
        windows = [tuple(self.frame(row, done) for row in window) for window in split]
        return QueuePart(windows, self.frames, tuple(self.level(row) for row in rows))

    def first_rows(self, start: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The queue (r, c, h, w) at first: the finished frames `start` (l, c, h, w) at rising noise levels, the first of
        them repeated at the lowest, with unit `noise` (r, c, h, w)."""
        rows = range(self.before + self.steps)
        frames = [max(0, row - self.before - self.warm_up) for row in rows]
        levels = torch.tensor([self.level(row) for row in rows], dtype=start.dtype, device=start.device)
        return start[frames] + levels.view(-1, 1, 1, 1) * noise


class QueuePart(WindowGroup):
    """Windows of the queue that go through the UNet together, as frames of the video."""

    def __init__(self, windows: list[Window], frames: int, levels: tuple[float, ...]) -> None:
        super().__init__(windows, frames)
        self.levels = levels  # the noise level of each frame


def ddim_step(
    x: torch.Tensor, clean: torch.Tensor, levels: torch.Tensor, lower: torch.Tensor, eta: float, noise: torch.Tensor
) -> torch.Tensor:
    """`x` (f, c, h, w) brought from noise `levels` to `lower` ones, (f, 1, 1, 1) each, given the `clean` picture that the
    model predicts. A share `eta` (0..1) of what DDPM adds comes from unit `noise`; 0 adds none.

    Song et al., "Denoising Diffusion Implicit Models" (2020), equations 12 and 16, for pictures divided by sqrt(alpha).
    """
    added = (eta * lower * (1 - (lower / levels) ** 2).clamp(min=0).sqrt()).minimum(lower)
    kept = (lower**2 - added**2).sqrt()
    return clean + (x - clean) / levels * kept + noise * added
