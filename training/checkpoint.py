"""The state of a run on disk, from which it continues as if it had never stopped."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..motion.atomic import replacing
from .config import by_present_names

STATE_SUFFIX = ".training"


class CheckpointError(ValueError):
    """A state on disk from which this run cannot continue; the message says why and what to do."""


@dataclass(frozen=True)
class Course:
    """Everything that decides where a run goes."""

    values: dict[str, Any]  # {name: plain value}, stored with the state and compared with it
    earlier: Callable[[], dict[str, Any]] = dict  # some of them as states from earlier versions have them


@dataclass(frozen=True)
class Checkpoint:
    """The file that contains the latest state of a run."""

    path: Path  # of the state's file
    course: Course  # of the run; a stored state of another course is refused
    fresh: bool = False  # whether a stored state is ignored and overwritten by the first save

    def save(self, state: dict[str, Any]) -> None:
        """Writes `state`; a killed process leaves the state before it."""
        with replacing(self.path) as unfinished:
            torch.save({"course": self.course.values, **state}, unfinished)

    def load(self) -> dict[str, Any] | None:
        """The state to continue from, or None when there is none yet. Raises CheckpointError."""
        if self.fresh or not self.path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
            course = by_present_names(state.pop("course"))
        except Exception as error:  # torch raises nearly anything for a damaged file
            logging.warning('"%s": %s: %s', self.path.name, type(error).__name__, error)
            raise CheckpointError(
                f'"{self.path.name}" is damaged, so training cannot continue from it. Delete it, or start again under '
                "another name."
            ) from None
        self._check(course)
        return state

    def _check(self, course: dict[str, Any]) -> None:
        now = self.course.values
        different = sorted(name for name in now.keys() | course.keys() if course.get(name) != now.get(name))
        earlier = self.course.earlier() if different else {}
        for name in different:
            if name not in earlier or course.get(name) != earlier[name]:
                raise CheckpointError(
                    f'"{self.path.name}" was trained with {name} {_short(course.get(name))}, but now it is '
                    f"{_short(now.get(name))}. Set it back to continue, or start again under another name."
                )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
