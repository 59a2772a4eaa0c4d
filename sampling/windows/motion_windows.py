"""Motion windows: the motion modules see a long video in windows while the rest of the UNet sees each frame once."""

from dataclasses import dataclass

import torch

from ...motion.windowed import FrameWindows
from .cut import Window, WindowSpec, cut, ring
from .fuse import fuse_weights

KEY = "kinema_motion_windows"
"""Where the MotionWindows of a MODEL are in transformer_options."""


@dataclass(frozen=True)
class MotionWindows:
    """Windows of `length` frames with `overlap` in common, fused by `fuse`; in a `closed_loop` they go on from the last
    frame to the first. With `freenoise` the video's noise is rescheduled for them."""

    length: int = 16
    overlap: int = 4
    fuse: str = "pyramid"
    closed_loop: bool = False
    freenoise: bool = False

    def __post_init__(self) -> None:
        WindowSpec(self.length, self.overlap)  # raises for numbers that cannot be

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
