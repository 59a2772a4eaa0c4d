"""What is known of a motion model before it is built: its family, its places in the UNet, its numbers of frames."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

AUTOMATIC = "automatic"
"""In settings: what suits the family of the motion model."""

Base = Literal["sd15", "sdxl"]
Statistics = Literal["frame", "joint"]
PictureInput = Literal["none", "mask+picture", "encoder"]
"""How a motion model takes the picture that it animates: not at all, as more channels of the UNet's input, or through an
encoder of its own."""

BASE_NAMES: dict[Base, str] = {"sd15": "SD1.5", "sdxl": "SDXL"}


@dataclass(frozen=True)
class NormPolicy:
    """Whether GroupNorm statistics are taken per frame or jointly over the frames of a window."""

    resnet: Statistics = "frame"  # of the UNet's residual blocks and its output norm
    spatial: Statistics = "frame"  # of the UNet's spatial transformers
    module: Statistics = "frame"  # of the motion modules' own norm


@dataclass(frozen=True, kw_only=True)
class NoiseSchedule:
    """Which amount of noise each of the 1000 training timesteps stands for."""

    betas: (
        str  # ComfyUI's name of the beta curve; its "sqrt_linear" is linear, its "linear" is linear in the square root
    )
    first: float  # beta of the first timestep
    last: float  # beta of the last timestep
    lcm_steps: int | None = None  # timesteps that a consistency model was distilled on; None: an ordinary model
    mean_with: str | None = None  # a second beta curve between the same ends: noise levels are the mean of both


@dataclass(frozen=True, kw_only=True)
class NamedSchedule:
    """A noise schedule that nodes offer by its name."""

    schedule: NoiseSchedule  # the training noise levels
    words: str  # for the help page


PAPER_SCHEDULE = NoiseSchedule(betas="sqrt_linear", first=0.00085, last=0.012)
"""What the authors trained SD1.5 motion models with."""

IMAGE_SCHEDULE = NoiseSchedule(betas="linear", first=0.00085, last=0.012)
"""What Stable Diffusion was trained with."""

SDXL_SCHEDULE = NoiseSchedule(betas="linear", first=0.00085, last=0.020)
"""What the authors trained the SDXL motion model with."""

LCM_SCHEDULE = NoiseSchedule(betas="sqrt_linear", first=0.00085, last=0.012, lcm_steps=100)
"""What AnimateLCM was distilled with."""

LCM_I2V_SCHEDULE = NoiseSchedule(betas="sqrt_linear", first=0.00085, last=0.014, lcm_steps=200)
"""What AnimateLCM-I2V was distilled with."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The KSampler settings that the authors of a family recommend."""

    steps: int  # of the sampler
    sampler: str  # the host's name of the sampler
    scheduler: str  # the host's name of the scheduler
    cfg: float  # classifier-free guidance scale


