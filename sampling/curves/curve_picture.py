"""A picture of a curve: lines over the frames or the steps, and small pictures where it varies over the picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from .curve_samples import Sampled

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#8C564B")
_INK = "#202020"
_PALE = "#D8D8D8"
_PAPER = "white"
_LEFT = 70  # pixels around the plot
_RIGHT = 24
_TOP = 46
_BOTTOM = 40
_ROW = 20  # of the legend
_THUMBNAIL = 96
_GAP = 10
_MOST = 8
_SHOWN = 5


@dataclass(frozen=True)
class Line:
    label: str
    values: list[float]


def draw_curve(sampled: Sequence[Sampled], width: int, height: int) -> Image.Image:
    """The picture, `width` pixels wide and `height` high, and higher where it has small pictures."""
    lines, axis = lines_of(sampled)
    pictures = sampled[0].pictures
    more = 0 if pictures is None else _THUMBNAIL + 3 * _GAP
    picture = Image.new("RGB", (width, height + more), _PAPER)
    draw = ImageDraw.Draw(picture)
    legend = [line for line in lines if line.label]
    box = (_LEFT, _TOP, width - _RIGHT, height - _BOTTOM - _ROW * len(legend))
    draw.text((_LEFT, 14), _title(lines, axis, pictures is not None), _INK, _font(15))
    _axes(draw, box, lines, axis)
    for number, line in enumerate(lines):
        _line(draw, box, line, _range(lines), _COLOURS[number % len(_COLOURS)])
    for row, line in enumerate(legend):
        y = height - _ROW * (len(legend) - row) + _ROW / 2 - 4
        draw.rectangle((_LEFT, y - 4, _LEFT + 18, y + 2), fill=_COLOURS[row % len(_COLOURS)])
        draw.text((_LEFT + 26, y), line.label, _INK, _font(12), anchor="lm")
    if pictures is not None:
        _thumbnails(picture, draw, pictures, height)
    return picture


def lines_of(sampled: Sequence[Sampled]) -> tuple[list[Line], str]:
    """The lines to draw and what is on their axis: frames, or steps where nothing varies over the frames."""
    over_frames = any((s.values != s.values[:, :1]).any() for s in sampled)
    over_steps = any((s.values != s.values[:1]).any() for s in sampled)
    if not over_frames and over_steps:
        return [Line(s.blocks, s.values[:, 0].tolist()) for s in sampled][: len(_COLOURS)], "step"
    lines = []
    for s in sampled:
        last = len(s.values) - 1
        for step in sorted({round(last * i / (_SHOWN - 1)) for i in range(_SHOWN)}) if over_steps else [0]:
            words = [s.blocks, f"step {step}" if over_steps else ""]
            lines.append(Line(", ".join(filter(None, words)), s.values[step].tolist()))
    return lines[: len(_COLOURS)], "frame"


def _title(lines: Sequence[Line], axis: str, over_picture: bool) -> str:
    low, high = (bound(value for line in lines for value in line.values) for bound in (min, max))
    least = 1e-6 * max(abs(low), abs(high))  # below it is what rounding leaves of a zero
    low, high = (0.0 if abs(value) < least else value for value in (low, high))
    values = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{values} over {len(lines[0].values)} {axis}s" + (" (mean over the picture)" if over_picture else "")


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    """The values at the bottom and the top of the plot; 0 is always between them."""
    values = [0.0, *(value for line in lines for value in line.values)]
    low, high = min(values), max(values)
    spare = 0.05 * (high - low) or 1.0
    return low - (spare if low < 0 else 0.0), high + spare


def _axes(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], lines: Sequence[Line], axis: str) -> None:
    low, high = _range(lines)
    power = 10 ** math.floor(math.log10((high - low) / 4))
    every = next(power * factor for factor in (1, 2, 5, 10) if (high - low) / (power * factor) <= 5)
    for tick in range(math.ceil(low / every), math.floor(high / every) + 1):
        y = box[3] - (box[3] - box[1]) * (tick * every - low) / (high - low)
        draw.line((box[0], y, box[2], y), _PALE)
        draw.text((box[0] - 8, y), f"{tick * every:g}", _INK, _font(12), anchor="rm")
    count = len(lines[0].values)
    for place in sorted({round((count - 1) * i / 4) for i in range(5)}):
        x = box[0] + (box[2] - box[0]) * place / max(count - 1, 1)
        draw.text((x, box[3] + 6), str(place), _INK, _font(12), anchor="mt")
    draw.text((box[0] - 8, box[3] + 6), axis, _INK, _font(12), anchor="rt")


def _line(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], line: Line, bounds: tuple[float, float], colour: str
) -> None:
    low, high = bounds
    values = line.values if len(line.values) > 1 else line.values * 2
    points = [
        (box[0] + (box[2] - box[0]) * i / (len(values) - 1), box[3] - (box[3] - box[1]) * (value - low) / (high - low))
        for i, value in enumerate(values)
    ]
    draw.line(points, fill=colour, width=3, joint="curve")


def _thumbnails(picture: Image.Image, draw: ImageDraw.ImageDraw, pictures: torch.Tensor, top: int) -> None:
    """Some of the `pictures` (frames, h, w) in a row, from the lowest value in black to the highest in white."""
    fit = max(2, (picture.width - _LEFT - _RIGHT) // (_THUMBNAIL + _GAP))
    count = len(pictures) if (pictures != pictures[:1]).any() else 1
    shown = sorted({round((count - 1) * i / (min(fit, _MOST) - 1)) for i in range(min(fit, _MOST))})
    low, high = float(pictures.min()), float(pictures.max())
    for column, frame in enumerate(shown):
        grey = (pictures[frame] - low) / max(high - low, 1e-9) * 255
        image = Image.fromarray(np.asarray(grey, dtype=np.uint8)).resize((_THUMBNAIL, _THUMBNAIL)).convert("RGB")
        x = _LEFT + column * (_THUMBNAIL + _GAP)
        picture.paste(image, (x, top + _GAP))
        draw.rectangle((x, top + _GAP, x + _THUMBNAIL - 1, top + _GAP + _THUMBNAIL - 1), outline=_PALE)
        draw.text((x, top + _THUMBNAIL + _GAP + 4), f"frame {frame}" if count > 1 else "all frames", _INK, _font(11))
    draw.text((_LEFT - 8, top + _GAP), f"{high:g}", _INK, _font(11), anchor="ra")
    draw.text((_LEFT - 8, top + _THUMBNAIL + _GAP), f"{low:g}", _INK, _font(11), anchor="rd")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
