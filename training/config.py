"""What can be set about a training run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal, get_origin, get_type_hints

from ..motion.spec import AUTOMATIC, IMAGE_SCHEDULE, PAPER_SCHEDULE, Family, NamedSchedule, NoiseSchedule

Precision = Literal["automatic", "fp32", "bf16", "fp16"]
RateCurve = Literal["constant", "cosine"]

PRECISIONS: dict[Precision, str] = {
    "automatic": "fp32 if the image model was loaded in fp32; otherwise bf16, or fp16 on devices without bf16.",
    "fp32": "Full precision, which takes the most memory and time. The image model must have been loaded in fp32.",
    "bf16": "Less memory and time than fp32, and the same range of numbers.",
    "fp16": "Less memory and time than fp32, for devices without bf16. The range of numbers is smaller.",
}
"""The precisions that the image model can compute in, each with its words for the help page."""

RATE_CURVES: dict[RateCurve, str] = {
    "constant": "The rate stays the same, so a finished training run can be continued with more steps.",
    "cosine": "The rate falls along half a cosine wave, to 2 % at the last step.",
}
"""The learning rates over a run, each with its words for the help page."""


ABLATION: dict[str, NamedSchedule] = {
    "A": NamedSchedule(
        schedule=IMAGE_SCHEDULE,
        words="The square roots of the betas rise linearly, and the betas rise from 0.00085 to 0.012. Image models and "
        "HotshotXL were trained with it.",
    ),
    "B": NamedSchedule(
        schedule=PAPER_SCHEDULE,
        words="The betas rise linearly from 0.00085 to 0.012. Most SD1.5 motion models were trained with it.",
    ),
    "C": NamedSchedule(
        schedule=NoiseSchedule(betas="sqrt_linear", first=0.0001, last=0.02),
        words="The betas rise linearly from 0.0001 to 0.02, as in DDPM. The paper does not publish the betas of its C.",
    ),
}
"""The noise schedules of the paper's ablation: A is Stable Diffusion's, B the one the authors chose. The betas of C are
not published; DDPM's, which stand here, are a proposal to be edited."""


@dataclass(frozen=True)
class Range:
    """What a number may be."""

    least: float  # included; if it is an int, only whole numbers are allowed
    most: float  # included

    def allows(self, value: Any) -> bool:
        kind = int if isinstance(self.least, int) else int | float
        return isinstance(value, kind) and self.least <= value <= self.most

    def __str__(self) -> str:
        return f"from {self.least} to {self.most}"


@dataclass(frozen=True)
class Options:
    """What a choice may be."""

    names: tuple[Any, ...]  # all allowed values
    words: Mapping[str, str] = field(default_factory=dict)  # of each, for the help page; a switch has none

    def allows(self, value: Any) -> bool:
        return value in self.names

    def __str__(self) -> str:
        return "one of " + ", ".join(str(name) for name in self.names)


def _explained(words: Mapping[Any, str]) -> Options:
    return Options(tuple(words), words)


