"""A picture to draw on with Pillow, because the host brings no plotting library."""

from collections.abc import Sequence

from PIL import Image, ImageColor, ImageDraw, ImageFont

COLOURS = (
    "#4FA3E0", "#F0793A", "#2FBF8F", "#E08DBE", "#F2B632", "#9AD4FF", "#A6A6A6", "#C8977A", "#D6D04A", "#FFFFFF",
)  # fmt: skip
"""The hues of Okabe and Ito's palette, which people with any colour vision can tell apart, and four more, all of them
bright enough for the dark paper: their contrast to it is 4.9 or more."""

PAPER = "#2B2E33"  # dark: a plot on a node neither dazzles in the dark theme nor is hard to read in the light one
INK = "#ECECEC"  # of text that matters
PALE = "#B4B8BF"  # of text that explains
RULE = "#4A4E55"  # of lines behind what is drawn

LARGEST = 4_000_000
"""Pixels up to which a picture is drawn at twice its size; larger ones would take too much memory."""

Point = tuple[float, float]  # x, y
Box = tuple[float, float, float, float]  # left, top, right, bottom


class Canvas:
    """Takes places and sizes in pixels of the finished picture, and draws them smoothly."""

    def __init__(self, width: int, height: int) -> None:
        self._scale = 2 if width * height <= LARGEST else 1
        self._image = Image.new("RGB", (width * self._scale, height * self._scale), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def line(self, points: Sequence[Point], colour: str, width: float = 1) -> None:
        self._draw.line([self._at(p) for p in points], colour, round(width * self._scale), joint="curve")

    def dot(self, centre: Point, colour: str, radius: float) -> None:
        self._draw.circle(self._at(centre), radius * self._scale, fill=colour)

    def rectangle(self, box: Box, fill: str | None = None, outline: str | None = None) -> None:
        """`box` ends before its right and bottom pixel; an outline is drawn within it."""
        left, top = self._at(box[:2])
        right, bottom = self._at(box[2:])
        corners = (left, top, max(left, right - 1), max(top, bottom - 1))
        self._draw.rectangle(corners, fill=fill, outline=outline, width=self._scale)

    def text(
        self, place: Point, text: str, colour: str = INK, size: int = 12, anchor: str = "lm", halo: str | None = None
    ) -> None:
        """`anchor` as in Pillow: which part of the text is at `place`. A `halo` is a thin outline in that colour."""
        font = ImageFont.load_default(size * self._scale)
        around = 0 if halo is None else self._scale
        self._draw.text(self._at(place), text, colour, font, anchor=anchor, stroke_width=around, stroke_fill=halo)

    def paste(self, picture: Image.Image, place: Point) -> None:
        """Puts a picture, in pixels of the finished one, with its upper left corner at `place`."""
        size = (picture.width * self._scale, picture.height * self._scale)
        x, y = self._at(place)
        self._image.paste(picture.resize(size), (round(x), round(y)))

    def finish(self) -> Image.Image:
        return self._image.reduce(self._scale)

    def _at(self, place: Point) -> Point:
        return place[0] * self._scale, place[1] * self._scale


def tint(colour: str, share: float) -> str:
    """`colour` mixed with the paper: that at 0, the colour itself at 1."""
    ink = ImageColor.getrgb(colour)
    paper = ImageColor.getrgb(PAPER)
    mixed = [round(p + (i - p) * share) for i, p in zip(ink, paper, strict=True)]
    return "#" + bytes(mixed).hex()


def shortened(text: str, width: float, size: int) -> str:
    """`text`, shortened with dots until it is no wider than `width`."""
    font = ImageFont.load_default(size)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def wrapped(text: str, width: float, size: int) -> list[str]:
    """`text` in lines that are no wider than `width`, if no word is."""
    font = ImageFont.load_default(size)
    first, *others = text.split()
    lines = [first]
    for word in others:
        longer = f"{lines[-1]} {word}"
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
