"""A picture of measurements: a table of their numbers, and below it each metric's curves over the frames.

Drawn with Pillow, because the host brings no plotting library.
"""

import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from .metrics import METRICS, Measurement, Metric

SERIES_COLOURS = [
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7F7F7F",
    "#8C564B",
    "#B8A800",
    "#000000",
]
"""Of Okabe and Ito's palette, which people with any colour vision can tell apart, and four more."""

_PAPER = "white"
_INK = "#202020"
_PALE = "#707070"
_LINES = "#DDDDDD"
_OVERSAMPLING = 2
_MARGIN = 24
ROW_HEIGHT = 26
PANEL = 220
_COLUMNS = 2
_LABEL = 0.24
"""The share of the table's width that the labels take."""

Box = tuple[float, float, float, float]


class Canvas:
    """Pillow's drawing in final pixels, on a picture that is larger and reduced at the end."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width * _OVERSAMPLING, height * _OVERSAMPLING), _PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float = 1) -> None:
        scaled = [(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in points]
        self._draw.line(scaled, fill=colour, width=round(width * _OVERSAMPLING), joint="curve")

    def dot(self, x: float, y: float, colour: str, radius: float) -> None:
        self._draw.circle((x * _OVERSAMPLING, y * _OVERSAMPLING), radius * _OVERSAMPLING, fill=colour)

    def text(self, x: float, y: float, text: str, colour: str, size: int = 13, anchor: str = "lm") -> None:
        font = ImageFont.load_default(size * _OVERSAMPLING)
        self._draw.text((x * _OVERSAMPLING, y * _OVERSAMPLING), text, fill=colour, font=font, anchor=anchor)

    def finish(self) -> Image.Image:
        return self._image.reduce(_OVERSAMPLING)


def plot(results: Mapping[str, Measurement], width: int = 1024) -> Image.Image:
    """A picture, `width` pixels wide, that compares `results` by their labels; only what was measured is shown."""
    shown = [m for m in METRICS if any(m.name in result.curves for result in results.values())]
    rows = math.ceil(len(shown) / _COLUMNS)
    table = ROW_HEIGHT * (len(results) + 1)
    canvas = Canvas(width, _MARGIN * 2 + table + rows * PANEL)
    _table(canvas, (_MARGIN, _MARGIN, width - _MARGIN, _MARGIN + table), shown, results)
    panel = (width - 2 * _MARGIN) / _COLUMNS
    for i, metric in enumerate(shown):
        x, y = _MARGIN + panel * (i % _COLUMNS), _MARGIN * 1.5 + table + PANEL * (i // _COLUMNS)
        _panel(canvas, (x, y, x + panel, y + PANEL), metric, list(results.values()))
    return canvas.finish()


def _table(canvas: Canvas, box: Box, shown: Sequence[Metric], results: Mapping[str, Measurement]) -> None:
    left, top, right, _ = box
    start = left + (right - left) * _LABEL
    column = (right - start) / len(shown)
    for i, metric in enumerate(shown):
        canvas.text(start + column * (i + 1), top + ROW_HEIGHT / 2, metric.title, _PALE, 11, "rm")
    for row, (label, result) in enumerate(results.items(), start=1):
        y = top + ROW_HEIGHT * (row + 0.5)
        canvas.line([(left, y - ROW_HEIGHT / 2), (right, y - ROW_HEIGHT / 2)], _LINES)
        canvas.dot(left + 7, y, _colour(row - 1), 5)
        canvas.text(left + 20, y, _fit(label, start - left - 20, 13), _INK)
        for i, metric in enumerate(shown):
            value = result.value(metric.name)
            text = "-" if math.isnan(value) else f"{value:.2f}"
            canvas.text(start + column * (i + 1), y, text, _INK, anchor="rm")


def _panel(canvas: Canvas, box: Box, metric: Metric, results: Sequence[Measurement]) -> None:
    """One metric's axes and curves. A point between two frames is drawn between their places."""
    left, top, right, bottom = box[0] + 48, box[1] + 44, box[2] - 16, box[3] - 28
    better = f", {metric.better} is better" if metric.better else ""
    canvas.text(box[0], box[1] + 10, metric.title, _INK, 14)
    canvas.text(box[0], box[1] + 28, metric.unit + better, _PALE, 11)
    curves = {i: r.curves[metric.name] for i, r in enumerate(results) if metric.name in r.curves}
    points = [point for curve in curves.values() for point in curve]
    ticks = _ticks(points if metric.better == "higher" else [0.0, *points])  # only similarities have no meaningful zero
    last = max(results[i].frames for i in curves) - 1 + (metric.name == "seam")

    def at(frame: float, value: float) -> tuple[float, float]:
        part = (value - ticks[0]) / (ticks[-1] - ticks[0])
        return left + (right - left) * frame / last, bottom - (bottom - top) * part

    for tick in ticks:
        y = at(0, tick)[1]
        canvas.line([(left, y), (right, y)], _LINES)
        canvas.text(left - 8, y, f"{tick:g}", _PALE, 11, "rm")
    for frame in sorted({0, last // 2, last}):
        canvas.text(at(frame, 0)[0], bottom + 12, str(frame), _PALE, 11, "mm")
    for i, curve in curves.items():
        places = [at(frame + 0.5 * metric.between, value) for frame, value in enumerate(curve)]
        canvas.line(places, _colour(i), 2)
        for x, y in places:
            canvas.dot(x, y, _colour(i), 2.5)


def _ticks(values: Sequence[float]) -> list[float]:
    """Three to six round numbers that enclose `values`."""
    low, high = min(values), max(values)
    spread = max(high - low, 1e-3 * abs(high), 1e-3)
    power = 10 ** math.floor(math.log10(spread / 2))
    step = next(power * factor for factor in (1, 2, 5, 10) if spread / (power * factor) <= 4)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]


def _fit(text: str, width: float, size: int) -> str:
    """`text`, shortened with dots until it is no wider than `width`."""
    font = ImageFont.load_default(size)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _colour(result: int) -> str:
    return SERIES_COLOURS[result % len(SERIES_COLOURS)]
