"""A picture of measurements: a table of their numbers, and below it each metric's curves over the frames."""

import math
from collections.abc import Mapping, Sequence

from PIL import Image

from ..drawing.axes import Axes, evenly, ticks_around
from ..drawing.canvas import COLOURS, INK, PALE, RULE, Box, Canvas, Point, shortened
from .metrics import METRICS, Measurement, Metric

_MARGIN = 24  # pixels
ROW_HEIGHT = 26
PANEL = 220
ONE_COLUMN = 440  # pixels up to which there is one panel in a row
_LABEL = 0.24
"""The share of the table's width that the labels take."""
_HEADING = 80
"""Pixels that the longest heading takes; in narrower columns, headings stand on two lines by turns."""


def plot(results: Mapping[str, Measurement], width: int = 1024) -> Image.Image:
    """A picture, `width` pixels wide, that compares `results` by their labels; only what was measured is shown."""
    shown = [m for m in METRICS if any(result.shows(m.name) for result in results.values())]
    columns = 1 if width <= ONE_COLUMN else 2
    rows = math.ceil(len(shown) / columns)
    table = ROW_HEIGHT * (len(results) + 1)
    canvas = Canvas(width, _MARGIN * 2 + table + rows * PANEL)
    _table(canvas, (_MARGIN, _MARGIN, width - _MARGIN, _MARGIN + table), shown, results)
    panel = (width - 2 * _MARGIN) / columns
    for i, metric in enumerate(shown):
        x = _MARGIN + panel * (i % columns)
        y = _MARGIN * 1.5 + table + PANEL * (i // columns)
        _panel(canvas, (x, y, x + panel, y + PANEL), metric, list(results.values()))
    return canvas.finish()


def _table(canvas: Canvas, box: Box, shown: Sequence[Metric], results: Mapping[str, Measurement]) -> None:
    left, top, right, _ = box
    start = left + (right - left) * _LABEL
    column = (right - start) / len(shown)
    for i, metric in enumerate(shown):
        end = start + column * (i + 1) - (10 if metric.better else 0)
        y = top + ROW_HEIGHT / 2 + (0 if column >= _HEADING else (-7, 7)[i % 2])
        canvas.text((end, y), metric.title, PALE, 11, "rm")
        if metric.better:
            _arrow(canvas, (end + 6, y), up=metric.better == "higher")
    for row, (label, result) in enumerate(results.items(), start=1):
        y = top + ROW_HEIGHT * (row + 0.5)
        canvas.line([(left, y - ROW_HEIGHT / 2), (right, y - ROW_HEIGHT / 2)], RULE)
        canvas.dot((left + 7, y), _colour(row - 1), 5)
        canvas.text((left + 20, y), shortened(label, start - left - 20, 13), INK, 13)
        for i, metric in enumerate(shown):
            text = f"{result.value(metric.name):.2f}" if result.shows(metric.name) else "-"
            canvas.text((start + column * (i + 1), y), text, INK, 13, "rm")


def _arrow(canvas: Canvas, centre: Point, up: bool) -> None:
    """Whether higher or lower values are better."""
    x, y = centre
    tip = y - 5 if up else y + 5
    back = tip + 4 if up else tip - 4
    canvas.line([(x, y - 5), (x, y + 5)], INK, 1.5)
    canvas.line([(x - 3, back), (x, tip), (x + 3, back)], INK, 1.5)


def _panel(canvas: Canvas, box: Box, metric: Metric, results: Sequence[Measurement]) -> None:
    """One metric's axes and curves. A point between two frames is drawn between their places."""
    better = f", {metric.better} is better" if metric.better else ""
    canvas.text((box[0], box[1] + 10), metric.title, INK, 14)
    canvas.text((box[0], box[1] + 28), metric.unit + better, PALE, 11)
    curves = {i: result.curves[metric.name] for i, result in enumerate(results) if result.shows(metric.name)}
    values = [value for curve in curves.values() for value in curve]
    ticks = ticks_around(values if metric.better == "higher" else [0.0, *values])  # only similarities need no zero
    last = max(results[i].frames for i in curves) - 1 + (metric.name == "seam")
    axes = Axes(canvas, (box[0] + 48, box[1] + 44, box[2] - 16, box[3] - 28), last, ticks)
    axes.rule(evenly(last, 3))
    canvas.text((box[0] + 40, box[3] - 16), "frame", PALE, 11, "rm")
    for i, curve in curves.items():
        points = [(frame + 0.5 * metric.between, value) for frame, value in enumerate(curve)]
        axes.curve(points, _colour(i))
        for point in points:
            canvas.dot(axes.at(*point), _colour(i), 2.5)


def _colour(result: int) -> str:
    return COLOURS[result % len(COLOURS)]
