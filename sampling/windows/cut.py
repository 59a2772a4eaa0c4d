"""Which frames the UNet sees together: the context windows of one sampling step, as plain lists of frames."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil, log2

Window = tuple[int, ...]
"""The places of a window's frames in the whole video, in the order in which the UNet sees them."""


@dataclass(frozen=True)
class WindowSpec:
    """How a video is cut into windows. Raises ValueError for numbers that cannot cover a video."""

    length: int = 16  # frames of a window
    overlap: int = 4  # frames that a window shares with the next one
    schedule: str = "static"  # one of WINDOW_SCHEDULES
    stride: int = 1  # s adds, to "uniform" and "looped", windows of every 2nd, 4th, ... 2^(s-1)th frame
    closed_loop: bool = False  # with "looped" the last frame joins the first
    short: str = "join"  # with "looped", how videos that fit into one window are computed, one of SHORT_VIDEOS

    def __post_init__(self) -> None:
        if self.length < 1 or self.stride < 1 or self.overlap < 0:
            raise ValueError(
                f"Context windows cannot have length {self.length}, overlap {self.overlap} and stride {self.stride}. "
                "Use a length and a stride of 1 or more, and an overlap of 0 or more."
            )
        if self.overlap >= self.length:
            raise ValueError(
                f"An overlap of {self.overlap} is not smaller than the window of {self.length} frames, so the windows "
                f"would never advance. Set overlap to a quarter of the length: {self.length // 4}."
            )
        if self.short != "join" and not WINDOW_SCHEDULES[self.schedule].loops:
            raise ValueError(
                f'short_videos is "{self.short}", but the schedule "{self.schedule}" does not use it. Set schedule to '
                '"looped", or short_videos to "join".'
            )

    @property
    def loops(self) -> bool:
        return WINDOW_SCHEDULES[self.schedule].loops and self.closed_loop

    def cuts(self, frames: int) -> bool:
        """Whether a video of `frames` is computed otherwise than all at once."""
        if frames > self.length or self.goes_around(frames):
            return True
        return self.short == "join" and self.loops and frames > 1

    def goes_around(self, frames: int) -> bool:
        """Whether a video of `frames`, no longer than a window, is computed in windows as a longer one is."""
        return self.short == "equal length" and frames == self.length > 1


@lru_cache(maxsize=4096)
def cut(spec: WindowSpec, frames: int, step: int = 0) -> tuple[Window, ...]:
    """The windows of `frames` at sampling step `step` (0, 1, ...). Every frame is in at least one of them."""
    if spec.goes_around(frames):
        return tuple(_looped(spec, frames, step))
    if frames <= spec.length:
        turn = round(frames * bit_reversal(step)) if spec.loops else 0
        return (tuple((turn + i) % frames for i in range(frames)),)
    return _cover(WINDOW_SCHEDULES[spec.schedule].windows(spec, frames, step), spec.length, frames)


