"""Context options and view options of AnimateDiff-Evolved: Context Windows and Motion Windows."""

from dataclasses import dataclass

from ..graph.workflow_graph import ACTIVE
from .context_extras import add_window_reference
from .option_nodes import OptionNode
from .plan import APPROXIMATE, IDEA, LOSS, Plan, RefusedError, Value

WITHOUT_WINDOWS = 1024  # the longest length: all frames at once, as without context options
MODERN_FUSE, LEGACY_FUSE = "pyramid", "flat"
SCHEDULE_OF = {
    "ADE_StandardStaticContextOptions": "static",
    "ADE_StandardUniformContextOptions": "uniform",
    "ADE_LoopedUniformContextOptions": "looped",
    "ADE_AnimateDiffUniformContextOptions": "looped",
    "ADE_BatchedContextOptions": "batched",
    "ADE_StandardStaticViewOptions": "static",
    "ADE_StandardUniformViewOptions": "uniform",
    "ADE_LoopedUniformViewOptions": "looped",
}
FUSE_METHODS = frozenset(
    [
        *("pyramid", "flat", "relative", "overlap-linear", "delayed-reverse-sawtooth", "gauss-sigma", "pyramid-sigma"),
        *("gauss-sigma-inverse", "pyramid-sigma-inverse"),
    ]
)
ONE_VIEW = "In Kinema, the motion modules use the same windows during the whole run."
VIEWS_NEARER = "Set length and overlap of Motion Windows to the values that matter most."
EXTRAS_HOLDER, VIEWS_ONLY = "ADE_ContextExtras_Set", "ADE_ViewsOnlyContextOptions"


@dataclass(frozen=True)
class Windows:
    """What later rules need to know of the windows of a sink."""

    length: Value = 16  # frames
    overlap: Value = 0  # frames
    moves: bool = False  # whether there are any
    in_motion: bool = False  # whether the motion modules have windows of their own


def context_windows(plan: Plan, sink: OptionNode, name: str, freenoise: bool, unknown_frames: bool) -> Windows:
    """Adds the windows that are linked to the socket `name` of `sink`; without any, one of all frames where there may
    be more than 16, which Kinema would cut."""
    options = sink.row(name, "prev_context")
    chain = [part for option in options for part in _with_own_chain(option)]
    contexts = [option for option in chain if option.type != EXTRAS_HOLDER]
    active = [option for option in contexts if option.mode == ACTIVE]
    for option in sorted(contexts, key=_start):
        if option.type != VIEWS_ONLY:
            _context(plan, option, freenoise and option.mode == ACTIVE)
    windows = _views(plan, active, freenoise)
    for option in chain:
        if option.type == EXTRAS_HOLDER:
            for extra in option.row("context_extras", "prev_extras"):
                add_window_reference(plan, option, extra)
    if not active and unknown_frames:
        whole: dict[str, Value] = {"length": WITHOUT_WINDOWS, "overlap": 0, "schedule": "static"}
        plan.chain("KinemaContextWindows", sink.node, whole, heir=False)
    if windows is not None:
        return windows
    cutting = [option for option in active if option.type != VIEWS_ONLY]
    if not cutting:
        return Windows()
    first = min(cutting, key=_start)
    return Windows(first.value("context_length"), _overlap(plan, first, "context_"), moves=True)


def _with_own_chain(option: OptionNode) -> list[OptionNode]:
    """`option`, and before an extras node the contexts in it."""
    if option.type != EXTRAS_HOLDER:
        return [option]
    inner = [part for found in option.row("context_opts", "prev_context") for part in _with_own_chain(found)]
    return [*inner, option]


def _start(option: OptionNode) -> float:
    if "start_percent" not in option.definition.widgets:
        return 0.0
    known = option.plan.known(option.value("start_percent"))
    return float(known) if isinstance(known, int | float) else 0.0


