"""A picture of the windows of a run: frames from left to right, steps from top to bottom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

from ..windows.cut import Window
from .window_plan import Stretch

COLOURS = ((31, 119, 180), (214, 106, 0), (44, 140, 60), (190, 50, 60), (125, 85, 170), (130, 95, 60))
INSIDE = (120, 120, 120)
INK, PALE, PAPER = (30, 30, 30), (215, 215, 215), (255, 255, 255)
LEFT, RIGHT, HEAD, GAP = 110, 24, 74, 8  # pixels around the plot, and between its stretches
MOST_HEIGHT = 6000


@dataclass(frozen=True)
class Lane:
    """A row of windows that do not touch: (number in the order of computation, window, weights)."""

    entries: list[tuple[int, Window, Sequence[float]]]
    inside: bool


def draw_plan(stretches: Sequence[Stretch], frames: int, width: int) -> Image.Image:
    """The picture, `width` pixels wide. Windows that do not touch share a row; the darker, the more a window decides."""
    lanes = [
        [*_lanes(s.windows, s.weights), *_lanes(s.motion, [[0.4] * len(w) for w in s.motion], True)] for s in stretches
    ]
    count = sum(map(len, lanes))
    row = max(5, min(18, (MOST_HEIGHT - HEAD - GAP * len(lanes)) // count))
    picture = Image.new("RGB", (width, HEAD + row * count + GAP * (len(lanes) + 1)), PAPER)
    draw = ImageDraw.Draw(picture)
    scale = (width - LEFT - RIGHT) / frames
    _head(draw, stretches, frames, scale, picture.height)
    y = HEAD + GAP // 2
    for stretch, rows in zip(stretches, lanes, strict=True):
        draw.text((LEFT - 10, y + row * len(rows) / 2), _steps(stretch), INK, _font(13), anchor="rm")
        for lane in rows:
            for number, window, weights in lane.entries:
                _bar(draw, number, window, weights, lane.inside, (y, y + row - 2), scale)
            y += row
        y += GAP
    return picture


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
    draw: ImageDraw.ImageDraw, number: int, window: Window, weights: Sequence[float], inside: bool,
    rows: tuple[int, int], scale: float,
) -> None:  # fmt: skip
    colour = INSIDE if inside else COLOURS[(number - 1) % len(COLOURS)]
    for frame, weight in zip(window, weights, strict=True):
        share = 0.25 + 0.75 * weight
        shade = tuple(round(p + (c - p) * share) for p, c in zip(PAPER, colour, strict=True))
        box = (LEFT + frame * scale, rows[0], max(LEFT + frame * scale, LEFT + (frame + 1) * scale - 1), rows[1])
        draw.rectangle(box, fill=shade)
    for run in _runs(window):
        left, right = LEFT + run[0] * scale, LEFT + (run[-1] + 1) * scale - 1
        draw.rectangle((left, rows[0], right, rows[1]), outline=colour)
        if right - left > 24 and rows[1] - rows[0] > 11:
            draw.text(
                ((left + right) / 2, sum(rows) / 2),
                str(number),
                PAPER,
                _font(11),
                "mm",
                stroke_width=1,
                stroke_fill=colour,
            )


def _head(draw: ImageDraw.ImageDraw, stretches: Sequence[Stretch], frames: int, scale: float, height: int) -> None:
    draw.text((LEFT, 10), _summary(stretches, frames), INK, _font(15))
    legend = "Darker: more weight. Numbers: the order of computation."
    inside = " Grey: windows inside the motion modules." if any(s.motion for s in stretches) else ""
    draw.text((LEFT, 32), legend + inside, INSIDE, _font(12))
    every = next(step * 10**k for k in range(7) for step in (1, 2, 5) if step * 10**k * scale >= 36)
    for frame in range(0, frames, every):
        x = LEFT + (frame + 0.5) * scale
        draw.line((x, HEAD - 4, x, height), PALE)
        draw.text((x, HEAD - 6), str(frame), INK, _font(12), anchor="ms")
    draw.text((LEFT - 10, HEAD - 6), "frame", INK, _font(12), anchor="rs")


def _summary(stretches: Sequence[Stretch], frames: int) -> str:
    steps = sum(s.last - s.first + 1 for s in stretches)
    work = sum((s.last - s.first + 1) * sum(map(len, s.windows)) for s in stretches) / (steps * frames)
    counts = [len(s.windows) for s in stretches]
    lengths = [len(window) for s in stretches for window in s.windows]
    windows = f"{_range(counts)} windows of {_range(lengths)} frames per step, {work:.2f} times the work"
    return f"{frames} frames, {steps} steps: {windows if max(counts) > 1 else 'all frames at once'}"


def _range(numbers: Sequence[int]) -> str:
    return str(min(numbers)) if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"


def _steps(stretch: Stretch) -> str:
    return f"step {stretch.first}" if stretch.first == stretch.last else f"steps {stretch.first}-{stretch.last}"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
