"""Noise schedules by AnimateDiff-Evolved's names, in Kinema's nodes.

AnimateDiff-Evolved builds a schedule from what the checkpoint predicts, whatever nodes in between changed. So a
Noise Schedule that sets this prediction follows a named schedule, unless nothing between the checkpoint and the sink can
have changed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..graph.tracing import Tracer
from ..graph.workflow_graph import GraphNode, OutputOf
from .option_nodes import OptionNode
from .plan import APPROXIMATE, LOSS, Plan, RefusedError, Value

KEEP_SCHEDULE, BY_FILE, FROM_CHECKPOINT = "keep the model's", "as AnimateDiff-Evolved", "the checkpoint's"
ANIMATEDIFF, STABLE_DIFFUSION, SDXL, LCM = "AnimateDiff", "Stable Diffusion", "AnimateDiff SDXL", "LCM"
MEAN, LCM_MEAN = "mean of AnimateDiff and Stable Diffusion", "LCM mean of AnimateDiff and Stable Diffusion"
OWN_BETAS = "custom"
AUTOSELECT, EXISTING = "autoselect", "use existing"
FIRST_BETA, LAST_BETA = 0.00085, 0.012  # of ADE's named schedules


@dataclass(frozen=True)
class Schedule:
    """A schedule in Kinema's words."""

    named: str | None = None  # the option of Apply Motion Model that is all of it
    inputs: Mapping[str, Value] = field(default_factory=dict)  # of Noise Schedule
    consistent: bool = False  # whether it sets the prediction to lcm itself

    def noise_schedule(self, prediction: str) -> dict[str, Value]:
        """The inputs of a Noise Schedule node that sets it and what the model predicts."""
        return {"prediction": "lcm" if self.consistent else prediction, **self.inputs}


def _named(name: str, consistent: bool = False) -> Schedule:
    return Schedule(name, {"schedule": name}, consistent)


def _custom(betas: str, prediction: str | None = None) -> Schedule:
    ends: dict[str, Value] = {"betas": betas, "first_beta": FIRST_BETA, "last_beta": LAST_BETA}
    return Schedule(None, {"schedule": OWN_BETAS, **ends}, prediction == "lcm")


SCHEDULES = {
    "sqrt_linear (AnimateDiff)": _named(ANIMATEDIFF),
    "linear (AnimateDiff-SDXL)": _named(SDXL),
    "linear (HotshotXL/default)": _named(STABLE_DIFFUSION),
    "avg(sqrt_linear,linear)": _named(MEAN),
    "lcm avg(sqrt_linear,linear)": _named(LCM_MEAN, consistent=True),
    "lcm": _named(LCM, consistent=True),
    "lcm[100_ots]": Schedule(None, {"schedule": STABLE_DIFFUSION, "lcm_steps": 100}, consistent=True),
    "lcm >> sqrt_linear": _custom("sqrt_linear", "lcm"),
    "cosine": _custom("cosine"),
    "sqrt": _custom("sqrt"),
}
OLD_NAMES = {"sqrt_linear": "sqrt_linear (AnimateDiff)", "linear": "linear (HotshotXL/default)"}
CHECKPOINTS = frozenset(
    [
        *(
            "CheckpointLoaderSimple",
            "CheckpointLoaderSimpleWithNoiseSelect",
            "CheckpointLoader",
            "unCLIPCheckpointLoader",
        ),
        *("KinemaLoadMiniature", "CheckpointLoader|pysssss", "CheckpointLoaderSimpleShared //Inspire"),
    ]
)
KEEP_THE_SCHEDULE = frozenset(
    [
        *(
            "LoraLoader",
            "LoraLoaderModelOnly",
            "LoraLoader|pysssss",
            "FreeU",
            "FreeU_V2",
            "CR LoRA Stack",
            "CR Apply LoRA Stack",
        ),
        *("IPAdapterApply", "IPAdapter", "IPAdapterAdvanced", "IPAdapterApplyFaceID", "IPAdapterApplyEncoded"),
        *("IPAdapterUnifiedLoader", "IPAdapterBatch", "IPAdapterTiled", "IPAdapterTiledBatch", "IPAdapterEncoder"),
    ]
)
"""Nodes that pass a MODEL on without a change to its schedule or to what it predicts."""


def schedule_named(plan: Plan, node: GraphNode, name: str) -> Schedule | None:
    """The schedule of an ADE name; None where the MODEL keeps its own. Raises RefusedError for an unknown name."""
    name = OLD_NAMES.get(name, name)
    if name in (EXISTING, AUTOSELECT, ""):
        return None
    if name not in SCHEDULES:
        raise RefusedError(f"beta_schedule of {node.type} ({node.id}) is {name}, which Kinema does not have.")
    return SCHEDULES[name]


def sample_schedule(plan: Plan, option: OptionNode) -> dict[str, Value] | None:
    """The inputs of Noise Schedule for a SIGMA_SCHEDULE node of sample settings, which always sets the prediction;
    None where it cannot be expressed."""
    if option.type == "ADE_SigmaSchedule":
        schedule = schedule_named(plan, option.node, option.word("beta_schedule"))
        return schedule.noise_schedule("epsilon") if schedule else None
    if option.type == "ADE_RawSigmaSchedule":
        return raw_schedule(plan, option)
    if option.type == "ADE_SigmaScheduleWeightedAverage":
        names = {_name_of(option.option(side)) for side in ("schedule_A", "schedule_B")}
        if names == {"sqrt_linear (AnimateDiff)", "linear (HotshotXL/default)"} and option.number("weight_A") == 0.5:
            return {"schedule": MEAN, "prediction": "epsilon"}
    text = f"A schedule that is mixed from others is left out; beta_schedule of {plan.origin.type} is used instead."
    plan.remark(LOSS, option.node, text, "Use Sigma Schedule and Blend Sigmas with SamplerCustom.")
    return None


def raw_schedule(plan: Plan, option: OptionNode) -> dict[str, Value]:
    """The inputs of Noise Schedule or Sigma Schedule for a schedule from raw numbers."""
    betas = option.word("raw_beta_schedule")
    if betas == "squaredcos_cap_v2":
        text = "squaredcos_cap_v2 fails in AnimateDiff-Evolved. Kinema's cosine is used instead."
        plan.remark(APPROXIMATE, option.node, text, "Choose other betas in Noise Schedule or Sigma Schedule.")
        betas = "cosine"
    sampling = option.word("sampling")
    steps = option.value("lcm_original_timesteps")
    inputs: dict[str, Value] = {
        "schedule": OWN_BETAS,
        "betas": betas,
        "first_beta": option.value("linear_start"),
        "last_beta": option.value("linear_end"),
        "prediction": {"eps": "epsilon"}.get(sampling, sampling),
        "zero_snr": "on" if option.switch("zsnr") else "off",
    }
    return {**inputs, "lcm_steps": steps} if sampling == "lcm" else inputs


def is_clear(tracer: Tracer, model: OutputOf | None) -> bool:
    """Whether nothing between a checkpoint and `model` can have changed what the model predicts."""
    seen = set()
    while model is not None and model.node not in seen:
        seen.add(model.node)
        source = tracer.up(model).source
        if source is None:
            return False
        node = tracer.graph.nodes[source.node]
        if node.type in CHECKPOINTS:
            return True
        if node.type not in KEEP_THE_SCHEDULE:
            return False
        model = next((socket.source for socket in node.sockets if socket.name == "model"), None)
    return False


def _name_of(option: OptionNode | None) -> str:
    return option.word("beta_schedule") if option is not None and option.type == "ADE_SigmaSchedule" else ""
