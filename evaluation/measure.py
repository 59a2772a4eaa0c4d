"""All measurements of one animation together."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch

from .metrics import METRICS, Measurement
from .pixels import flicker_and_motion, neighbour_difference, seam
from .similarity import BATCH, domain_similarity, embed_pictures, embed_text, smoothness, text_similarity


@dataclass(frozen=True)
class Judge:
    """The CLIP models that judge, and what they compare with. All are optional; raises ValueError when one lacks its
    counterpart."""

    vision: Any = None  # CLIP_VISION; None: nothing is measured by CLIP
    clip: Any = None  # CLIP that encodes the prompt; None: text similarity is not measured
    prompt: str = ""  # what the frames should show; required with `clip`, empty without it
    reference: torch.Tensor | None = None  # (r, h, w, 3), 0..1, made without motion; None: no domain similarity

    def __post_init__(self) -> None:
        if self.vision is None and (self.clip is not None or self.reference is not None):
            raise ValueError(
                "Text similarity and domain similarity are measured by a CLIP vision model, but none is connected. "
                "Connect Load CLIP Vision, or disconnect clip and reference."
            )
        if (self.clip is not None) != bool(self.prompt.strip()):
            has = "clip" if self.clip is not None else "prompt"
            raise ValueError(
                f"Text similarity needs both clip and prompt, but only {has} is given. Connect clip and enter "
                "a prompt, or leave both out."
            )


def steps(frames: int, judge: Judge) -> int:
    """How many times `measure` calls `tick` for this many frames."""
    reference = 0 if judge.reference is None else len(judge.reference)
    return frames - 1 + (0 if judge.vision is None else ceil(frames / BATCH) + ceil(reference / BATCH))


def measure(frames: torch.Tensor, judge: Judge, device: torch.device, tick: Callable[[], None]) -> Measurement:
    """Measures `frames` (f, h, w, 3), values 0 to 1; optical flow runs on `device`, `tick` is called now and then.

    Raises ValueError for less than two frames.
    """
    if len(frames) < 2:
        raise ValueError(
            f"An animation needs at least 2 frames, but images has {len(frames)}. Connect all frames as one batch."
        )
    curves = _similarities(frames, judge, tick) if judge.vision is not None else {}
    curves["flicker"], curves["motion"] = flicker_and_motion(frames, device, tick)
    curves["neighbour_difference"] = neighbour_difference(frames)
    curves["seam"] = seam(frames)
    return Measurement(len(frames), {m.name: curves[m.name].tolist() for m in METRICS if m.name in curves})


def _similarities(frames: torch.Tensor, judge: Judge, tick: Callable[[], None]) -> dict[str, torch.Tensor]:
    embeddings = embed_pictures(judge.vision, frames, tick)
    curves = {"smoothness": smoothness(embeddings)}
    if judge.clip is not None:
        curves["text_similarity"] = text_similarity(embeddings, embed_text(judge.clip, judge.prompt))
    if judge.reference is not None:
        reference = embed_pictures(judge.vision, judge.reference, tick)
        curves["domain_similarity"] = domain_similarity(embeddings, reference)
    return curves