@lru_cache(maxsize=256)
def ring(frames: int, length: int, overlap: int) -> tuple[Window, ...]:
    """Windows evenly around a closed loop of 2 `frames` or more, sharing at least `overlap` frames. They do not move, so
    they are turned such that none begins where the video does. In a loop of `length` frames or fewer each window is the
    whole of it, begun elsewhere."""
    length = min(length, frames)
    count = max(2, ceil(frames / max(1, length - overlap)))
    starts = [(2 * k - 1) * frames // (2 * count) for k in range(count)]
    return tuple(tuple((start + i) % frames for i in range(length)) for start in starts)


def bit_reversal(step: int) -> float:
    """0, 1/2, 1/4, 3/4, 1/8, ...: evenly spread places for windows, however many steps there are (van der Corput)."""
    return int(f"{step:064b}"[::-1], 2) / 2**64


def _static(spec: WindowSpec, frames: int, step: int) -> list[Window]:
    last = frames - spec.length
    return [_run(start, spec.length) for start in (*range(0, last, spec.length - spec.overlap), last)]


def _batched(spec: WindowSpec, frames: int, step: int) -> list[Window]:
    windows = [tuple(range(start, min(start + spec.length, frames))) for start in range(0, frames, spec.length)]
    if len(windows[-1]) == 1 < spec.length:
        windows[-1] = _with_neighbour(windows[-1])
    return windows


def _shifting(spec: WindowSpec, frames: int, step: int) -> list[Window]:
    """Equal windows that share no frame, moved at each step by another part of a window, so that no seam stays in its
    place. At each end of a video that is no closed loop is half a window or more."""
    count = ceil(frames / spec.length)
    seams = [int((k + bit_reversal(step)) * frames / count) for k in range(count)]
    edges = [*seams, seams[0] + frames] if spec.loops else _balanced(sorted({0, *seams, frames}), frames // count)
    windows = [tuple(frame % frames for frame in range(start, end)) for start, end in pairwise(edges)]
    return [_with_neighbour(window) if len(window) == 1 < spec.length else window for window in windows]


def _balanced(edges: list[int], length: int) -> list[int]:
    """`edges` of windows of about `length`, where one at an end that is shorter than half of it shares frames out with its
    neighbour: so few alone would hardly move."""
    start, first, second = edges[:3]
    if 2 * (first - start) < length:
        edges[1] = (start + second) // 2
    before, last, end = edges[-3:]
    if 2 * (end - last) < length:
        edges[-2] = (before + end + 1) // 2
    return edges


def _looped(spec: WindowSpec, frames: int, step: int) -> list[Window]:
    """The uniform context scheduler that AnimateDiff tools share: starts move by bit reversal, frames by modulus."""
    turn = bit_reversal(step)
    shift = round(frames * turn)
    end = frames + shift - (0 if spec.loops else spec.overlap)
    windows = []
    for spacing in _spacings(spec, frames):
        for start in range(int(turn * spacing) + shift, end, spec.length * spacing - spec.overlap):
            windows.append(tuple((start + i * spacing) % frames for i in range(spec.length)))
    return windows


def _uniform(spec: WindowSpec, frames: int, step: int) -> list[Window]:
    """As `looped`, but a window that would go around the end is moved back to end with the last frame."""
    around = _looped(spec, frames, step)
    windows: list[Window] = []
    for i, window in enumerate(around):
        wrapped = next((after for before, after in pairwise(window) if after < before), None)
        if wrapped is None:
            windows.append(window)
            continue
        spacing = (window[1] - window[0]) % frames
        windows.append(tuple(frames - 1 - spacing * k for k in reversed(range(spec.length))))
        following = around[i + 1] if i + 1 < len(around) else windows[0]
        if wrapped not in following:
            windows.append(_run(wrapped, spec.length))
    return list(dict.fromkeys(windows))


@dataclass(frozen=True, kw_only=True)
class WindowSchedule:
    """A way to place windows over a video that is longer than one of them."""

    windows: Callable[[WindowSpec, int, int], list[Window]]  # of (spec, frames, step); may leave single frames out
    words: str  # for the help page
    moves: bool = False  # whether the windows change from step to step
    loops: bool = False  # whether it can close a loop
    wraps: bool = False  # whether windows go on from the last frame to the first even where the loop is not closed
    strides: bool = False  # whether it can add windows of every 2nd, 4th, ... frame
    overlaps: bool = True  # whether windows share frames; only those that do can all have the same length


WINDOW_SCHEDULES: dict[str, WindowSchedule] = {
    "static": WindowSchedule(
        windows=_static,
        words="The windows are the same at every step.",
    ),
    "uniform": WindowSchedule(
        windows=_uniform,
        words="The windows move from step to step, which hides the seams between them.",
        moves=True,
        strides=True,
    ),
    "looped": WindowSchedule(
        windows=_looped,
        words="Like uniform, but windows also continue from the last frame to the first.",
        moves=True,
        loops=True,
        wraps=True,
        strides=True,
    ),
    "batched": WindowSchedule(
        windows=_batched,
        words="The windows do not overlap. Use this schedule for models without motion modules.",
        overlaps=False,
    ),
    "shifting": WindowSchedule(
        windows=_shifting,
        words="The windows do not overlap, so each step computes each frame once, and they move from step to step. This "
        "is the fastest schedule for models with motion modules. With closed_loop, windows continue from the last frame to "
        "the first.",
        moves=True,
        loops=True,
        overlaps=False,
    ),
}

SHORT_VIDEOS: dict[str, str] = {
    "join": "closed_loop joins the ends of short videos too.",
    "leave": "Short videos are computed as if this node were absent.",
    "equal length": "Videos shorter than one window are computed as if this node were absent. A video exactly as long as "
    "one window is looped: in two windows if closed_loop is on, otherwise in one. This is use_on_equal_length "
    "of AnimateDiff-Evolved.",
}
"""What the nodes offer for videos that fit into one window, and what it means."""


def _spacings(spec: WindowSpec, frames: int) -> list[int]:
    """1, 2, 4, ...: the first `stride` of them, as far as a window of that spacing fits into the video."""
    count = min(spec.stride, ceil(log2(frames / spec.length)) + 1)
    return [2**k for k in range(count) if (spec.length - 1) * 2**k < frames]


def _cover(windows: list[Window], length: int, frames: int) -> tuple[Window, ...]:
    """`windows` and, for frames that none of them has, more windows."""
    missing = set(range(frames)).difference(*windows)
    while missing:
        windows.append(_run(min(min(missing), frames - length), length))
        missing.difference_update(windows[-1])
    return tuple(windows)


def _with_neighbour(window: Window) -> Window:
    """The single frame of `window` and the one before it, or after the first of the video: alone, it would stand still."""
    (frame,) = window
    return (frame - 1, frame) if frame > 0 else (0, 1)


def _run(start: int, length: int) -> Window:
    return tuple(range(start, start + length))
