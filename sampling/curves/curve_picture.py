"""A picture of a curve: lines over the frames or the steps, and small pictures where it varies over the picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from ...drawing.axes import Axes, evenly, ticks_around
from ...drawing.canvas import COLOURS, INK, PALE, RULE, Canvas
from .curve_samples import Sampled

_LEFT, _RIGHT, _TOP, _BOTTOM, _ROW = 70, 24, 46, 40, 20  # pixels around the plot, and of a row of the legend
_THUMBNAIL, _GAP = 96, 10  # pixels of a small picture, and between them
_MOST_THUMBNAILS = 8
_MOST_LINES = 8
_MOST_STEPS = 5  # that are drawn of a curve which varies over both frames and steps


@dataclass(frozen=True)
class Line:
    """A line of the picture."""

    label: str  # its text in the legend; empty: it has no row there
    values: list[float]  # one for each frame or step


def draw_curve(sampled: Sequence[Sampled], width: int, height: int) -> Image.Image:
    """The picture, `width` pixels wide and `height` high, and higher where it has small pictures."""
    lines, axis = lines_of(sampled)
    pictures = sampled[0].pictures
    canvas = Canvas(width, height + (0 if pictures is None else _THUMBNAIL + 3 * _GAP))
    legend = [line for line in lines if line.label]
    bottom = height - _BOTTOM - _ROW * len(legend)
    canvas.text((_LEFT, _TOP - 24), _title(lines, axis, pictures is not None), INK, 15)
    last = len(lines[0].values) - 1
    ticks = ticks_around([0.0, *(value for line in lines for value in line.values)])
    axes = Axes(canvas, (_LEFT, _TOP, width - _RIGHT, bottom), max(last, 1), ticks)
    axes.rule(evenly(last, 5))
    canvas.text((_LEFT - 12, bottom + 12), axis, PALE, anchor="rm")
    for number, line in enumerate(lines):
        values = line.values if last else line.values * 2
        axes.curve(list(enumerate(values)), COLOURS[number], 3)
    for row, line in enumerate(legend):
        y = height - _ROW * (len(legend) - row) + _ROW / 2 - 4
        canvas.rectangle((_LEFT, y - 3, _LEFT + 18, y + 3), fill=COLOURS[row])
        canvas.text((_LEFT + 26, y), line.label)
    if pictures is not None:
        _thumbnails(canvas, pictures, width, height)
    return canvas.finish()


def lines_of(sampled: Sequence[Sampled]) -> tuple[list[Line], str]:
    """The lines to draw and what is on their axis: frames, or steps where nothing varies over the frames."""
    over_frames = any((s.values != s.values[:, :1]).any() for s in sampled)
    over_steps = any((s.values != s.values[:1]).any() for s in sampled)
    if not over_frames and over_steps:
        return [Line(s.blocks, s.values[:, 0].tolist()) for s in sampled][:_MOST_LINES], "step"
    lines = []
    for s in sampled:
        for step in evenly(len(s.values) - 1, _MOST_STEPS) if over_steps else [0]:
            words = [s.blocks, f"step {step}" if over_steps else ""]
            lines.append(Line(", ".join(filter(None, words)), s.values[step].tolist()))
    return lines[:_MOST_LINES], "frame"


def _title(lines: Sequence[Line], axis: str, over_picture: bool) -> str:
    shown = [value for line in lines for value in line.values]
    least = 1e-6 * max(abs(value) for value in shown)  # below it is what rounding leaves of a zero
    shown = [0.0 if abs(value) < least else value for value in shown]
    low = min(shown)
    high = max(shown)
    values = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{values} over {len(lines[0].values)} {axis}s" + (" (mean over the picture)" if over_picture else "")


def _thumbnails(canvas: Canvas, pictures: torch.Tensor, width: int, top: int) -> None:
    """Some of the `pictures` (frames, h, w) in a row, from the lowest value in black to the highest in white."""
    fit = max(2, (width - _LEFT - _RIGHT) // (_THUMBNAIL + _GAP))
    count = len(pictures) if (pictures != pictures[:1]).any() else 1
    low = float(pictures.min())
    high = float(pictures.max())
    above = top + _GAP
    below = above + _THUMBNAIL
    for column, frame in enumerate(evenly(count - 1, min(fit, _MOST_THUMBNAILS))):
        grey = (pictures[frame] - low) / max(high - low, 1e-9) * 255
        image = Image.fromarray(np.asarray(grey, dtype=np.uint8)).resize((_THUMBNAIL, _THUMBNAIL)).convert("RGB")
        x = _LEFT + column * (_THUMBNAIL + _GAP)
        canvas.paste(image, (x, above))
        canvas.rectangle((x, above, x + _THUMBNAIL, below), outline=RULE)
        canvas.text((x, below + 10), f"frame {frame}" if count > 1 else "all frames", PALE, 11)
    canvas.text((_LEFT - 8, above), f"{high:g}", PALE, 11, "ra")
    canvas.text((_LEFT - 8, below), f"{low:g}", PALE, 11, "rd")
