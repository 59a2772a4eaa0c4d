"""What is drawn has the asked colour at the asked place, at any size of the picture."""

import numpy as np
import pytest
from PIL import Image, ImageColor, ImageFont

from kinema.drawing.canvas import COLOURS, INK, PALE, PAPER, Canvas, shortened, tint


def drawn(picture, colour):
    """Where `colour` is in the picture, as the rows and columns of its box: (top, bottom, left, right)."""
    ys, xs = np.nonzero((np.array(picture) == ImageColor.getrgb(colour)).all(axis=-1))
    return ys.min(), ys.max(), xs.min(), xs.max()


@pytest.mark.parametrize("size", [(60, 40), (2600, 1600)])  # with and without smoothing
def test_places_and_sizes_are_those_of_the_finished_picture(size):
    canvas = Canvas(*size)
    canvas.rectangle((10, 5, 20, 15), fill=COLOURS[0])
    canvas.line([(30, 25), (50, 25)], COLOURS[1], 4)
    canvas.paste(Image.new("RGB", (6, 4), COLOURS[2]), (2, 30))
    canvas.dot((40, 10), COLOURS[3], 4)
    picture = canvas.finish()
    assert picture.size == size
    assert drawn(picture, COLOURS[0]) == (5, 14, 10, 19)
    assert drawn(picture, COLOURS[2]) == (30, 33, 2, 7)
    for colour, middle in ((COLOURS[1], (25, 40)), (COLOURS[3], (10, 40))):
        top, bottom, left, right = drawn(picture, colour)
        assert abs((top + bottom) / 2 - middle[0]) <= 1 and abs((left + right) / 2 - middle[1]) <= 1


def test_a_tint_lies_between_the_paper_and_the_colour():
    assert tint("#204060", 0.0) == PAPER.lower()
    assert tint("#204060", 1.0) == "#204060"
    assert tint("#D5D2CD", 0.5) == "#808080"


def test_all_that_is_drawn_stands_out_from_the_paper():
    """Contrast as WCAG 2.2 defines it (1.4.3 and 1.4.11): at least 4.5 for text, 3 for lines."""
    assert min(contrast(colour, PAPER) for colour in (INK, PALE)) >= 4.5
    assert min(contrast(colour, PAPER) for colour in COLOURS) >= 3


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of sRGB."""
    linear = [((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10 else c / 255 / 12.92 for c in ImageColor.getrgb(colour)]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def test_long_texts_end_in_dots():
    font = ImageFont.load_default(13)
    assert shortened("short", 200, 13) == "short"
    cut = shortened("a very long label " * 5, 100, 13)
    assert cut.endswith("…") and font.getlength(cut) <= 100 < font.getlength(cut + "long")
