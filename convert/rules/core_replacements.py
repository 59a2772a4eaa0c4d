"""Nodes of other packs that the host's own nodes, or Kinema's, can stand in for: only where the user asks for it."""

from collections.abc import Callable

from ..graph.tracing import Tracer
from ..graph.workflow_graph import GraphNode
from .control_nodes import APPLIES, apply_control
from .foreign_nodes import ForeignNode
from .plan import APPROXIMATE, IDEA, Made, Plan, RefusedError, Value
from .prompt_texts import fizz_text, with_commas

VIDEO_NAMES = ("frame_rate", "loop_count", "filename_prefix", "format", "pingpong", "save_output")
VIDEO: dict[str, Value] = dict(zip(VIDEO_NAMES, (8, 0, "AnimateDiff", "image/gif", False, True), strict=True))
LOAD_NAMES = ("video", "force_rate", "force_size", "frame_load_cap", "skip_first_frames", "select_every_nth")
LOAD: dict[str, Value] = dict(zip(LOAD_NAMES, ("", 0, "Disabled", 0, 0, 1), strict=True))
NO_GIF = "ComfyUI itself cannot write GIF files: the video is stored as an animated WebP."
COMMAS = "Remove the commas at the ends of text_before and text_after."
CONTROL_LOADERS = ("timestep_keyframe", "tk_optional")


def plan_core(node: GraphNode, tracer: Tracer) -> Plan:
    """The plan for a node of CORE. Raises RefusedError where the host's nodes cannot do the same."""
    plan = Plan(node, tracer)
    CORE[node.type](plan, node)
    return plan


def _is_used(plan: Plan, node: GraphNode, *but: int) -> bool:
    return any(source.slot not in but for source, _, _ in plan.tracer.graph.users_of(node))


def _save_video(plan: Plan, node: GraphNode) -> None:
    foreign = ForeignNode(node, plan, VIDEO_NAMES, VIDEO)
    form = str(plan.known(foreign.value("format")))
    if _is_used(plan, node) or any(foreign.link(name) for name in ("meta_batch", "batch_manager", "vae")):
        raise RefusedError(f"{node.type} ({node.id}) does more than ComfyUI's own nodes can do.")
    if plan.known(foreign.value("pingpong")) or plan.known(foreign.value("loop_count")) != 0:
        raise RefusedError(f"{node.type} ({node.id}) uses pingpong or loop_count, which ComfyUI does not have.")
    if not plan.known(foreign.value("save_output")):
        raise RefusedError(f"{node.type} ({node.id}) only shows the video, which ComfyUI's own nodes cannot do.")
    fps = foreign.value("frame_rate")
    images = foreign.link("images")
    prefix = foreign.value("filename_prefix")
    if form in ("image/gif", "image/webp"):
        inputs = {"images": images, "filename_prefix": prefix, "fps": fps, "lossless": False, "quality": 90}
        plan.make("SaveAnimatedWEBP", node, inputs, node.mode)
        if form == "image/gif":
            plan.remark(APPROXIMATE, node, NO_GIF, "Keep Video Combine of VideoHelperSuite.")
        return
    video = plan.make(
        "CreateVideo", node, {"images": images, "fps": fps, "audio": foreign.link("audio")}, node.mode, heir=False
    )
    stored: dict[str, Value] = {"filename_prefix": prefix, "format": "mp4", "codec": "auto"}
    plan.make("SaveVideo", node, {"video": Made(video, 0), **stored}, node.mode)
    if "h264" not in form:
        plan.remark(APPROXIMATE, node, f"The video is stored as h264 in MP4, not as {form}.", "Keep VideoHelperSuite.")


def _load_video(plan: Plan, node: GraphNode) -> None:
    foreign = ForeignNode(node, plan, LOAD_NAMES, LOAD)
    changed = [name for name in LOAD_NAMES[1:] if plan.known(foreign.value(name)) != LOAD[name]]
    if changed or _is_used(plan, node, 0, 2):
        what = ", ".join(changed) or "an output other than images and audio"
        raise RefusedError(f"{node.type} ({node.id}) uses {what}, which ComfyUI does not have.")
    video = plan.make("LoadVideo", node, {"file": foreign.value("video")}, node.mode)
    parts = plan.make("GetVideoComponents", node, {"video": Made(video, 0)}, node.mode, heir=False)
    plan.outputs = {0: Made(parts, 0), 2: Made(parts, 1)}


def _load_control(plan: Plan, node: GraphNode) -> None:
    foreign = ForeignNode(node, plan, ("control_net_name",), {"control_net_name": ""})
    if any(foreign.link(name) for name in CONTROL_LOADERS):
        raise RefusedError(f"{node.type} ({node.id}) uses timestep keyframes, which ComfyUI does not have.")
    loader = plan.make("ControlNetLoader", node, {"control_net_name": foreign.value("control_net_name")}, node.mode)
    plan.outputs[0] = Made(loader, 0)


def _prompts(plan: Plan, node: GraphNode) -> None:
    stored = node.values if isinstance(node.values, list) else []
    wired = {socket.name for socket in node.sockets if socket.source is not None and socket.name != "clip"}
    texts = [value for value in stored if isinstance(value, str)]
    frames = stored[1] if len(stored) > 1 and isinstance(stored[1], int) else None
    if wired or len(texts) != 3 or frames is None or any(stored[-4:]) or _is_used(plan, node, 0):
        raise RefusedError(
            f"{node.type} ({node.id}) uses linked texts, weights or outputs that Prompt Travel does not have."
        )
    text, _ = with_commas(fizz_text(texts[0], frames, f"{node.type} ({node.id})"))
    clip = ForeignNode(node, plan, (), {}).link("clip")
    inputs: dict[str, Value | None] = {"clip": clip, "prompts": text, "frames": frames}
    inputs |= {"text_before": texts[1], "text_after": texts[2]}
    plan.outputs[0] = Made(plan.make("KinemaPromptTravel", node, inputs, node.mode), 0)
    plan.remark(
        IDEA, node, "Prompt Travel joins text_before and text_after to the prompts with commas of its own.", COMMAS
    )


CORE: dict[str, Callable[[Plan, GraphNode], None]] = {
    "VHS_VideoCombine": _save_video,
    "VHS_LoadVideo": _load_video,
    "ControlNetLoaderAdvanced": _load_control,
    "BatchPromptSchedule": _prompts,
    **dict.fromkeys(APPLIES, apply_control),
}
