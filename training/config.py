"""What can be set about a training run."""

from dataclasses import dataclass
from typing import Literal

from ..motion.spec import IMAGE_SCHEDULE, PAPER_SCHEDULE, NoiseSchedule

Precision = Literal["automatic", "fp32", "bf16", "fp16"]
RateCurve = Literal["constant", "cosine"]

ABLATION: dict[str, NoiseSchedule] = {
    "A": IMAGE_SCHEDULE,
    "B": PAPER_SCHEDULE,
    "C": NoiseSchedule(betas="sqrt_linear", first=0.0001, last=0.02),
}
"""The noise schedules of the paper's ablation: A is Stable Diffusion's, B the one the authors chose. The betas of C are
not published; DDPM's, which stand here, are a proposal to be edited."""


@dataclass(frozen=True)
class TrainSettings:
    """How to train. The defaults are the authors' published recipe, but for the number of steps and the average.

    Each optimizer step sees `batch * accumulation` clips, `batch` of them at a time. The rate rises over `warmup` steps
    and then stays, or falls to 2 % as half a cosine. `average` is the decay of the exponential moving average of the
    weights, which is what a run returns; 0 returns the last weights. `caption_dropout` is the part of clips that train
    with the empty caption. A `timestep_bias` above 1 draws small timesteps, which decide fine detail, more often:
    t = 1000 * u^bias with u uniform. In noise prediction a timestep weighs 1 + sigma² up to `weight_limit`, and 1 weighs
    all alike, as the paper does. `checkpointing` recomputes activations in the backward pass to save memory.
    """

    steps: int = 1000
    learning_rate: float = 1e-4
    batch: int = 1
    accumulation: int = 1
    warmup: int = 0
    rate: RateCurve = "constant"
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    average: float = 0.999
    caption_dropout: float = 0.1
    seed: int = 42
    schedule: NoiseSchedule = PAPER_SCHEDULE
    timestep_bias: float = 1.0
    weight_limit: float = 1.0
    precision: Precision = "automatic"
    checkpointing: bool = False
    save_every: int = 500

    def __post_init__(self) -> None:
        limits = {
            "steps": self.steps >= 1,
            "learning_rate": self.learning_rate > 0,
            "batch": self.batch >= 1,
            "accumulation": self.accumulation >= 1,
            "warmup": self.warmup >= 0,
            "rate": self.rate in ("constant", "cosine"),
            "weight_decay": self.weight_decay >= 0,
            "clip_norm": self.clip_norm > 0,
            "average": 0 <= self.average < 1,
            "caption_dropout": 0 <= self.caption_dropout <= 1,
            "timestep_bias": self.timestep_bias > 0,
            "weight_limit": self.weight_limit >= 1,
            "precision": self.precision in ("automatic", "fp32", "bf16", "fp16"),
            "save_every": self.save_every >= 1,
        }
        for name, fine in limits.items():
            if not fine:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, which is out of range. See the tooltip of {name}."
                )
