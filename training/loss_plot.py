"""A plot of the loss of a run."""

from collections.abc import Sequence

from PIL import Image

from ..drawing.axes import Axes, evenly, ticks_around
from ..drawing.canvas import COLOURS, INK, Canvas, tint

_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 36, 20, 36  # pixels around the plot
_MOST_DOTS = 2000


def loss_plot(losses: Sequence[float], steps: int, width: int = 768, height: int = 384) -> Image.Image:
    """The loss of each step done as dots and their running mean as a line, over all `steps` of the run."""
    canvas = Canvas(width, height)
    means = running_mean(losses)
    highest = max(sorted(losses)[int(0.99 * (len(losses) - 1))], 1e-6)  # outliers would flatten the rest
    ticks = ticks_around([0.0, highest])
    axes = Axes(canvas, (_LEFT, _TOP, width - _RIGHT, height - _BOTTOM), max(steps, 2), ticks)
    axes.rule(evenly(steps, 5))
    colour = COLOURS[0]
    for step in range(0, len(losses), max(1, len(losses) // _MOST_DOTS)):
        canvas.dot(axes.at(step + 1, min(losses[step], ticks[-1])), tint(colour, 0.3), 1)
    axes.curve([(step + 1, min(mean, ticks[-1])) for step, mean in enumerate(means)], colour)
    canvas.text((_LEFT, _TOP - 18), f"step {len(losses)} of {steps}: mean loss {means[-1]:.4f}", INK)
    return canvas.finish()


def running_mean(losses: Sequence[float]) -> list[float]:
    """The mean of each loss and those before it, over the last 2 % of them or at least ten."""
    span = max(10, len(losses) // 50)
    means, total = [], 0.0
    for i, loss in enumerate(losses):
        total += loss - (losses[i - span] if i >= span else 0.0)
        means.append(total / min(i + 1, span))
    return means
