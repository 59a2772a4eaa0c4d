"""The words around the figures of docs/guidance.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..environment import REPOSITORY
from . import judge
from .effects_rows import LONG, Row

FILE = REPOSITORY / "docs" / "guidance.md"

COLUMNS = ("found", "same_shape", "jitter", "difference", "flicker", "motion")
COSTS = ("passes", "seconds")

TEXT = """# What guidance, noise and references do

Measured on [the miniature](miniature.md), to show the effects and not only their formulas: {clips} clips per row, with the
same prompts and seeds in each row, {frames} frames, {steps} steps of {sampler} / {scheduler}, and cfg {cfg:g} unless stated
otherwise. `python3 dev.py miniature --stage effects` repeats the measurements that have changed and writes this page. So few
clips from such a small model show which way a setting works, not how far it would go with your model.

Found and same shape: the fraction of frames with exactly one fish, and with a fish as large as in the other frames. Jitter:
pixels off a smooth path. Difference of neighbouring frames and flicker: % of the value range. Amount of motion: % of the
picture's side per frame (all as in [Animation Metrics](../web/docs/KinemaAnimationMetrics.md)). Passes: videos through the
UNet, and time on a CPU, both ÷ those of the first row. Fractions are means over the clips, the others medians.

## Guidance

{guidance}

PAG perturbs the middle block, which works on only four places in pictures of this size, so it has no visible effect on the
miniature.

## Noise

{noise}

Animation Noise correlates neighbouring frames here; Refine Noise samples again with the low frequencies of the previous
result.

## Across windows

{long} frames in windows of {frames}, with an overlap of four. Drift: how far apart the backgrounds of the first and the last
eight frames are (the median of each, which removes the fish as it swims), % of the value range. Window Reference:

{windows}

## A picture injected during the run

Inject Image puts a drawn picture of the prompt's scene into all frames. Distance: how far the frames are from it, % of the
value range. The video should come close to it and still move:

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
