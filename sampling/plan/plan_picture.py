"""A picture of the windows of a run: frames from left to right, steps from top to bottom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

from ...drawing.axes import round_step
from ...drawing.canvas import COLOURS, INK, PALE, PAPER, RULE, Canvas, tint, wrapped
from ..windows.cut import Window
from .window_plan import Stretch

BARS = (*COLOURS[:4], *COLOURS[7:9])  # without grey, which windows inside the motion modules have
LEFT, RIGHT, GAP = 110, 24, 8  # pixels beside the plot, and between its stretches
NARROW = 600  # pixels up to which the words above the plot begin at the edge of the picture
LINE = 20  # pixels from one line of words to the next
HEAD = 34 + 2 * LINE  # pixels above the plot, where no line is wrapped
MOST_HEIGHT = 6000


@dataclass(frozen=True)
class Lane:
    """A row of windows that do not touch. They are numbered in the order of computation."""

    entries: list[tuple[int, Window, Sequence[float]]]  # number, frames and their weights (0..1)
    inside: bool  # whether these are windows inside the motion modules


def draw_plan(stretches: Sequence[Stretch], frames: int, width: int) -> Image.Image:
    """The picture, `width` pixels wide.

    Windows that do not touch share a row; the darker, the more a window decides.
    """
    lanes = [
        [*_lanes(s.windows, s.weights), *_lanes(s.motion, [[0.4] * len(w) for w in s.motion], True)] for s in stretches
    ]
    left = 12 if width <= NARROW else LEFT
    title = wrapped(_summary(stretches, frames), width - left - 12, 15)
    legend = wrapped(_legend(stretches), width - left - 12, 12)
    head = HEAD + LINE * (len(title) + len(legend) - 2)
    count = sum(map(len, lanes))
    row = max(5, min(18, (MOST_HEIGHT - head - GAP * len(lanes)) // count))
    height = head + row * count + GAP * (len(lanes) + 1)
    canvas = Canvas(width, height)
    scale = (width - LEFT - RIGHT) / frames
    for number, line in enumerate(title + legend):
        size, colour = (15, INK) if number < len(title) else (12, PALE)
        canvas.text((left, 18 + LINE * number), line, colour, size)
    _frames(canvas, frames, scale, head, height)
    y = head + GAP // 2
    for stretch, rows in zip(stretches, lanes, strict=True):
        canvas.text((LEFT - 10, y + row * len(rows) / 2), _steps(stretch), INK, 13, "rm")
        for lane in rows:
            for number, window, weights in lane.entries:
                _bar(canvas, number, window, weights, lane.inside, (y, y + row - 1), scale)
            y += row
        y += GAP
    return canvas.finish()


def _lanes(windows: Sequence[Window], weights: Sequence[Sequence[float]], inside: bool = False) -> list[Lane]:
    lanes: list[Lane] = []
    ends: list[list[tuple[int, int]]] = []
    for number, (window, parts) in enumerate(zip(windows, weights, strict=True), start=1):
        runs = [(run[0], run[-1]) for run in _runs(window)]
        free = (i for i, taken in enumerate(ends) if all(a > d or c > b for a, b in runs for c, d in taken))
        lane = next(free, len(lanes))
        if lane == len(lanes):
            lanes.append(Lane([], inside))
            ends.append([])
        lanes[lane].entries.append((number, window, parts))
        ends[lane] += runs
    return lanes


def _runs(window: Window) -> Iterator[Window]:
    """`window` cut where it goes around the end of the video."""
    cuts = [0, *(i for i, (before, after) in enumerate(pairwise(window), start=1) if after < before), len(window)]
    return (window[start:end] for start, end in pairwise(cuts))


def _bar(
    canvas: Canvas, number: int, window: Window, weights: Sequence[float], inside: bool, rows: tuple[int, int],
    scale: float,
) -> None:  # fmt: skip
    colour = PALE if inside else BARS[(number - 1) % len(BARS)]
    top, bottom = rows
    for frame, weight in zip(window, weights, strict=True):
        left = LEFT + frame * scale
        canvas.rectangle((left, top, left + scale, bottom), fill=tint(colour, 0.25 + 0.75 * weight))
    for run in _runs(window):
        left = LEFT + run[0] * scale
        right = LEFT + (run[-1] + 1) * scale
        canvas.rectangle((left, top, right, bottom), outline=colour)
        if right - left > 24 and bottom - top > 11:
            canvas.text(((left + right) / 2, (top + bottom) / 2), str(number), INK, 11, "mm", halo=PAPER)


def _legend(stretches: Sequence[Stretch]) -> str:
    legend = "Brighter: the window has more weight. Numbers: the order of computation."
    return legend + (" Grey: windows inside the motion modules." if any(s.motion for s in stretches) else "")


def _frames(canvas: Canvas, frames: int, scale: float, top: int, height: int) -> None:
    """Numbers of frames that end at `top`, and a line below each."""
    every = max(1, round(round_step(frames, frames * scale / 36)))
    for frame in range(0, frames, every):
        x = LEFT + (frame + 0.5) * scale
        canvas.line([(x, top - 4), (x, height)], RULE)
        canvas.text((x, top - 6), str(frame), PALE, anchor="ms")
    canvas.text((LEFT - 10, top - 6), "frame", INK, anchor="rs")


def _summary(stretches: Sequence[Stretch], frames: int) -> str:
    steps = sum(s.last - s.first + 1 for s in stretches)
    work = sum((s.last - s.first + 1) * sum(map(len, s.windows)) for s in stretches) / (steps * frames)
    counts = [len(s.windows) for s in stretches]
    lengths = [len(window) for s in stretches for window in s.windows]
    work_of = f"{work:.2f} times the work of a run without windows"
    windows = f"{_range(counts)} windows of {_range(lengths)} frames per step, {work_of}"
    return f"{frames} frames, {steps} steps: {windows if max(counts) > 1 else 'all frames at once'}"


def _range(numbers: Sequence[int]) -> str:
    return str(min(numbers)) if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"


def _steps(stretch: Stretch) -> str:
    return f"step {stretch.first}" if stretch.first == stretch.last else f"steps {stretch.first}-{stretch.last}"