@dataclass(frozen=True, kw_only=True)
class KeyLayout:
    """How the authors of a family write the keys of a motion module."""

    container: str = "motion_modules"  # the list of the motion modules of a block
    inside: str = "temporal_transformer."  # what follows the number of a motion module
    positions: str | None = "pos_encoder.pe"  # the position table of an attention; None: files do not store it


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What a file shows before its weights are read."""

    base: Base  # the base model whose UNet has these levels
    mid: bool  # whether there is a motion module in the mid block
    positions: int  # length of the position table, 0 where none is stored
    container: str  # as in KeyLayout
    other: tuple[str, ...]  # keys of parts other than motion modules, without prefixes
    name: str  # the file's name in lower case


@dataclass(frozen=True, kw_only=True)
class Sign:
    """What a file of a family looks like. None: that does not matter."""

    mid: bool | None = None  # whether there is a motion module in the mid block
    positions: range | None = None  # lengths of the position table; 0 is a file that stores none
    name: str | None = None  # part of the file's name: only for families whose files are otherwise equal
    doubt: str = ""  # what a user should know of a file that shows no more than this

    def fits(self, looks: Looks) -> bool:
        return (
            self.mid in (None, looks.mid)
            and (self.positions is None or looks.positions in self.positions)
            and (self.name is None or self.name in looks.name)
        )

    @property
    def shapes(self) -> int:
        """How many of the two facts about shapes it is particular about."""
        return (self.mid is not None) + (self.positions is not None)


@dataclass(frozen=True, kw_only=True)
class Family:
    """One row of the table of motion models (families.py): how its files are recognised, and what they do not say."""

    name: str  # key of the table, also in the metadata of saved files
    label: str  # what users read
    words: str  # for the help page: what its files are
    base: Base  # the base model that it was trained in
    native_frames: int  # frames of the clips that it was trained on
    max_frames: int  # length of the position table
    schedule: NoiseSchedule  # what it was trained with
    signs: tuple[Sign, ...] = ()  # by any of which a file is recognised, unless `layout` or `picture` are its own
    layout: KeyLayout = KeyLayout()  # how its files name their weights
    picture: PictureInput = "none"  # how it takes the picture that it animates
    mid: bool = False  # whether a new one has a motion module in the mid block
    norms: NormPolicy = NormPolicy()  # what the authors' code computes
    evolved: Statistics = "frame"  # how AnimateDiff-Evolved takes all GroupNorm statistics
    preset: Preset = Preset(steps=25, sampler="euler", scheduler="normal", cfg=7.5)  # what the authors recommend
    note: str = ""  # what a user should know when loading such a file

    @property
    def extra(self) -> tuple[str, ...]:
        """How the keys begin of what its files have besides motion modules."""
        return _EXTRA[self.picture]

    def norms_like(self, implementation: str) -> NormPolicy:
        """The norm policy of one of IMPLEMENTATIONS."""
        return IMPLEMENTATIONS[implementation].norms(self)


_EXTRA: dict[PictureInput, tuple[str, ...]] = {
    "none": (),
    "mask+picture": ("conv_in.",),
    "encoder": ("img_encoder.",),
}


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """A program whose results can be reproduced."""

    norms: Callable[[Family], NormPolicy]  # what it computes for a family
    words: str  # for the help page
    v2_as_v1: bool = False  # whether files with a mid block are v1's to it


def _evolved_norms(family: Family) -> NormPolicy:
    return NormPolicy(family.evolved, family.evolved, family.evolved)


AS_THE_LAST = "AnimateDiff-Evolved, as the last motion model"
"""The implementation whose norms are those of the last of several motion models."""

IMPLEMENTATIONS: dict[str, Implementation] = {
    "authors": Implementation(
        norms=lambda family: family.norms,
        words="Computes like the published code of each motion model: exactly as during training.",
    ),
    "diffusers": Implementation(
        norms=lambda family: NormPolicy(module="joint"),
        words="Computes like the diffusers library: the motion modules normalise all frames of a window together.",
    ),
    "AnimateDiff-Evolved": Implementation(
        norms=_evolved_norms,
        words="Computes like the node pack AnimateDiff-Evolved: for v1, PIA and SDXL models, "
        "every norm of the UNet and of the motion modules covers all frames of a window together.",
    ),
    "AnimateDiff-Evolved, v2 as v1": Implementation(
        norms=_evolved_norms,
        words="Like AnimateDiff-Evolved with its old switch apply_v2_models_properly off: files with a motion module in the "
        "mid block, such as v2 and AnimateLCM, are computed like v1.",
        v2_as_v1=True,
    ),
    AS_THE_LAST: Implementation(
        norms=_evolved_norms,
        words="Like AnimateDiff-Evolved with several motion models: the norms are those of the last motion model on the "
        "MODEL. With only one motion model, this gives the same result as the option AnimateDiff-Evolved.",
    ),
}


EVOLVED_V3_POSITIONS = 32
"""Length of the position table by which AnimateDiff-Evolved knows v3."""


@dataclass(frozen=True)
class MotionSpec:
    """A motion model as read from its keys and shapes."""

    family: Family  # the row of the table of families that it belongs to
    modules: tuple[tuple[str, int], ...]  # place in the UNet ("down_blocks.0.motion_modules.1") and width in channels
    max_frames: int  # length of the position table
    attentions: int = 2  # temporal attentions in each transformer block
    heads: int = 8  # of each attention
    note: str = ""  # what a user should know of this file
    picture: PictureInput = "none"  # how it takes the picture that it animates, if the file has the weights for it
    stores_positions: bool = True  # whether the file has position tables

    @property
    def base(self) -> Base:
        return self.family.base

    @property
    def has_mid(self) -> bool:
        return any(place.startswith("mid_block.") for place, _ in self.modules)

    @property
    def level_widths(self) -> tuple[int, ...]:
        """The channels of the levels of the UNet, from the widest picture to the smallest."""
        levels = {place.split(".")[1]: width for place, width in self.modules if place.startswith("down_blocks.")}
        return tuple(levels.values())

    def norms_like(self, implementation: str) -> NormPolicy:
        """The norm policy of one of IMPLEMENTATIONS for this file: to AnimateDiff-Evolved every file for SD1.5 without a mid
        block is v1's, unless it stores 32 positions."""
        stored = self.max_frames if self.stores_positions else 0
        is_v1 = self.base == "sd15" and not self.has_mid and stored != EVOLVED_V3_POSITIONS
        if is_v1 or (self.has_mid and IMPLEMENTATIONS[implementation].v2_as_v1):
            return replace(self.family, evolved="joint").norms_like(implementation)
        return self.family.norms_like(implementation)

    @property
    def native_frames(self) -> int:
        return min(self.family.native_frames, self.max_frames)
