"""A loop of the miniature, longer than its windows: the last frame goes on into the first as neighbours do."""

from typing import Any

import torch

from kinema.evaluation.pixels import seam
from kinema.sampling.run.attach import added
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from tools.miniature import judge
from tools.miniature.series import animated, base

FRAMES, STEPS, SEED = 24, 10, 70_000


def test_a_closed_loop_has_no_seam(miniature: tuple[Any, Any, Any]) -> None:
    _, clip, vae = miniature
    windows = ContextWindows(WindowSpec(16, 8, "looped", closed_loop=True))
    model = added(animated(base()), windows=windows)
    (words,) = judge.prompts(1)
    frames = judge.animation(model, clip, vae, words, SEED, FRAMES, STEPS)
    assert float(seam(torch.from_numpy(frames).float() / 255)[-1]) <= 1.2
