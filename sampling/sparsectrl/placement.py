"""At which frames of a video the pictures of SparseCtrl stand: numbers, every n-th frame, or a word."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

EVERY = re.compile(r"every\s+([0-9]{1,6})")
FRAME_NUMBER = re.compile(r"[+-]?[0-9]{1,6}")

Frame = int
"""The place of a frame in the whole video."""


class Placement(ABC):
    """A rule that gives each picture its frame."""

    @abstractmethod
    def frames(self, pictures: int, total: int) -> tuple[Frame, ...]:
        """The frames of so many `pictures` in a video of `total` frames, in the order of the pictures. Raises ValueError
        for frames outside of the video."""

    def check_count(self, pictures: int) -> None:  # noqa: B027
        """Raises ValueError where so many `pictures` fit no video."""

    def placed(self, pictures: int, total: int) -> dict[Frame, int]:
        """Which of the pictures stands at which frame; a single one serves all frames of the rule. Raises ValueError where
        their number does not fit."""
        frames = self.frames(pictures, total)
        check_counts(pictures, len(frames))
        return {frame: i if pictures > 1 else 0 for i, frame in enumerate(frames)}


def check_counts(pictures: int, frames: int) -> None:
    """Raises ValueError unless there is a picture for each of so many `frames`, or one for all."""
    if pictures not in (1, frames):
        raise ValueError(
            f"SparseCtrl has {pictures} pictures, but frames of Load SparseCtrl selects {frames} "
            f"{'frame' if frames == 1 else 'frames'}. Connect one picture for each selected frame or a single picture for all "
            "of them, or change frames of Load SparseCtrl."
        )


@dataclass(frozen=True)
class Numbered(Placement):
    """Frames by number; negative ones count from the end."""

    numbers: tuple[int, ...]  # one for each picture; negative: from the end

    def check_count(self, pictures: int) -> None:
        check_counts(pictures, len(self.numbers))

    def frames(self, pictures: int, total: int) -> tuple[Frame, ...]:
        frames: dict[Frame, int] = {}
        for number in self.numbers:
            frame = number + total if number < 0 else number
            if not 0 <= frame < total:
                raise ValueError(
                    f"SparseCtrl has a picture at frame {number}, but the video has {total} frames. Use frames 0 to "
                    f"{total - 1}, or -1 for the last."
                )
            if frame in frames:
                raise ValueError(
                    f"SparseCtrl has two pictures at one frame: {frames[frame]} and {number} are the same in a video of "
                    f"{total} frames. List each frame only once."
                )
            frames[frame] = number
        return tuple(frames)


@dataclass(frozen=True)
class Every(Placement):
    """Frames 0, n, 2n and so on."""

    step: int  # frames from one picture to the next, 1 or more

    def frames(self, pictures: int, total: int) -> tuple[Frame, ...]:
        return tuple(range(0, total, self.step))


@dataclass(frozen=True)
class Spread(Placement):
    """By a word. As many pictures as frames or more: the first of them, one at each frame."""

    word: str  # key of WORDS

    def frames(self, pictures: int, total: int) -> tuple[Frame, ...]:
        return tuple(range(total)) if pictures >= total else tuple(WORDS[self.word](pictures, total))

    def placed(self, pictures: int, total: int) -> dict[Frame, int]:
        return {frame: i for i, frame in enumerate(self.frames(pictures, total))}


def _steps(count: int, last: int) -> list[Frame]:
    """0 to `last` in `count` equal steps, rounded down: `count` + 1 frames."""
    return [last * i // count for i in range(count + 1)]


def _over_all(pictures: int, total: int) -> list[Frame]:
    return [0] if pictures == 1 else _steps(pictures - 1, total - 1)


def _from_start(pictures: int, total: int) -> list[Frame]:
    return _steps(pictures, total - 1)[:-1]


def _to_end(pictures: int, total: int) -> list[Frame]:
    return _steps(pictures, total - 1)[1:]


def _around_middle(pictures: int, total: int) -> list[Frame]:
    if pictures > 1 and total - pictures < 3:  # too little room at both ends
        return _from_start(pictures, total)
    return _steps(pictures + 1, total - 1)[1:-1]


WORDS: dict[str, Callable[[int, int], Sequence[Frame]]] = {
    "spread": _over_all,
    "start": _from_start,
    "end": _to_end,
    "center": _around_middle,
}
"""Frames for fewer pictures than frames, of (pictures, frames of the video)."""


def read_placement(text: str) -> Placement:
    """The rule in `text`, such as "0, -1", "every 4" or "spread". Raises ValueError for other texts."""
    said = text.strip().lower()
    if said in WORDS:
        return Spread(said)
    every = EVERY.fullmatch(said)
    if every and int(every[1]):
        return Every(int(every[1]))
    numbers = said.replace(",", " ").split()
    if not numbers or not all(FRAME_NUMBER.fullmatch(number) for number in numbers):
        written = text if len(text) <= 40 else f"{text[:40]}..."
        raise ValueError(
            f'frames is "{written}", which is not a list of frames. Use numbers such as "0, -1", "every 4", or one of the '
            f"words {', '.join(WORDS)}."
        )
    return Numbered(tuple(int(number) for number in numbers))
