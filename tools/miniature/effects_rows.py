"""What tools/miniature/effects.py measures: the nodes of each table and their settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kinema.sampling.call.moment import Curve
from kinema.sampling.curves.curve_keys import OverFrames, OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.guidance.animation_guidance import Guidance
from kinema.sampling.guidance.motion_guidance import SKIPS, MotionGuidance
from kinema.sampling.latents.inject_image import Injection
from kinema.sampling.latents.on_canvas import OnCanvas
from kinema.sampling.modules.enhance_motion import Enhance
from kinema.sampling.noise.animation_noise import lay
from kinema.sampling.noise.noise_layers import NoiseLayer
from kinema.sampling.noise.noise_pattern import NoisePattern
from kinema.sampling.noise.refine_noise import NoiseRefinement
from kinema.sampling.run.attach import added, changed, refer_windows
from kinema.sampling.windows.window_reference import WindowReference

from . import judge

LONG = 2 * judge.FRAMES

Change = Callable[[Any, Any, Any], Any]
"""(MODEL, the drawn picture (1, h, w, 3), VAE) -> MODEL."""


@dataclass(frozen=True)
class Row:
    """A row of a table: animations of one changed MODEL."""

    table: str  # name of the table that it belongs to
    title: str  # its first cell
    change: Change  # from the animated MODEL to the one that is measured
    frames: int = judge.FRAMES  # of each animation

    @property
    def name(self) -> str:
        """Rows of one name are one measurement."""
        return f"plain {self.frames}" if self.change is _plain else f"{self.table}: {self.title}"


def rows() -> list[Row]:
    """All rows, the one that the others of its table are compared with first."""
    return [*_guidance(), *_noise(), *_windows(), *_picture()]


def _plain(model: Any, *_: Any) -> Any:
    return model


def _of(**fields: Any) -> Change:
    return lambda model, *_: changed(model, **fields)


def _referring(how: WindowReference) -> Change:
    return lambda model, *_: refer_windows(model, how)


def _guidance() -> list[Row]:
    ending = OverRun(read_keys(f"0%: {judge.CFG}, 50%: 1 hold"))
    changes: dict[str, Change] = {
        f"none (cfg {judge.CFG:g})": _plain,
        "cfg 4": _of(guidance=Guidance(4.0)),
        "cfg 4, rescale 0.7": _of(guidance=Guidance(4.0, 0.7)),
        f"cfg {judge.CFG:g}, then cfg 1 from 50 % on": _of(guidance=Guidance(ending)),
        "PAG 3": _of(guidance=Guidance(judge.CFG, pag=3.0)),
        "Motion Guidance 1, all blocks": _of(motion_guidance=MotionGuidance(1.0)),
        "Motion Guidance 1, up blocks": _of(motion_guidance=MotionGuidance(1.0, SKIPS["up"].kept)),
        "Motion Guidance 1, to 50 %": _of(motion_guidance=MotionGuidance(1.0, end_percent=0.5)),
        "Enhance Motion 2": _of(enhance=Enhance(2.0)),
    }
    return [Row("guidance", title, change) for title, change in changes.items()]


def _noise() -> list[Row]:
    changes: dict[str, Change] = {
        "none": _plain,
        "FreeInit, 3 iterations": _of(refinement=NoiseRefinement()),
        "FreeInit, coarse to fine": _of(refinement=NoiseRefinement(coarse_to_fine=True)),
        "FreqPrior, 3 iterations, until 0.68": _of(refinement=NoiseRefinement("FreqPrior", until=0.68)),
        "Animation Noise, correlation 0.5": _of(noise=lay(NoiseLayer(NoisePattern(correlation=0.5)), None)),
    }
    return [Row("noise", title, change) for title, change in changes.items()]


def _windows() -> list[Row]:
    references = {
        "attend, to the end": WindowReference("attend", end_percent=1.0),
        "reuse, to 15 %": WindowReference("reuse", end_percent=0.15),
    }
    plain = Row("windows", "none", _plain, LONG)
    return [plain, *(Row("windows", title, _referring(how), LONG) for title, how in references.items())]


def _picture() -> list[Row]:
    fading = OverFrames(read_keys("0: 1, 8: 0"))
    changes = {
        "at 0.1": _injecting(0.1, 1.0),
        "at 0.3": _injecting(0.3, 1.0),
        "at 0.3, strength from 1 to 0 over 8 frames": _injecting(0.3, fading),
    }
    return [Row("picture", "none", _plain), *(Row("picture", title, change) for title, change in changes.items())]


def _injecting(percent: float, strength: float | Curve) -> Change:
    def change(model: Any, picture: Any, vae: Any) -> Any:
        return added(model, injections=Injection(OnCanvas(picture.movedim(-1, 1)), vae, percent, strength))

    return change
