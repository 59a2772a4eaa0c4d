"""Frames of animations side by side, and rows of them: what still pictures of animations are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

TEXT = 24  # pixels of letters: 10 where a picture of 656 pixels is 282 wide, as in the help panel
GAP = 4  # pixels between two frames and two rows


def width(shown: int, side: int) -> int:
    """Pixels of a strip of `shown` frames."""
    return shown * (side + GAP) - GAP


def strip(frames: Sequence[Image.Image], shown: int, side: int) -> Image.Image:
    """`shown` of the frames, evenly spread, each fitted to `side` x `side` pixels."""
    picture = Image.new("RGB", (width(shown, side), side), "white")
    for place, number in enumerate(np.linspace(0, len(frames) - 1, shown).round().astype(int)):
        picture.paste(frames[number].resize((side, side)), (place * (side + GAP), 0))
    return picture


def stacked(rows: Sequence[Image.Image]) -> Image.Image:
    """Rows from top to bottom."""
    height = sum(row.height + GAP for row in rows) - GAP
    picture = Image.new("RGB", (max(row.width for row in rows), height), "white")
    top = 0
    for row in rows:
        picture.paste(row, (0, top))
        top += row.height + GAP
    return picture


def labelled(picture: Image.Image, text: str) -> Image.Image:
    """`picture` with a line of text below it."""
    longer = Image.new("RGB", (picture.width, picture.height + TEXT * 4 // 3), "white")
    longer.paste(picture, (0, 0))
    place = (picture.width - GAP, longer.height - TEXT // 4)
    ImageDraw.Draw(longer).text(place, text, "#707070", ImageFont.load_default(TEXT), anchor="rs")
    return longer
