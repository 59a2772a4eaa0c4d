"""The words around the figures of docs/development/pictures.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from ..environment import REPOSITORY
from . import judge

if TYPE_CHECKING:
    from .pictures import Likeness

FILE = REPOSITORY / "docs" / "development" / "pictures.md"

TEXT = """# Pictures at some frames of the miniature

`miniature_sparsectrl_rgb` is a SparseCtrl model for [the miniature](miniature.md), trained by Train SparseCtrl's own
code. This page shows how well animations follow the pictures that it is given. The pictures are frames of drawn clips with
seeds that were not used in training, whose fish start anywhere. In the rows without a prompt, cfg is 1, so that only the
pictures can tell the model what to draw; in the other rows, the prompt says what the drawn clip shows, and cfg is {cfg:g}.
The settings are {frames} frames and {steps} steps of {sampler} / {scheduler}.
`python3 dev.py miniature --stage pictures` repeats the measurements and writes this page.

{table}

The columns have the following meanings:

- *Colour* is the fraction of all frames whose fish has the same colour as the fish in the pictures; chance level is 1/6.
- The other fractions are those of the clips: at the *first* and at the *last* frame, the fish is within a tenth of the
  picture's side of the drawn fish (*place*), faces in the same direction (*facing*; chance level is 1/2) and has the same
  colour (*colour*); the fish *swims* in the direction in which it faces.
- *Speed* is the median speed of the fish in pixels per frame.

The goals are a place, a facing and a swimming direction that are right in 90 % of the clips, and a colour that is right in
95 % of the frames. Without a prompt, the colour misses its goal. The miniature was trained with prompts that name the
colour; without one, it changes the colour within a clip. A picture prevents that only in the frames close to it. With a
picture at the last frame alone, the place and the swimming direction miss their goals, too.
"""


def write(likenesses: Mapping[str, Likeness]) -> None:
    how = {
        "frames": judge.FRAMES,
        "steps": judge.CLIP_STEPS,
        "sampler": judge.SAMPLER,
        "scheduler": judge.SCHEDULER,
        "cfg": judge.CFG,
    }
    FILE.write_text(TEXT.format(table=_table(likenesses), **how))


def _table(likenesses: Mapping[str, Likeness]) -> str:
    names = [field.name for field in fields(next(iter(likenesses.values())))]
    head = ["| | " + " | ".join(name.replace("_", " ") for name in names) + " |", "|---" * (len(names) + 1) + "|"]
    rows = [
        f"| {title} | " + " | ".join(_cell(name, getattr(row, name)) for name in names) + " |"
        for title, row in likenesses.items()
    ]
    return "\n".join([*head, *rows])


def _cell(name: str, value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.2f}" if name == "speed" else f"{100 * value:.0f} %"
