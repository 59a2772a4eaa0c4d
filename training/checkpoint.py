"""The state of a run on disk, from which it goes on as if it had never stopped."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..motion.atomic import replacing
from .config import by_present_names

STATE_SUFFIX = ".training"


class CheckpointError(ValueError):
    """A state on disk that this run cannot go on from; the message says why and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """The file at `path` that holds the latest state of the run described by `course`.

    `course` names everything that decides where the run goes; a state with another course is refused. A `fresh` run
    looks at no state, and replaces the one that is there with its first save.
    """

    path: Path
    course: dict[str, Any]
    fresh: bool = False

    def save(self, state: dict[str, Any]) -> None:
        """Writes `state`; a killed process leaves the state before it."""
        with replacing(self.path) as unfinished:
            torch.save({"course": self.course, **state}, unfinished)

    def load(self) -> dict[str, Any] | None:
        """The state to go on from, or None when there is none yet. Raises CheckpointError."""
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
        for name in sorted(self.course.keys() | course.keys()):
            if course.get(name) != self.course.get(name):
                raise CheckpointError(
                    f'"{self.path.name}" was trained with {name} {_short(course.get(name))}, but now it is '
                    f"{_short(self.course.get(name))}. Set it back to continue, or start again under another name."
                )
        return state


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
