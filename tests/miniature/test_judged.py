"""Rows of help pictures: a drawn clip has no fault, and each thing that can be wrong in one is found and named."""

from collections.abc import Callable

import numpy as np
import pytest

from tools.help.graphs import MINIATURE, Row
from tools.help.judged import faults_of_rows, judge
from tools.miniature import world

FRAMES = 6
SEED = 900_505


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, str]:
    frames, shown = world.clip(SEED, FRAMES, across=True)
    return frames, shown.caption


def with_a_second_fish(frames: np.ndarray) -> np.ndarray:
    both = np.concatenate([frames[0][:, :64], frames[-1][:, 64:]], axis=1)
    return np.stack([*frames[:2], both, *frames[3:]])


def in_another_order(frames: np.ndarray) -> np.ndarray:
    return frames[[0, 5, 1, 4, 2, 3]]


def test_a_drawn_clip_is_good(drawn: tuple[np.ndarray, str]) -> None:
    frames, caption = drawn
    assert judge(frames, (caption,)).faults == ()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda frames: frames[::-1], "swims"),
        (with_a_second_fish, "frame 2: a second fish"),
        (in_another_order, "off a smooth path"),
        (lambda frames: np.flip(frames, 2), "it faces"),
        (lambda frames: frames[..., ::-1], "fish in the"),
        (lambda frames: np.full_like(frames, 90), "no fish"),
    ],
)  # fmt: skip
def test_faults_are_named(
    change: Callable[[np.ndarray], np.ndarray], fault: str, drawn: tuple[np.ndarray, str]
) -> None:
    frames, caption = drawn
    assert any(fault in each for each in judge(change(frames), (caption,)).faults)


def test_rows_that_show_the_same_are_named(drawn: tuple[np.ndarray, str]) -> None:
    frames, caption = drawn
    rows = [Row(MINIATURE, (caption,))] * 2
    (fault,) = faults_of_rows(rows, [frames, frames])
    assert fault == "row 1 differs from row 0 by 0.00 %"
    assert faults_of_rows(rows, [frames, frames[::-1]])[-1].startswith("row 1, swims")
