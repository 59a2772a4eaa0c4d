"""Loops of the miniature, longer than its windows: the last frame goes on into the first as neighbours do."""

from statistics import mean
from typing import Any

import torch

from kinema.evaluation.pixels import seam
from kinema.sampling.run.attach import added
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from tools.miniature import judge
from tools.miniature.series import animated, base

FRAMES, STEPS, SEED, CLIPS = 24, 10, 70_000, 2


def test_closed_loops_have_no_seam_on_average(miniature: tuple[Any, Any, Any]) -> None:
    _, clip, vae = miniature
    windows = ContextWindows(WindowSpec(16, 8, "looped", closed_loop=True))
    model = added(animated(base()), windows=windows)
    clips = (
        judge.animation(model, clip, vae, words, SEED + i, FRAMES, STEPS)
        for i, words in enumerate(judge.prompts(CLIPS))
    )
    seams = [float(seam(torch.from_numpy(frames).float() / 255)[-1]) for frames in clips]
    assert mean(seams) <= 1.2, seams
