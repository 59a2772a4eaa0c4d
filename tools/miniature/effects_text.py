"""The words around the figures of docs/development/guidance.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..environment import REPOSITORY
from . import judge
from .effects_rows import LONG, Row

FILE = REPOSITORY / "docs" / "development" / "guidance.md"

COLUMNS = ("found", "same_shape", "jitter", "difference", "flicker", "motion")
COSTS = ("passes", "seconds")

TEXT = """# What guidance, noise and references do

This page shows the measured effects of guidance, noise and references, not only their formulas. The measurements were
made with [the miniature](miniature.md): {clips} clips per row, with the same prompts and seeds in each row, {frames}
frames, {steps} steps of {sampler} / {scheduler}, and cfg {cfg:g} unless stated otherwise.
`python3 dev.py miniature --stage effects` repeats the measurements whose settings have changed and writes this page. So
few clips from such a small model show in which direction a setting acts, not how strong its effect would be with your
model.

The columns of the tables have the following meanings:

- *Found* is the fraction of frames with exactly one fish; *same shape* is the fraction of frames in which the fish is
  as large as in the other frames.
- *Jitter* is the deviation of the fish from a smooth path, in pixels.
- The *difference* between neighbouring frames and the *flicker* are percentages of the value range. The amount of
  *motion* per frame is a percentage of the picture's side. All three are defined as in [Animation
  Metrics](../../web/docs/KinemaAnimationMetrics.md).
- *Passes* is the number of passes of the whole video through the UNet, and *time* is the time on a CPU. Both are
  relative to the first row.

Fractions are means over the clips; all other values are medians.

## Guidance

{guidance}

PAG perturbs the self-attention of the middle block. In pictures of this size, the middle block processes only four
positions, so PAG has no visible effect with the miniature.

## Noise

{noise}

In this table, Animation Noise correlates the noise of neighbouring frames. FreeInit and FreqPrior are methods of Refine
Noise, which samples again with the low frequencies of the previous result.

## Across windows

These clips have {long} frames, in windows of {frames} with an overlap of 4. *Drift* is the difference between the
backgrounds of the first eight and the last eight frames, as a percentage of the value range. Each background is the
median of its eight frames, which removes the swimming fish. The rows show the modes of Window Reference:

{windows}

## A picture injected during the run

Inject Image puts a drawing of the scene that the prompt describes into all frames. *Distance* is the difference between
the frames and this drawing, as a percentage of the value range. The video should come close to the drawing and still
move:

{picture}
"""


def write(measured: Sequence[tuple[Row, Mapping[str, float]]], clips: int, steps: int) -> None:
    """The page, from all rows and their values by the names of Effect's fields."""
    more = {"guidance": (), "noise": (), "windows": ("drift",), "picture": ("distance",)}
    tables = {
        name: _table([(row.title, values) for row, values in measured if row.table == name], (*COLUMNS, *extra))
        for name, extra in more.items()
    }
    text = TEXT.format(
        clips=clips, frames=judge.FRAMES, steps=steps, sampler=judge.SAMPLER, scheduler=judge.SCHEDULER,
        cfg=judge.CFG, long=LONG, **tables,
    )  # fmt: skip
    FILE.write_text(text, encoding="utf-8")


def _table(rows: Sequence[tuple[str, Mapping[str, float]]], columns: Sequence[str]) -> str:
    heads = [*(name.replace("_", " ") for name in columns), "passes", "time"]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    _, first = rows[0]
    for title, values in rows:
        cells = [
            f"{100 * values[name]:.0f} %" if name in ("found", "same_shape") else f"{values[name]:.2f}"
            for name in columns
        ]
        costs = [f"{values[name] / first[name]:.2f}" for name in COSTS]
        lines.append(f"| {title} | " + " | ".join([*cells, *costs]) + " |")
    return "\n".join(lines)