AUTOMATIC_SCHEDULE = "The schedule that this kind of motion model is usually trained with: B for most SD1.5 models."
SCHEDULE_WORDS = {AUTOMATIC: AUTOMATIC_SCHEDULE, **{letter: row.words for letter, row in ABLATION.items()}}


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How to train, by the names of the training nodes' inputs. The defaults are the authors' optimizer, loss and schedule;
    docs/motion-models.md lists what differs from their recipe. Raises ValueError for values out of range."""

    steps: Annotated[int, Range(1, 10_000_000)] = 1000  # optimizer steps
    learning_rate: Annotated[float, Range(1e-8, 1.0)] = 1e-4  # of AdamW, once it has warmed up
    batch_size: Annotated[int, Range(1, 1024)] = 1  # clips that go through the model together
    accumulation: Annotated[int, Range(1, 1024)] = 1  # batches of one optimizer step: gradient accumulation
    seed: Annotated[int, Range(0, 2**63 - 1)] = 42  # of the order of clips, the noise and the first weights
    noise_schedule: Annotated[str | NoiseSchedule, _explained(SCHEDULE_WORDS)] = AUTOMATIC  # or one of your own
    beta_start: Annotated[float, Range(0.0, 0.5)] = 0.0  # first beta of the noise schedule; 0: its own
    beta_end: Annotated[float, Range(0.0, 0.9)] = 0.0  # last beta of the noise schedule; 0: its own
    warmup: Annotated[int, Range(0, 100_000)] = 0  # steps over which the learning rate rises from nothing
    learning_rate_curve: Annotated[RateCurve, _explained(RATE_CURVES)] = (
        "constant"  # cosine falls to 2 % at the last step
    )
    weight_decay: Annotated[float, Range(0.0, 1.0)] = 0.01  # of AdamW
    clip_norm: Annotated[float, Range(0.01, 1000.0)] = 1.0  # maximum gradient norm
    average: Annotated[float, Range(0.0, 0.99999)] = 0.999  # EMA decay of the weights that a run returns; 0: the last
    caption_dropout: Annotated[float, Range(0.0, 1.0)] = 0.1  # fraction of clips that train with the empty caption
    timestep_bias: Annotated[float, Range(0.1, 10.0)] = 1.0  # t = 1000 * u^bias with u uniform: above 1, more small t
    weight_limit: Annotated[float, Range(1.0, 1000.0)] = 1.0  # in noise prediction t weighs 1 + sigma², up to this
    precision: Annotated[Precision, _explained(PRECISIONS)] = "automatic"  # what the image model computes in
    gradient_checkpointing: bool = False  # recompute activations in the backward pass, which saves memory
    save_every: Annotated[int, Range(1, 1_000_000)] = 500  # steps between two saves of the state
    automatic_checkpointing: bool = True  # turn gradient_checkpointing on where a step would not fit into memory

    def __post_init__(self) -> None:
        for name, limits in SETTINGS.items():
            value = getattr(self, name)
            own = name == "noise_schedule" and isinstance(value, NoiseSchedule)
            if not (own or limits.allows(value)):
                raise ValueError(f"{name} is {value!r}, but must be {limits}.")

    def schedule(self, family: Family) -> NoiseSchedule:
        """The noise schedule for a motion model of `family`."""
        schedule = self.noise_schedule
        if isinstance(schedule, str):
            schedule = family.schedule if schedule == AUTOMATIC else ABLATION[schedule].schedule
        first = self.beta_start or schedule.first
        last = self.beta_end or schedule.last
        return replace(schedule, first=first, last=last, lcm_steps=None)

    def values(self, family: Family) -> dict[str, Any]:
        """All settings as plain values, with the noise schedule that they come to for `family`."""
        plain = asdict(self)
        del plain["beta_start"], plain["beta_end"]
        schedule = asdict(self.schedule(family))
        if schedule["mean_with"] is None:
            del schedule["mean_with"]  # so that files written before such schedules existed can continue
        return plain | {"noise_schedule": schedule}


def _limits(hint: Any) -> Range | Options:
    if get_origin(hint) is Annotated:
        return hint.__metadata__[0]  # type: ignore[no-any-return]
    return Options((False, True))


SETTINGS = {name: _limits(hint) for name, hint in get_type_hints(TrainSettings, include_extras=True).items()}
"""What each setting may be."""

ON_CANVAS = {
    "accumulation": "gradient_accumulation",
    "warmup": "warmup_steps",
    "learning_rate_curve": "learning_rate_schedule",
    "clip_norm": "max_gradient_norm",
    "average": "ema_decay",
}
"""What the nodes show a setting as, where that is not its own name."""


def both_names(setting: str) -> str:
    """A setting in the words of a settings file and, in brackets, of the nodes."""
    if setting == "noise_schedule":
        return "noise_schedule (with beta_start and beta_end)"
    return f"{setting} ({ON_CANVAS[setting]})" if setting in ON_CANVAS else setting


def check_parts(accumulation: int, processes: int) -> None:
    """Raises ValueError unless `processes` can divide the batches of an optimizer step equally."""
    if accumulation % processes:
        raise ValueError(
            f"accumulation is {accumulation}, but the run has {processes} processes, which compute equal parts of each "
            f"step. Set accumulation to a multiple of {processes}, or use another number of processes."
        )


@dataclass(frozen=True, kw_only=True)
class LoraOptions:
    """What is particular to a motion LoRA."""

    rank: int = 64  # of each pair of factors, 1 or more
    debias: bool = True  # MotionDirector's loss, which also compares the frames of a clip with one another
    learn_looks_apart: bool = False  # MotionDirector's spatial pass, which learns the appearance in branches of its own


EARLIER_NAMES = {
    "batch": "batch_size",
    "rate": "learning_rate_curve",
    "schedule": "noise_schedule",
    "checkpointing": "gradient_checkpointing",
}
"""What settings were called in files that were written before they had the names of the inputs."""


def by_present_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings from a file, of whatever age, by the names that they have now."""
    return {EARLIER_NAMES.get(name, name): value for name, value in values.items()}
