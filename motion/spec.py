"""What is known of a motion model before it is built: its family, its places in the UNet, its numbers of frames."""

from dataclasses import dataclass
from typing import Literal

Base = Literal["sd15", "sdxl"]
Statistics = Literal["frame", "joint"]

BASE_NAMES: dict[Base, str] = {"sd15": "SD1.5", "sdxl": "SDXL"}


@dataclass(frozen=True)
class NormPolicy:
    """Whether GroupNorm statistics are taken per frame or jointly over the frames of a window.

    `resnet` is for the UNet's residual blocks and its output norm, `spatial` for its spatial transformers, `module`
    for the motion modules' own norm.
    """

    resnet: Statistics = "frame"
    spatial: Statistics = "frame"
    module: Statistics = "frame"


@dataclass(frozen=True)
class Schedule:
    """A noise schedule: the host's name of the beta curve, its first and last beta.

    `lcm_steps` is the number of timesteps a consistency model was distilled on; None for ordinary models.
    """

    betas: str
    first: float
    last: float
    lcm_steps: int | None = None


PAPER_SCHEDULE = Schedule("sqrt_linear", 0.00085, 0.012)
"""What the authors trained SD1.5 motion models with: linear betas, which the host calls "sqrt_linear"."""

IMAGE_SCHEDULE = Schedule("linear", 0.00085, 0.012)
"""What Stable Diffusion was trained with: betas linear in their square root, which the host calls "linear"."""

SDXL_SCHEDULE = Schedule("linear", 0.00085, 0.020)
"""What the authors trained the SDXL motion model with: as the image schedule, with a larger last beta."""


LCM_SCHEDULE = Schedule("sqrt_linear", 0.00085, 0.012, lcm_steps=100)
LCM_I2V_SCHEDULE = Schedule("sqrt_linear", 0.00085, 0.014, lcm_steps=200)


@dataclass(frozen=True)
class Preset:
    """The KSampler settings that the authors of a family give."""

    steps: int
    sampler: str
    scheduler: str
    cfg: float


@dataclass(frozen=True)
class Family:
    """One row of the table of motion models: everything that keys and shapes do not say.

    `evolved` is how AnimateDiff-Evolved takes all GroupNorm statistics for this family; `note` is what a user should
    know when loading such a file.
    """

    name: str
    label: str
    base: Base
    native_frames: int
    max_frames: int
    schedule: Schedule
    norms: NormPolicy = NormPolicy()
    evolved: Statistics = "frame"
    preset: Preset = Preset(25, "euler", "normal", 7.5)
    note: str = ""

    def norms_like(self, implementation: str) -> NormPolicy:
        """The norm policy of one of IMPLEMENTATIONS; "authors" is the one that the weights were trained with."""
        if implementation == "diffusers":
            return NormPolicy(module="joint")
        if implementation == "AnimateDiff-Evolved":
            return NormPolicy(self.evolved, self.evolved, self.evolved)
        return self.norms


IMPLEMENTATIONS = ("authors", "diffusers", "AnimateDiff-Evolved")

_JOINT = NormPolicy(resnet="joint")
_LCM_PRESET = Preset(6, "lcm", "sgm_uniform", 1.5)
_IMAGE_NOTE = "it was made to animate a given image, which it gets from no node yet; it runs as text to video."

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("v1", "AnimateDiff v1", "sd15", 16, 24, PAPER_SCHEDULE, _JOINT, "joint"),
        Family("v2", "AnimateDiff v2", "sd15", 16, 32, PAPER_SCHEDULE),
        Family("v3", "AnimateDiff v3", "sd15", 16, 32, PAPER_SCHEDULE),
        Family("long", "LongAnimateDiff", "sd15", 32, 64, PAPER_SCHEDULE, evolved="joint"),
        Family(
            "lightning", "AnimateDiff-Lightning", "sd15", 16, 32, PAPER_SCHEDULE,
            preset=Preset(4, "euler", "sgm_uniform", 1.0),
        ),
        Family("animatelcm", "AnimateLCM", "sd15", 16, 64, LCM_SCHEDULE, preset=_LCM_PRESET),
        Family("animatelcm_i2v", "AnimateLCM-I2V", "sd15", 16, 64, LCM_I2V_SCHEDULE, preset=_LCM_PRESET, note=_IMAGE_NOTE),
        Family("pia", "PIA", "sd15", 16, 32, PAPER_SCHEDULE, _JOINT, "joint", note=_IMAGE_NOTE),
        Family("sdxl", "AnimateDiff SDXL beta", "sdxl", 16, 32, SDXL_SCHEDULE, NormPolicy(module="joint"), "joint"),
        Family("hotshotxl", "HotshotXL", "sdxl", 8, 24, IMAGE_SCHEDULE, _JOINT, "joint"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class MotionSpec:
    """A motion model as read from its keys and shapes.

    `modules` names each motion module's place in the UNet ("down_blocks.0.motion_modules.1") with its width in
    channels. `max_frames` is the length of the position table, `attentions` the number of temporal attentions in
    each transformer block.
    """

    family: Family
    modules: tuple[tuple[str, int], ...]
    max_frames: int
    attentions: int = 2
    heads: int = 8

    @property
    def base(self) -> Base:
        return self.family.base

    @property
    def has_mid(self) -> bool:
        return any(place.startswith("mid_block.") for place, _ in self.modules)

    @property
    def native_frames(self) -> int:
        return min(self.family.native_frames, self.max_frames)
