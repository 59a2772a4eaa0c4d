"""A plot of the loss of a run."""

import math
from collections.abc import Iterator, Sequence

from PIL import Image

from ..drawing.axes import Axes, evenly, ticks_around
from ..drawing.canvas import COLOURS, INK, PALE, Canvas, tint
from .record import Record

_LEFT, _RIGHT = 64, 20  # pixels at the sides of both plots
_UPPER, _LOWER = (28, 0.46), (0.59, 30)  # top and bottom of each: pixels from the edge, or a share of the height
_MOST_DOTS = 2000
_FIRST_MEANS = 10  # losses before the average of few of them means something
_WORST = 3.0  # relative losses above it are drawn there, so that they do not flatten the rest


def loss_plot(record: Record, width: int = 768, height: int = 384) -> Image.Image:
    """Above, the loss on fixed clips relative to the untrained model; below, the loss of each step as dots and their moving
    average as a line. Both over all steps of the run."""
    canvas = Canvas(width, height)
    steps = max(record.steps, record.step, 2)
    right = width - _RIGHT
    _draw_measurements(canvas, (_LEFT, _UPPER[0], right, height * _UPPER[1]), steps, record)
    _draw_losses(canvas, (_LEFT, height * _LOWER[0], right, height - _LOWER[1]), steps, record)
    return canvas.finish()


def _draw_measurements(canvas: Canvas, box: tuple[float, float, float, float], steps: int, record: Record) -> None:
    known = [(0, 1.0), *((step, value) for step, value in record.measurements if math.isfinite(value))]
    points = [(step, min(value, _WORST)) for step, value in known]
    axes = Axes(canvas, box, steps, ticks_around([*(value for _, value in points), 0.9, 1.05]))
    axes.rule([])
    canvas.line([axes.at(0, 1.0), axes.at(steps, 1.0)], PALE)
    axes.curve(points, COLOURS[2])
    for point in points:
        canvas.dot(axes.at(*point), COLOURS[2], 3)
    step, latest = known[-1]
    said = f", {latest:.3f} at step {step}" if step else ""
    canvas.text((_LEFT, box[1] - 16), f"loss on fixed clips, relative to the untrained model (1.0){said}", INK)


def _draw_losses(canvas: Canvas, box: tuple[float, float, float, float], steps: int, record: Record) -> None:
    losses = record.losses
    means = moving_average(losses)
    highest = max(sorted(losses)[int(0.99 * (len(losses) - 1))], 1e-6)  # outliers would flatten the rest
    ticks = ticks_around([0.0, highest])
    axes = Axes(canvas, box, steps, ticks)
    axes.rule(evenly(steps, 5))
    for step in range(0, len(losses), max(1, len(losses) // _MOST_DOTS)):
        canvas.dot(axes.at(step + 1, min(losses[step], ticks[-1])), tint(COLOURS[0], 0.6), 1.5)
    drawn = [(step + 1, min(mean, ticks[-1])) for step, mean in enumerate(means) if step + 1 >= _FIRST_MEANS]
    axes.curve(drawn, COLOURS[0])
    said = f"loss of each step, step {len(losses)} of {record.steps}; moving average {means[-1]:.4f}"
    canvas.text((_LEFT, box[1] - 16), said, INK)


def moving_average(losses: Sequence[float]) -> list[float]:
    """The exponential moving average of each loss and those before it, over about 5 % of them or at least twenty. It does not
    lean to where it starts (Kingma & Ba 2014, section 3)."""
    decay = 1 - 1 / max(20, len(losses) // 20)
    return list(_averages(losses, decay))


def _averages(losses: Sequence[float], decay: float) -> Iterator[float]:
    total = weight = 0.0
    for loss in losses:
        total = decay * total + (1 - decay) * loss
        weight = decay * weight + (1 - decay)
        yield total / weight
