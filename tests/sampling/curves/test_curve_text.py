"""The text of curves: every form of it, and errors that name the place."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.sampling.curves.curve_text import read_blocks, read_keys
from kinema.sampling.curves.timeline import TextError


def keys(source):
    return [(key.at, key.is_share, key.value, key.easing) for key in read_keys(source)]


def blocks(source):
    rules = read_blocks(source).rules
    return [(part.side, part.level, part.module, part.attention, curve.value) for part, curve in rules]


def frame(at, value, easing="linear"):
    return at, False, value, easing


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("0:1ease in", [frame(0, 1, "ease in")]),
        ("0: 1.hold, 8: +.5e-3", [frame(0, 1, "hold"), frame(8, 0.0005)]),
        ("0:= 1\n8 : 2", [frame(0, 1), frame(8, 2, "hold")]),
        ("0:: 1, 4: 2, 8: 3", [frame(0, 1), frame(4, 2, "hold"), frame(8, 3)]),
        ("'0:' = 1, 4 = 2", [frame(0, 1), frame(4, 2, "hold")]),
        ('0:" = 1\n4 = 2', [frame(0, 1), frame(4, 2, "hold")]),
        ("\"0: 1, 8': 2", [frame(0, 1), frame(8, 2)]),
        ("0:5 = 3", [frame(0, 3), frame(4, 3, "hold")]),
        ("0 : 5 : = 3 hold, 8: 1", [frame(0, 3, "hold"), frame(4, 3, "hold"), frame(8, 1, "hold")]),
        ("-9:-5 = .1", [frame(-9, 0.1), frame(-6, 0.1, "hold")]),
        ('"30:40" = 3', [frame(30, 3), frame(39, 3, "hold")]),
        ("007: 1, 7: 2", [frame(7, 1), frame(7, 2)]),
        ("12.5 %: 1, .5 = 2", [(0.125, True, 1, "linear"), (0.5, True, 2, "linear")]),
        ("0: 1 {8: 2} ,,\r\n16: 3", [frame(0, 1), frame(8, 2), frame(16, 3)]),
        ("\t-1\t:\t-2\t", [frame(-1, -2)]),
        ("0\t:8\t=\t1", [frame(0, 1), frame(7, 1, "hold")]),
        ("٣: ٤", [frame(3, 4)]),
        ("0: 1e999", [frame(0, math.inf)]),
        ("0:(1.0), 24:( -.3 )ease in", [frame(0, 1), frame(24, -0.3, "ease in")]),
        ("0: 1; 8: 2;", [frame(0, 1), frame(8, 2)]),
    ],
)
def test_generated_curves_that_are_read(source, expected):
    """What differs from text to text in such a set: where numbers and frames end, and which quotes and signs go unused."""
    assert keys(source) == expected


@pytest.mark.parametrize(
    "source",
    ["0: 5: 3", '"4:8": 1', '"0": = 1', "0::: 1", "2.: 2", "1e2: 5", "+1: 2", "-: 1", "0: 1_0", "0: --1", "0: 1 ease  in",
     "0: 1 Hold", '0: "1"', "0: 1 2", "0-5: 1", "1.5.5: 1", "4:8 = x", "-3:9 = 1", "5:5 = 1", "0 = = 1", "0 1", "{}",
     "0: (1", "0: 1)", "0: (t*2)", "0: ()", "0: 1 hold hold", "0: 1, 0\t: 2", "x" * 100_000],
)  # fmt: skip
def test_generated_curves_that_are_refused(source):
    with pytest.raises(TextError, match="^Curve, line 1, column "):
        read_keys(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("0: 1,\n 24 0.3", 'Curve, line 2, column 2: expected a frame and a value, but found "24 0.3".'),
        ("0: 1, 8: 2 bouncy", 'Curve, line 1, column 12: "bouncy" is not an easing. Use one of linear,'),
        ("0: 1, 1.5: 2", "column 7: 1.5 is outside the curve. Use 0.0 to 1.0"),
        ("0: 1, 0: 2", "column 7: 0 already has a value"),
        ("8:4 = 1", "the range 8:4 is empty"),
        (
            "0: 1,5, 8: 2",
            'column 6: expected a frame and a value, but found "5" after a comma. Write decimals with a point',
        ),
        ("0: 1, 0.2:8 = 1", "the range 0.2:8 needs two whole numbers"),
        (" ", "line 1, column 1: there is no value. Write, for example, 0: 1.0, 24: 0.3."),
        ("0: 1, " + "x" * 99, f'column 7: expected a frame and a value, but found "{"x" * 24}...".'),
    ],
)
def test_errors_name_line_and_column(source, message):
    with pytest.raises(TextError, match=re.escape(message)):
        read_keys(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", []),
        ("up1.2attn1:0", [("up", 1, 2, 0, 0)]),
        ("upattn2 = 3", [("up", None, None, 1, 3)]),
        ("up .2: 1", [("up", None, 2, None, 1)]),
        (".2: 1", [(None, None, 2, None, 1)]),
        ("MID attn 1: +1.", [("mid", None, None, 0, 1)]),
        ("up: 1{}down 0.1=-2e1\n", [("up", None, None, None, 1), ("down", 0, 1, None, -20)]),
        ("attn2: .5", [(None, None, None, 1, 0.5)]),
    ],
)
def test_generated_curves_over_blocks(source, expected):
    assert blocks(source) == expected


@pytest.mark.parametrize(
    "source",
    ["1: 5", "1.2: 5", "up 1.: 1", "up -1: 1", "up 1 .2: 1", "attn3: 1", "attn12: 1", "up: 1 hold", "left: 1", "up: ",
     "up 1 1", "up: 0.5, left 2: 1", "up " + "1" * 5000 + ": 1"],
)  # fmt: skip
def test_blocks_that_are_refused(source):
    with pytest.raises(TextError, match="^Curve, line 1, column [0-9]+: expected a block and a value, but found"):
        read_blocks(source)


@given(st.text(alphabet="0123456789:=\"'{},\n .-+%eupattnhold", max_size=40))
def test_any_text_is_read_or_refused(source):
    for read in (read_keys, read_blocks):
        try:
            assert read(source) is not None
        except TextError as error:
            assert str(error).startswith("Curve, line ")
