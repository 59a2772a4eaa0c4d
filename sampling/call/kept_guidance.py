"""The direction of guidance that a prediction of a run found, kept for the ones after it."""

from dataclasses import dataclass

import torch


@dataclass
class KeptGuidance:
    """What the last full prediction found. It is of the whole video, after its windows were blended."""

    direction: torch.Tensor | None = None  # (f, c, h, w): (cond - uncond) ÷ noise level; None: there is none to reuse
    prompts: tuple[bool, ...] = ()  # which of the conditionings of both prompts, and of their controls, acted in it
    age: int = 0  # predictions that reused it
    full: int = 0  # predictions of the run that computed both prompts
    reused: int = 0  # predictions of the run that reused the direction of another

    def forget(self) -> None:
        """The latents change for another reason than a step of the sampler: the next prediction is a full one."""
        self.direction = None
