"""Motion windows: the motion modules see a long video in windows while the rest of the UNet sees each frame once."""

from dataclasses import dataclass

import torch

from ...motion.windowed import FrameWindows
from .cut import Window, WindowSpec, cut, ring
from .fuse import fuse_weights


@dataclass(frozen=True)
class MotionWindows:
    """How motion modules see a long video. Raises ValueError for numbers that cannot cover a video."""

    length: int = 16  # frames of a window
    overlap: int = 4  # frames that it shares with the next one
    fuse: str = "pyramid"  # the fuse method, one of FUSES
    closed_loop: bool = False  # whether windows continue from the last frame to the first
    freenoise: bool = False  # whether the noise that the run starts from is rescheduled for them

    def __post_init__(self) -> None:
        WindowSpec(self.length, self.overlap)  # which checks the numbers

    def cut(self, frames: int, total: int) -> tuple[Window, ...]:
        """The windows of the `frames` that the motion modules see of a video of `total`, none when they fit into one.

        A part of the video, as a context window is, is no loop.
        """
        if self.closed_loop and frames == total > 1:
            return ring(frames, self.length, self.overlap)
        return () if frames <= self.length else cut(WindowSpec(self.length, self.overlap), frames)

    def of(self, frames: int, total: int, device: torch.device) -> FrameWindows | None:
        """The same for motion modules on `device`."""
        windows = self.cut(frames, total)
        if not windows:
            return None
        weights = fuse_weights(self.fuse, windows, frames, self.overlap)
        return FrameWindows(torch.tensor(windows, device=device), torch.tensor(weights, device=device))
