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
class Looks:
    """What a file shows before its weights are read: the base that its levels fit, whether it has a mid block, the length
    of its position table (0: it stores none), the name that it gives to the modules' container, the keys that it has
    beside motion modules, and its own name in lower case."""

    base: Base
    mid: bool
    positions: int
    container: str
    beside: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Sign:
    """What files of a family look like; what is None or empty does not matter.

    `beside` is how a key beside the motion modules begins. `named` is a part of the file's name: only for families whose
    files are equal in all else.
    """

    mid: bool | None = None
    positions: range | None = None
    container: str = ""
    beside: str = ""
    named: str = ""

    def fits(self, looks: Looks) -> bool:
        return (
            self.mid in (None, looks.mid)
            and (self.positions is None or looks.positions in self.positions)
            and self.container in ("", looks.container)
            and (not self.beside or any(key.startswith(self.beside) for key in looks.beside))
            and self.named in looks.name
        )

    @property
    def weight(self) -> tuple[bool, bool, bool, int]:
        """Of several signs that fit a file the one with the largest weight, the most particular one, counts."""
        others = (self.mid is not None) + (self.positions is not None)
        return bool(self.beside), bool(self.container), bool(self.named), others


_NONE, _V1, _V3, _SHORT, _LONG = range(1), range(24, 25), range(32, 33), range(64), range(64, 1 << 20)


@dataclass(frozen=True)
class Family:
    """One row of the table of motion models: by which `signs` it is recognised, and what keys and shapes do not say.

    `evolved` is how AnimateDiff-Evolved takes all GroupNorm statistics for this family; `note` is what a user should
    know when loading such a file.
    """

    name: str
    label: str
    base: Base
    native_frames: int
    max_frames: int
    schedule: Schedule
    signs: tuple[Sign, ...]
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
        Family(
            "v1", "AnimateDiff v1", "sd15", 16, 24, PAPER_SCHEDULE,
            (Sign(mid=False, positions=_V1), Sign(mid=False, positions=_NONE, named="mm_sd_v1")), _JOINT, "joint",
        ),
        Family(
            "v2", "AnimateDiff v2", "sd15", 16, 32, PAPER_SCHEDULE,
            (Sign(mid=True), Sign(mid=True, positions=_NONE, named="_v2")),
        ),
        Family("v3", "AnimateDiff v3", "sd15", 16, 32, PAPER_SCHEDULE, (Sign(mid=False),)),
        Family("long", "LongAnimateDiff", "sd15", 32, 64, PAPER_SCHEDULE, (Sign(positions=_LONG),), evolved="joint"),
        Family(
            "long32", "LongAnimateDiff 32", "sd15", 32, 32, PAPER_SCHEDULE,
            (Sign(mid=False, positions=_V3, named="lt_long"),),
        ),
        Family(
            "lightning", "AnimateDiff-Lightning", "sd15", 16, 32, PAPER_SCHEDULE,
            (Sign(mid=True, positions=_SHORT, named="lightning"),), preset=Preset(4, "euler", "sgm_uniform", 1.0),
        ),
        Family(
            "animatelcm", "AnimateLCM", "sd15", 16, 64, LCM_SCHEDULE,
            (Sign(mid=True, positions=_NONE), Sign(positions=_NONE, named="lcm"), Sign(positions=_LONG, named="lcm")),
            preset=_LCM_PRESET,
        ),
        Family(
            "animatelcm_i2v", "AnimateLCM-I2V", "sd15", 16, 64, LCM_I2V_SCHEDULE, (Sign(beside="img_encoder."),),
            preset=_LCM_PRESET, note=_IMAGE_NOTE,
        ),
        Family(
            "pia", "PIA", "sd15", 16, 32, PAPER_SCHEDULE, (Sign(beside="conv_in."),), _JOINT, "joint", note=_IMAGE_NOTE
        ),
        Family(
            "sdxl", "AnimateDiff SDXL beta", "sdxl", 16, 32, SDXL_SCHEDULE, (Sign(),),
            NormPolicy(module="joint"), "joint",
        ),
        Family(
            "hotshotxl", "HotshotXL", "sdxl", 8, 24, IMAGE_SCHEDULE, (Sign(container="temporal_attentions"),),
            _JOINT, "joint",
        ),
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
