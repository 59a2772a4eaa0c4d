"""Motion windows: the motion modules see a long video in windows while the rest of the UNet sees each frame once."""

from dataclasses import dataclass, replace

import torch

from ...motion.windowed import FrameWindows, low_pass_filter
from ..call.progress import Progress
from .cut import WINDOW_SCHEDULES, Window, WindowSpec, cut, ring
from .fuse import fuse_weights


@dataclass(frozen=True)
class MotionWindows:
    """How motion modules see a long video. Raises ValueError for settings that cannot cover a video, or that exclude each
    other."""

    length: int = 16  # frames of a window
    overlap: int = 4  # frames that it shares with the next one
    fuse: str = "pyramid"  # the fuse method, one of FUSES
    closed_loop: bool = False  # whether windows continue from the last frame to the first
    freenoise: bool = False  # whether the noise that the run starts from is rescheduled for them
    schedule: str = "static"  # one of WINDOW_SCHEDULES whose windows overlap
    stride: int = 1  # as in WindowSpec
    short: str = "join"  # as in WindowSpec
    global_attention: float = (
        0.0  # share (0..1) of the frequencies over the frames that attentions over all frames give
    )

    def __post_init__(self) -> None:
        row = WINDOW_SCHEDULES[self._spec.schedule]
        if self.stride > 1 and not row.strides:
            raise ValueError(
                f'stride is {self.stride}, but windows of the schedule "{self.schedule}" consist of neighbouring frames. '
                'Set schedule to "uniform" or "looped", or stride to 1.'
            )
        if self.closed_loop and row.moves and not row.loops:
            raise ValueError(
                f'closed_loop is on, but windows of the schedule "{self.schedule}" do not loop. Set schedule to "looped" or '
                '"static", or turn closed_loop off.'
            )

        if self.global_attention and (self.closed_loop or row.loops):
            looping = "closed_loop is on" if self.closed_loop else f'schedule is "{self.schedule}"'
            raise ValueError(
                f"global_attention is {self.global_attention:g}, but {looping}: an attention over the whole video knows its "
                "first frame from its last, so the video would not loop. Set global_attention to 0, or turn closed_loop "
                'off and set schedule to "static" or "uniform".'
            )

    @property
    def _spec(self) -> WindowSpec:
        return WindowSpec(self.length, self.overlap, self.schedule, self.stride, self.closed_loop, self.short)

    def step_of(self, progress: Progress | None) -> int:
        """What `cut` and `of` want to know of a model call, by how far its run is."""
        return progress.step if progress is not None and WINDOW_SCHEDULES[self.schedule].moves else 0

    def cut(self, frames: int, total: int, step: int = 0) -> tuple[Window, ...]:
        """The windows, at a `step` of the run, of the `frames` that the motion modules see of a video of `total`; none when
        they fit into one.

        A part of the video, as a context window is, is no loop.
        """
        if self.closed_loop and self.schedule == "static" and frames == total > 1:
            return ring(frames, self.length, self.overlap)
        spec = self._spec
        if frames < total and WINDOW_SCHEDULES[self.schedule].loops:
            spec = replace(spec, schedule="uniform", closed_loop=False, short="join")
        return cut(spec, frames, step) if spec.cuts(frames) else ()

    def of(self, frames: int, total: int, device: torch.device, step: int = 0) -> FrameWindows | None:
        """The same for motion modules on `device`."""
        windows = self.cut(frames, total, step)
        if not windows:
            return None
        weights = fuse_weights(self.fuse, windows, frames, self.overlap)
        places = torch.tensor(windows, device=device)
        low_pass = low_pass_filter(frames, self.global_attention).float().to(device) if self.global_attention else None
        return FrameWindows(places, torch.tensor(weights, device=device), low_pass)
