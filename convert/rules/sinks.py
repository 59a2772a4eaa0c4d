"""Sinks: the nodes of AnimateDiff-Evolved that output a MODEL. Each becomes a chain of Kinema's nodes on MODEL."""

from ..graph.sampler_search import latents_behind
from ..graph.tracing import Tracer
from ..graph.workflow_graph import ACTIVE, GraphNode, OutputOf
from .beta_schedules import AUTOSELECT, BY_FILE, FROM_CHECKPOINT, KEEP_SCHEDULE, Schedule, is_clear, schedule_named
from .context_options import context_windows
from .motion_models import LIKE_ADE, V2_AS_V1, applied, effects, loaded, loader_scale, with_loras
from .motion_settings import adjusted
from .multivals import times
from .noise_settings import noise_schedule, sample_settings, wants_freenoise_of_windows
from .option_nodes import OptionNode
from .plan import IDEA, SAID, Plan, Value

GEN2, GEN1, LEGACY = "ADE_UseEvolvedSampling", "ADE_AnimateDiffLoaderGen1", "ADE_AnimateDiffLoaderWithContext"
V1, V1_WINDOWS = "AnimateDiffLoaderV1", "ADE_AnimateDiffLoaderV1Advanced"
SINKS = frozenset([GEN2, GEN1, LEGACY, V1, V1_WINDOWS])
REPLACED = (
    "A later AnimateDiff node on the same MODEL replaces this one completely in AnimateDiff-Evolved, so only the later one "
    "was converted."
)
REPLACED_BUT_FOR_SCHEDULE = (
    "In AnimateDiff-Evolved, a later AnimateDiff node on the same MODEL replaces all of this one except its noise schedule, "
    "so only the schedule was converted."
)
MOST_WITHOUT_WINDOWS = 16  # frames that Kinema never cuts automatically


def plan_sink(node: GraphNode, tracer: Tracer, behind_another: bool = False) -> Plan:
    """The plan for a sink. Raises RefusedError."""
    plan = Plan(node, tracer)
    sink = OptionNode(node, plan, ACTIVE)
    plan.model = sink.link("model")
    clear = is_clear(tracer, sink.link("model"))
    if behind_another:
        plan.chain("KinemaRemoveMotion", node, {}, heir=False)
    settings = sink.option("sample_settings") if "sample_settings" in sink.definition.sockets else None
    has_motion = _apply(plan, sink)
    override = noise_schedule(plan, settings)
    if override is not None:
        option, inputs = override
        plan.chain("KinemaNoiseSchedule", option.node, inputs)
    else:
        _schedule(plan, sink, has_motion, clear)
    freenoise = wants_freenoise_of_windows(settings)
    unknown = has_motion and _may_be_cut(tracer, node)
    if node.type == V1_WINDOWS:
        _own_windows(plan, sink)
    elif "context_options" in sink.definition.sockets:
        windows = context_windows(plan, sink, "context_options", freenoise, unknown)
        sample_settings(plan, settings, windows)
    plan.outputs[0] = plan.model
    if node.type in (V1, V1_WINDOWS):
        plan.outputs[1] = sink.link("latents")
    return plan


def plan_replaced(node: GraphNode, tracer: Tracer) -> Plan:
    """The plan for a sink that a later one on the same MODEL replaces: only its schedule stays."""
    plan = Plan(node, tracer)
    sink = OptionNode(node, plan, ACTIVE)
    plan.model = sink.link("model")
    schedule = schedule_named(plan, node, sink.word("beta_schedule"))
    if schedule is not None:
        plan.chain("KinemaNoiseSchedule", node, schedule.noise_schedule(FROM_CHECKPOINT))
    text = REPLACED if schedule is None else REPLACED_BUT_FOR_SCHEDULE
    plan.remark(IDEA, node, text, "Delete the later node to use this one.")
    for socket in node.sockets:
        traced = tracer.up(socket.source)
        if sink.definition.type_of(socket.name) not in ("MODEL", "LATENT") and traced.source is not None:
            plan.used.update(dict.fromkeys([*traced.passed, traced.source.node]))
    plan.outputs[0] = plan.model
    return plan


