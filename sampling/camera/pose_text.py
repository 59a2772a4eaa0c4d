"""Camera poses as RealEstate10K and CameraCtrl write them.

A row has 19 numbers: a time, the focal lengths and the centre as parts of the picture's width and height, two zeros, and the
pose, 3×4 from the world to the camera, row by row. The first line may be a link instead.
"""

import math
from dataclasses import dataclass

from ..curves.timeline import TextError, shown

NUMBERS = 19
MOST_CHARACTERS = 1_000_000
"""A row has about 200, a clip of the data set up to some hundred rows."""
MOST_DIGITS = 40
"""Of a number: more say nothing, and take more than linear time to read."""
LARGEST_NUMBER = 1e6
"""Of a pose or a lens: those of real cameras are below 100."""
SKEW = 0.01
"""How far the rows of a rotation may be from unit length and right angles."""

TITLE = "poses"


@dataclass(frozen=True)
class WrittenPose:
    """A row of a pose text."""

    lens: tuple[float, ...]  # focal length over width, over height, and the centre
    pose: tuple[float, ...]  # 3×4, row by row


def read_poses(text: str) -> tuple[WrittenPose, ...]:
    """The poses in `text`, none where it is empty. Raises TextError, with the line and what is wrong there."""
    if len(text) > MOST_CHARACTERS:
        problem = f"the text has {len(text):,} characters, but at most {MOST_CHARACTERS:,} are read. Use fewer rows."
        raise TextError(TITLE, text, MOST_CHARACTERS, problem)
    poses: list[WrittenPose] = []
    at = 0
    begun = False
    for line in text.splitlines(keepends=True):
        words = line.replace(",", " ").split()
        is_link = not begun and len(words) == 1
        if words and not is_link:
            poses.append(_pose(words, text, at))
        begun = begun or bool(words)
        at += len(line)
    if begun and not poses:
        raise TextError(
            TITLE, text, 0, f"there is no row of {NUMBERS} numbers. Paste the text of a RealEstate10K file."
        )
    return tuple(poses)


def _pose(words: list[str], text: str, at: int) -> WrittenPose:
    """The pose in the line that begins `at` an index of `text`."""
    if len(words) != NUMBERS:
        problem = (
            f"a row needs {NUMBERS} numbers, but this one has {len(words)}. Paste the text of a RealEstate10K file."
        )
        raise TextError(TITLE, text, at, problem)
    numbers = [_number(word, text, at) for word in words[1:]]
    lens = tuple(numbers[:4])
    pose = tuple(numbers[6:])
    if min(lens[:2]) <= 0:
        problem = f"the focal lengths are {lens[0]:g} and {lens[1]:g}, but must be above 0. Check the row."
        raise TextError(TITLE, text, at, problem)
    if not _is_rotation(pose):
        problem = (
            "numbers 8 to 10, 12 to 14 and 16 to 18 do not form a rotation matrix, whose rows have length 1 and are "
            "perpendicular. Check the row."
        )
        raise TextError(TITLE, text, at, problem)
    return WrittenPose(lens, pose)


def _number(word: str, text: str, at: int) -> float:
    try:
        number = float(word) if len(word) <= MOST_DIGITS else math.nan
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST_NUMBER:
        problem = f"{shown(word)} is not a number from {-LARGEST_NUMBER:,.0f} to {LARGEST_NUMBER:,.0f}. Write a number."
        raise TextError(TITLE, text, at, problem)
    return number


def _is_rotation(pose: tuple[float, ...]) -> bool:
    """Whether the first three columns of a 3×4 `pose` turn and do not mirror."""
    rows = (pose[0:3], pose[4:7], pose[8:11])
    products = [
        (i == j, sum(a * b for a, b in zip(p, q, strict=True))) for i, p in enumerate(rows) for j, q in enumerate(rows)
    ]
    (a, b, c), (d, e, f), (g, h, i) = rows
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return determinant > 0 and all(abs(product - same) <= SKEW for same, product in products)