def _context(plan: Plan, option: OptionNode, freenoise: bool) -> None:
    if option.type not in SCHEDULE_OF:
        raise RefusedError(f"{option.type} ({option.node.id}) makes context options that Kinema does not know.")
    if "guarantee_steps" in option.definition.widgets and option.number("guarantee_steps") > 1 and _start(option) > 0:
        text = "guarantee_steps is above 1: later windows may begin earlier than in AnimateDiff-Evolved."
        plan.remark(APPROXIMATE, option.node, text, "Raise start_percent of the next Context Windows.")
    inputs = _windows(plan, option, "context_")
    inputs["freenoise"] = freenoise
    inputs["start_percent"] = option.value("start_percent")
    plan.chain("KinemaContextWindows", option.node, inputs, option.mode)


def _windows(plan: Plan, option: OptionNode, prefix: str) -> dict[str, Value]:
    """The inputs that Context Windows and Motion Windows share; `prefix` is "context_" or "view_"."""
    schedule = SCHEDULE_OF[option.type]
    inputs: dict[str, Value] = {
        "length": option.value(f"{prefix}length"),
        "overlap": _overlap(plan, option, prefix),
        "schedule": schedule,
        "fuse_method": _fuse(plan, option),
    }
    if f"{prefix}stride" in option.definition.widgets:
        inputs["stride"] = option.value(f"{prefix}stride")
        if plan.known(inputs["stride"]) != 1:
            text = "The stride is above 1: Kinema leaves out windows that are spaced too widely to fit into the video."
            plan.remark(IDEA, option.node, text, "Use a stride of 1, or a longer video.")
    if schedule == "looped":
        inputs["closed_loop"] = option.value("closed_loop")
        equal = "use_on_equal_length" in option.definition.widgets and option.switch("use_on_equal_length")
        inputs["short_videos"] = "equal length" if equal else "leave"
    return inputs


def _overlap(plan: Plan, option: OptionNode, prefix: str) -> Value:
    if f"{prefix}overlap" not in option.definition.widgets:
        return 0
    overlap = option.value(f"{prefix}overlap")
    length = plan.known(option.value(f"{prefix}length"))
    known = plan.known(overlap)
    if isinstance(length, int | float) and isinstance(known, int | float) and known >= length:
        quarter = int(length) // 4
        text = f"The overlap must be smaller than the length {length}, but is {known}. An overlap of {quarter} is used."
        plan.remark(APPROXIMATE, option.node, text, "Choose another overlap.")
        return quarter
    return overlap


def _fuse(plan: Plan, option: OptionNode) -> str:
    if "fuse_method" not in option.definition.widgets:
        return LEGACY_FUSE
    written = option.word("fuse_method")
    words = "".join(sign if sign.isascii() else " " for sign in written).replace("-", " ").split()
    name = "overlap-linear" if words[:1] == ["overlap"] else "-".join(words)
    if name in FUSE_METHODS:
        return name
    text = f"The fuse method {written} is replaced by pyramid."
    plan.remark(IDEA if name == "random" else APPROXIMATE, option.node, text, "Choose another fuse_method.")
    return MODERN_FUSE


def _views(plan: Plan, contexts: list[OptionNode], freenoise: bool) -> Windows | None:
    """Adds the windows of motion modules, those of the last context that has some."""
    found = [
        (option, view)
        for option in contexts
        if (view := option.option("view_opts_req" if option.type == VIEWS_ONLY else "view_opts")) is not None
    ]
    if not found:
        return None
    for option, view in found[:-1]:
        text = f"The view options of {option.type} ({option.node.id}) are left out. {ONE_VIEW}"
        plan.remark(LOSS, view.node, text, VIEWS_NEARER)
    holder, view = found[-1]
    if len(found) < len(contexts) or _start(holder) > 0:
        text = f"{ONE_VIEW} In AnimateDiff-Evolved, these windows belong to only one of the contexts."
        plan.remark(APPROXIMATE, view.node, text, VIEWS_NEARER)
    inputs = {**_windows(plan, view, "view_"), "freenoise": freenoise}
    plan.chain("KinemaMotionWindows", view.node, inputs)
    return Windows(inputs["length"], inputs["overlap"], moves=True, in_motion=True)
