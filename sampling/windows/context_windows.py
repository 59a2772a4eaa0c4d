"""Context windows, as the nodes ask for them."""

from dataclasses import dataclass

import torch

from .cut import WINDOW_SCHEDULES, Window, WindowSpec, cut
from .fuse import FUSES, fuse_weights


@dataclass(frozen=True)
class ContextWindows:
    """How a part of a run is computed in windows."""

    spec: WindowSpec  # where the windows are: schedule, length, overlap, stride
    fuse: str = "pyramid"  # the fuse method, one of FUSES
    start_percent: float = 0.0  # fraction of the run (0..1) at which they start
    end_percent: float = 1.0  # and at which they end
    at_once: int = 0  # how many go through the UNet together; 0: as many as fit into memory
    freenoise: bool = False  # whether the noise that the run starts from is rescheduled for them

    @property
    def always(self) -> bool:
        return self.start_percent <= 0.0 and self.end_percent >= 1.0

    @property
    def moves(self) -> bool:
        """Whether the windows differ from step to step."""
        return WINDOW_SCHEDULES[self.spec.schedule].moves

    @property
    def loops(self) -> bool:
        """Whether the windows go on from the last frame to the first."""
        return WINDOW_SCHEDULES[self.spec.schedule].wraps or self.spec.loops

    def cut(
        self, frames: int, step: int, sigma: float | torch.Tensor
    ) -> tuple[tuple[Window, ...], tuple[tuple[float, ...], ...]]:
        """The windows of `frames` at a step of the run and at noise level `sigma`, and the weights in each of them."""
        windows = cut(self.spec, frames, step)
        level = float(sigma) if FUSES[self.fuse].uses_sigma else 0.0  # else it would wait for the GPU for nothing
        return windows, fuse_weights(self.fuse, windows, frames, self.spec.overlap, level)


def automatic_windows(native_frames: int) -> ContextWindows:
    """What a long video gets unless someone asks for other windows: the length that the motion model was trained with."""
    return ContextWindows(WindowSpec(native_frames, native_frames // 4))
