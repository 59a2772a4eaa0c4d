"""Motion windows: the motion modules see a long video in windows while the rest of the UNet sees each frame once."""

from dataclasses import dataclass

import torch

from ..motion.windowed import FrameWindows
from .fuse import fuse_weights
from .windows import WindowSpec, cut

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
        self.spec()  # raises for numbers that cannot be

    def spec(self) -> WindowSpec:
        schedule = "looped" if self.closed_loop else "static"
        return WindowSpec(self.length, self.overlap, schedule, closed_loop=self.closed_loop)  # type: ignore[arg-type]

    def of(self, frames: int, device: torch.device) -> FrameWindows | None:
        """The windows of a video of `frames`; None when it fits into one."""
        if frames <= self.length:
            return None
        windows = cut(self.spec(), frames)
        weights = fuse_weights(self.fuse, windows, frames, self.overlap)
        return FrameWindows(torch.tensor(windows, device=device), torch.tensor(weights, device=device))
