"""The state of a run on disk, from which it continues as if it had never stopped."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..motion.atomic import replacing
from .config import both_names, by_present_names

STATE_SUFFIX = ".training"
ABOUT_CLIPS = "clips in words"
"""What a state calls the words that say which clips it was trained on; earlier states have none."""
CONNECTED = {"clips", "start"}
"""What of a course is not a setting of the training itself, but comes from elsewhere."""


class CheckpointError(ValueError):
    """A state on disk from which this run cannot continue; the message says why and what to do."""


@dataclass(frozen=True)
class Course:
    """Everything that decides where a run goes."""

    values: dict[str, Any]  # {name: plain value}, stored with the state and compared with it
    clips: str  # its clips in words, for messages
    earlier: Callable[[], dict[str, Any]] = dict  # some of the values as states from earlier versions have them


@dataclass(frozen=True)
class Checkpoint:
    """The file that contains the latest state of a run."""

    path: Path  # of the state's file
    course: Course  # of the run; a stored state of another course is refused
    fresh: bool = False  # whether a stored state is ignored and overwritten by the first save
    other_clips: bool = False  # whether a run continues with clips other than those of the state

    def save(self, state: dict[str, Any]) -> None:
        """Writes `state`; a killed process leaves the state before it."""
        with replacing(self.path) as unfinished:
            torch.save({"course": self.course.values, ABOUT_CLIPS: self.course.clips, **state}, unfinished)

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
                f'"{self.path.name}" is damaged, so training cannot continue from it. Delete it, or start a new '
                "run under another name."
            ) from None
        for name in sorted(self._different(course)):
            if not (name == "clips" and self.other_clips):
                raise CheckpointError(self._refusal(name, course, state.get(ABOUT_CLIPS)))
        return state

    def finished(self, steps: int) -> tuple[dict[str, Any], str] | None:
        """A state that has done `steps` with the settings of this run, without tensors, and sentences about what is connected
        now but was not when it was trained. None where there is still something to do, or to refuse."""
        state = None if self.fresh else glance(self.path)
        if state is None or state["step"] < steps:
            return None
        different = self._different(state["course"])
        if different - CONNECTED:
            return None
        sentences = []
        if "clips" in different:
            trained_on = state.get(ABOUT_CLIPS, "other clips")
            sentences.append(f"The file was trained on {trained_on}, not on {self._clips_now(trained_on)}.")
            if "steps" not in self.course.values:  # else more steps are another course
                sentences.append("To train on the current clips too, raise steps and turn on other_clips.")
        if "start" in different:
            sentences.append("The training run was started with a different motion model.")
        return state, " ".join(sentences)

    def _different(self, course: dict[str, Any]) -> set[str]:
        """The names of what `course` has otherwise than this run."""
        now = self.course.values
        different = {name for name in now.keys() | course.keys() if course.get(name) != now.get(name)}
        earlier = self.course.earlier() if different else {}
        return {name for name in different if name not in earlier or course.get(name) != earlier[name]}

    def _refusal(self, name: str, course: dict[str, Any], trained_on: str | None) -> str:
        """That the run cannot go on, because the state has `name` otherwise."""
        if name == "clips":
            trained_on = trained_on or "other clips"
            return (
                f'"{self.path.name}" was trained on {trained_on}, not on {self._clips_now(trained_on)}. Turn on other_clips '
                "to continue with the current clips, connect the earlier clips again, or start a new run under another name."
            )
        if name == "start":
            return (
                f'"{self.path.name}" was started with a different motion model. Connect or choose that motion '
                "model to continue, or start a new run under another name."
            )
        setting = both_names(name)
        return (
            f'"{self.path.name}" was trained with {setting} {_short(course.get(name))}, but {setting} is now '
            f"{_short(self.course.values.get(name))}. Set {setting} back to continue, or start a new run under another name."
        )

    def _clips_now(self, trained_on: str) -> str:
        same_words = trained_on == self.course.clips
        return (
            f"the {self.course.clips} with the current videos, captions and sizes" if same_words else self.course.clips
        )


def check_replaceable(file: Path) -> None:
    """Raises ValueError unless a training may write `file`, which something else made if it has no state."""
    if file.exists() and not file.with_suffix(STATE_SUFFIX).exists():
        raise ValueError(
            f'"{file.name}" already exists, but has no training state. Pick another name, or delete this file.'
        )


def glance(path: Path) -> dict[str, Any] | None:
    """What the state at `path` says apart from its large tensors, which stay on disk; None where none can be read."""
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        kept = {name: value for name, value in state.items() if name not in ("parameters", "average", "optimizer")}
        return kept | {"course": by_present_names(kept["course"])}
    except Exception:  # `Checkpoint.load` says it
        return None


def _short(value: Any) -> str:
    if isinstance(value, Mapping):  # a noise schedule
        return ", ".join(f"{name} {each}" for name, each in value.items() if each is not None)
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
