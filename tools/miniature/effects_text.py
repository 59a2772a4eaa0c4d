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

Measured on [the miniature](miniature.md), so that the effects are seen, not only their formulas: {clips} clips a row, the
same prompts and seeds in each, {frames} frames, {steps} steps of {sampler} / {scheduler}, cfg {cfg:g} where nothing else is
said. `python3 dev.py miniature --stage effects` measures again what has changed and writes this page. So few clips of so
small a model show which way a setting works, not how far it would go with your model.

Found and same shape: shares of frames with one fish, and with a fish as large as in the others. Jitter: pixels off a smooth
path. Difference of neighbours and flicker: % of the value range. Motion amount: % of the picture's side a frame (all as in
[Animation Metrics](../web/docs/KinemaAnimationMetrics.md)). Passes: videos through the UNet, and time on a CPU, both ÷ the
first row's. Shares are means over the clips, the others medians.

## Guidance

{guidance}

PAG perturbs the middle block, which in pictures of this size sees four places only: at the miniature it does nothing that
one could see.

## Noise

{noise}

Animation Noise here correlates neighbours; Refine Noise samples again with the low frequencies of the result before.

## Across windows

{long} frames in windows of {frames}, four of which overlap. Drift: how far the backgrounds of the first and the last
eight frames are apart (the median of each, out of which the fish swims), % of the value range. Window Reference:

{windows}

## A picture in mid-run

Inject Image puts a drawn picture of the prompt's scene into all frames. Distance: how far the frames are from it, % of the
value range. The video should come near to it and still move:

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
