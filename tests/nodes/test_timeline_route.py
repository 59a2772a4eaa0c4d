"""What the canvas gets while one types into a text over time."""

import re

import pytest

from kinema.nodes.inputs.timeline_route import TEXT_READERS, read_timeline
from kinema.sampling.curves.curve_text import read_keys, where_written


def test_a_curve_is_plotted_with_the_places_of_its_numbers() -> None:
    text = "0: 0.5, 8: (1.5) ease in; 50%: 2\n10:14 = 0.25, -1: 1"
    plot = read_timeline("KinemaCurve", text, "linear")
    assert plot["frames"] == 16 and plot["stride"] == 1 and len(plot["values"]) == 16
    assert plot["values"][0] == 0.5 and plot["values"][10:14] == [0.25] * 4 and plot["values"][15] == 1
    assert [(key["at"], key["value"]) for key in plot["keys"]] == [(0, 0.5), (8, 1.5), (8, 2), (10, 0.25), (15, 1)]
    assert [text[slice(*key["valueText"])] for key in plot["keys"]] == ["0.5", "1.5", "2", "0.25", "1"]
    movable = [key["frameText"] and text[slice(*key["frameText"])] for key in plot["keys"]]
    assert movable == ["0", "8", None, None, None]  # no share, no range, nothing that counts from the end


@pytest.mark.parametrize("text", ['{"0": 1, "12": 0.5}', "0 = 1; 12 := -.5", " 3:1e2 hold\n\n4:(+2) ", "0: = 1, 5:9=2"])
def test_every_form_is_found_where_it_is_written(text: str) -> None:
    found = where_written(text)
    assert sum(place.keys for place in found) == len(read_keys(text))
    values = [float(text[slice(*place.value)]) for place in found]
    assert values == [key.value for key in read_keys(text) if not (key.easing == "hold" and key.at == 8)]


def test_many_frames_share_a_point() -> None:
    plot = read_timeline("KinemaCurve", "0: 0, 99999: 1", "linear")
    assert plot["frames"] == 100_000 and len(plot["values"]) <= 256
    assert plot["values"] == sorted(plot["values"])


@pytest.mark.parametrize(
    ("node", "text", "problem"),
    [
        ("KinemaCurve", "0: 1, 8: 2 ease", "column 12: .ease. is not an easing"),
        ("KinemaCurveOverSteps", "0: one", "expected a frame and a value"),
        ("KinemaCurveOverBlocks", "sideways: 1", "expected a block and a value"),
        ("KinemaPromptTravel", '"0": "a" "8": "b"', "comma"),
    ],
)
def test_what_is_wrong_is_said(node: str, text: str, problem: str) -> None:
    answer = read_timeline(node, text, "linear")
    assert re.search(problem, answer["problem"])


@pytest.mark.parametrize("text", ["0: 1e999", f"0: 1, {'9' * 400}: 1"])
def test_infinity_has_no_plot(text: str) -> None:
    assert read_timeline("KinemaCurve", text, "linear") == {}


def test_nothing_is_wrong_before_the_first_letter() -> None:
    assert [read_timeline(node, "  \n", "linear") for node in TEXT_READERS] == [{}] * 4
    assert read_timeline("KinemaPromptTravel", "0: a calm sea", "linear") == {}