def keeps_an_unknown_schedule(node: GraphNode, tracer: Tracer) -> bool:
    """Whether the schedule that a sink leaves behind depends on its motion model."""
    sink = OptionNode(node, Plan(node, tracer), ACTIVE)
    return sink.plan.known(sink.value("beta_schedule")) == AUTOSELECT


def _apply(plan: Plan, sink: OptionNode) -> bool:
    """Adds the motion models. Returns whether there is one."""
    schedule = _for_apply(_schedule_of(plan, sink))
    if sink.type == GEN2:
        options = sink.row("m_models", "prev_m_models")
        if not options:
            return False
        applied(plan, options, schedule, sink.node)
        return any(option.mode == ACTIVE for option in options)
    motion_model = loaded(plan, sink.node, sink.value("model_name"), heir=False)
    if "ad_settings" in sink.definition.sockets:
        motion_model = adjusted(plan, sink.option("ad_settings"), motion_model)
    if "motion_lora" in sink.definition.sockets:
        motion_model = with_loras(plan, sink, motion_model)
    strength, attention = effects(plan, sink)
    inputs: dict[str, Value] = {
        "motion_model": motion_model,
        "strength": strength,
        "noise_schedule": schedule,
        "match": LIKE_ADE if _is_proper(sink) else V2_AS_V1,
        "attention": times(plan, loader_scale(plan, sink), attention, sink.node),
    }
    plan.chain("KinemaApplyMotionModel", sink.node, inputs)
    return True


def _is_proper(sink: OptionNode) -> bool:
    if sink.type in (V1, V1_WINDOWS):
        return False
    return sink.type != LEGACY or sink.switch("apply_v2_models_properly")


def _schedule_of(plan: Plan, sink: OptionNode) -> Schedule | str:
    """The schedule of a sink, or what Apply Motion Model calls one that is not named."""
    name = sink.word("beta_schedule")
    schedule = schedule_named(plan, sink.node, name)
    if schedule is not None:
        return schedule
    return BY_FILE if name == AUTOSELECT else KEEP_SCHEDULE


def _for_apply(schedule: Schedule | str) -> str:
    if isinstance(schedule, Schedule):
        return schedule.named or KEEP_SCHEDULE
    return schedule


def _schedule(plan: Plan, sink: OptionNode, has_motion: bool, clear: bool) -> None:
    """Adds Noise Schedule where Apply Motion Model alone does not say all."""
    schedule = _schedule_of(plan, sink)
    if not isinstance(schedule, Schedule):
        return
    enough = has_motion and schedule.named is not None and (schedule.consistent or clear)
    if not enough:
        plan.chain("KinemaNoiseSchedule", sink.node, schedule.noise_schedule(FROM_CHECKPOINT), heir=not has_motion)


def _may_be_cut(tracer: Tracer, node: GraphNode) -> bool:
    """Whether a sampler behind the sink gets, or may get, more frames than Kinema computes at once without windows."""
    found = latents_behind(tracer, OutputOf(node.id, 0))
    return not found or any(latents.frames is None or latents.frames > MOST_WITHOUT_WINDOWS for latents in found)


def _own_windows(plan: Plan, sink: OptionNode) -> None:
    if sink.number("context_length") == 0:
        return
    inputs: dict[str, Value] = {
        "length": sink.value("context_length"),
        "overlap": sink.value("context_overlap"),
        "schedule": "looped",
        "closed_loop": sink.value("closed_loop"),
        "fuse_method": "flat",
        "stride": sink.value("context_stride"),
        "short_videos": "leave",
    }
    plan.remark(
        SAID, sink.node, "The windows of this loader fail in today's AnimateDiff-Evolved; in Kinema, they work."
    )
    plan.chain("KinemaContextWindows", sink.node, inputs, heir=False)
