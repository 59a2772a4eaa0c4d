"""Nodes of AnimateDiff-Evolved that stand for themselves: each becomes one node of the host or of Kinema, or two."""

from collections.abc import Callable

from ..graph.tracing import Tracer
from ..graph.workflow_graph import ACTIVE, GraphNode
from .beta_schedules import raw_schedule, schedule_named
from .context_options import context_windows
from .multivals import multival
from .option_nodes import OptionNode
from .plan import APPROXIMATE, IDEA, LOSS, SAID, Link, Made, Plan, RefusedError, Value
from .prompt_texts import with_commas
from .twins import TWINS, make_twin

MIRRORED = {"linear": "linear", "ease_in": "ease out", "ease_out": "ease in", "ease_in_out": "ease in and out"}
"""Easings of a way that is walked from its end."""


def plan_single(node: GraphNode, tracer: Tracer) -> Plan:
    """The plan for a node that stands for itself. Raises RefusedError, also for nodes of other kinds."""
    plan = Plan(node, tracer)
    option = OptionNode(node, plan, ACTIVE)
    if node.type in TWINS:
        make_twin(plan, option, TWINS[node.type])
    elif node.type in SPECIAL:
        SPECIAL[node.type](plan, option)
    else:
        raise RefusedError(f"{node.type} ({node.id}) has no equivalent in Kinema or ComfyUI.")
    return plan


def _checkpoint(plan: Plan, option: OptionNode) -> None:
    loader = plan.make(
        "CheckpointLoaderSimple", option.node, {"ckpt_name": option.value("ckpt_name")}, option.node.mode
    )
    plan.outputs = {slot: Made(loader, slot) for slot in range(3)}
    schedule = schedule_named(plan, option.node, option.word("beta_schedule"))
    if schedule is not None:
        inputs = {"model": Made(loader, 0), **schedule.noise_schedule("keep")}
        plan.outputs[0] = plan.output("KinemaNoiseSchedule", option.node, inputs, heir=False)
    if option.switch("use_custom_scale_factor") and option.number("scale_factor") != 0.18215:
        text = "scale_factor, a custom scale of the latents, is left out."
        plan.remark(LOSS, option.node, text, "Multiply the latents before VAE Decode.")


def _combine(plan: Plan, option: OptionNode) -> None:
    images = option.link("images")
    fps = option.value("frame_rate")
    form = option.word("format")
    prefix = option.value("filename_prefix")
    mode = option.node.mode
    if not option.switch("save_image"):
        plan.make("PreviewImage", option.node, {"images": images}, mode)
        plan.remark(
            IDEA, option.node, "save_image is off: the frames are shown as images.", "Use Save Video to see the video."
        )
    elif form.startswith("video/"):
        video = plan.make("CreateVideo", option.node, {"images": images, "fps": fps}, mode, heir=False)
        inputs: dict[str, Value] = {
            "video": Made(video, 0),
            "filename_prefix": prefix,
            "format": "mp4",
            "codec": "auto",
        }
        plan.make("SaveVideo", option.node, inputs, mode)
        if "h264" not in form:
            plan.remark(
                APPROXIMATE, option.node, f"The video is stored as h264 in MP4, not as {form}.", "Use VideoHelperSuite."
            )
    else:
        still: dict[str, Value | None] = {"images": images, "filename_prefix": prefix, "fps": fps, "lossless": False}
        plan.make("SaveAnimatedWEBP", option.node, {**still, "quality": 90}, mode)
        if form == "image/gif":
            text = "ComfyUI itself cannot write GIF files: the video is stored as an animated WebP."
            plan.remark(APPROXIMATE, option.node, text, "Use Video Combine of VideoHelperSuite with image/gif.")
    if option.switch("pingpong") or option.number("loop_count") != 0:
        text = "pingpong and loop_count are left out."
        plan.remark(APPROXIMATE, option.node, text, "Use Video Combine of VideoHelperSuite.")


def _prompts(plan: Plan, option: OptionNode) -> None:
    frames = option.value("max_length") if "max_length" in option.definition.widgets else None
    text = option.value("prompts")
    if isinstance(text, str):
        text, added = with_commas(text)
        if added:
            plan.remark(SAID, option.node, f"Missing commas were added after prompts (number added: {added}).")
    inputs: dict[str, Value | None] = {
        "clip": option.link("clip"),
        "prompts": text,
        "frames": None if frames == 0 else frames,
        "latent": option.link("latent"),
        "text_before": option.loose("prepend_text"),
        "text_after": option.loose("append_text"),
        "blend": "spherical" if option.word("tensor_interp") == "slerp" else "linear",
    }
    plan.outputs[0] = Made(plan.make("KinemaPromptTravel", option.node, inputs, option.node.mode), 0)
    if "latent" in option.definition.sockets:
        plan.outputs[1] = option.link("latent")
    if option.option("values_replace") is not None:
        plan.remark(LOSS, option.node, "values_replace is left out.", "Write the numbers into the prompts.")
    compounds = (
        "Between two prompts, the blend follows a straight line; in AnimateDiff-Evolved, it runs ahead of that line."
    )
    plan.remark(
        IDEA,
        option.node,
        compounds,
        "Add a line with the next prompt at an earlier frame, so that the change comes sooner.",
    )


def _unpatched(plan: Plan, option: OptionNode, kind: str, name: str, old: str) -> None:
    value = multival(plan, option.option(old))
    if not isinstance(value, int | float):
        raise RefusedError(
            f"The value of {option.type} ({option.node.id}) varies, but {kind} of ComfyUI takes only a fixed value."
        )
    new = plan.make(kind, option.node, {"model": option.link("model"), name: value}, option.node.mode)
    plan.outputs[0] = Made(new, 0)


def _sigmas(plan: Plan, option: OptionNode) -> None:
    source = option.option("sigma_schedule")
    if source is None:
        raise RefusedError(f"{option.type} ({option.node.id}) has no schedule.")
    plan.outputs[0] = _sigmas_of(plan, option, source)


def _sigmas_of(plan: Plan, holder: OptionNode, option: OptionNode) -> Made:
    run = {name: holder.value(name) for name in ("scheduler", "steps", "denoise")}
    if option.type == "ADE_SigmaSchedule":
        schedule = schedule_named(plan, option.node, option.word("beta_schedule"))
        inputs: dict[str, Value] = dict(schedule.noise_schedule("epsilon")) if schedule else {}
        return plan.output("KinemaSigmaSchedule", holder.node, {**inputs, **run})
    if option.type == "ADE_RawSigmaSchedule":
        return plan.output("KinemaSigmaSchedule", holder.node, {**raw_schedule(plan, option), **run})
    sides = ("schedule_Start", "schedule_End") if "Split" in option.type else ("schedule_A", "schedule_B")
    parts = [option.option(side) for side in sides]
    if parts[0] is None or parts[1] is None:
        raise RefusedError(f"{option.type} ({option.node.id}) needs two schedules.")
    first = _sigmas_of(plan, holder, parts[0])
    second = _sigmas_of(plan, holder, parts[1])
    text = "Blend Sigmas blends the sigmas of the sampling steps; AnimateDiff-Evolved blends those of the training timesteps."
    plan.remark(APPROXIMATE, option.node, text, "Try other values of weight in Blend Sigmas.")
    blend = {"sigmas_1": first, "sigmas_2": second, **_blend(option)}
    return plan.output("KinemaBlendSigmas", option.node, blend)


def _blend(option: OptionNode) -> dict[str, Value]:
    if "Split" in option.type:
        return {"mode": "split", "weight": 0.5, "split_at": option.value("idx_split_percent")}
    if option.type.endswith("Interp"):
        first = 1 - option.number("weight_A_End")  # a run goes down the sigmas
        last = 1 - option.number("weight_A_Start")
        easing = option.word("interpolation")
        return {"mode": "blend", "weight": first, "weight_end": last, "easing": MIRRORED.get(easing, easing)}
    weight = 1 - option.number("weight_A")
    return {"mode": "blend", "weight": weight, "weight_end": weight}


def _window_plan(plan: Plan, option: OptionNode) -> None:
    plan.model = option.link("model")
    context_windows(plan, option, "context_opts", freenoise=False, unknown_frames=False)
    widgets = option.definition.widgets
    run = {name: option.value(name) for name in ("steps", "scheduler") if name in widgets}
    inputs: dict[str, Value | None] = {
        "model": plan.model,
        "frames": option.value("latents_length"),
        "width": option.value("visual_width"),
        "sigmas": option.link("sigmas"),
        **run,
    }
    plan.outputs[0] = plan.output("KinemaWindowPlan", option.node, inputs)
    text = "Window Plan draws the windows differently from AnimateDiff-Evolved."
    plan.remark(IDEA, option.node, text, "Set width of Window Plan.")


def _scale_and_encode(plan: Plan, option: OptionNode) -> None:
    raise RefusedError(
        f"{option.type} ({option.node.id}) scales an image to the size of latents, which no ComfyUI node can do."
    )


def _mask_of_multival(plan: Plan, option: OptionNode) -> None:
    source = option.option("multival")
    mask: Link | None = (
        source.link("mask_optional") if source and "mask_optional" in source.definition.sockets else None
    )
    if mask is None:
        value = multival(plan, source)
        if not isinstance(value, int | float):
            raise RefusedError(f"{option.type} ({option.node.id}) turns a curve into a mask, which Kinema cannot do.")
        mask = plan.output("SolidMask", option.node, {"value": value, "width": 64, "height": 64})
        plan.remark(SAID, option.node, "The mask that is made from the number has 64 x 64 pixels.")
    plan.outputs[0] = mask


SPECIAL: dict[str, Callable[[Plan, OptionNode], None]] = {
    "CheckpointLoaderSimpleWithNoiseSelect": _checkpoint,
    "ADE_AnimateDiffCombine": _combine,
    "ADE_PromptScheduling": _prompts,
    "ADE_PromptSchedulingLatents": _prompts,
    "ADE_PerturbedAttentionGuidanceMultival": lambda plan, option: _unpatched(
        plan, option, "PerturbedAttentionGuidance", "scale", "scale_multival"
    ),
    "ADE_RescaleCFGMultival": lambda plan, option: _unpatched(
        plan, option, "RescaleCFG", "multiplier", "mult_multival"
    ),
    "ADE_SigmaScheduleToSigmas": _sigmas,
    "ADE_VisualizeContextOptionsK": _window_plan,
    "ADE_VisualizeContextOptionsKAdv": _window_plan,
    "ADE_VisualizeContextOptionsSCustom": _window_plan,
    "ADE_UpscaleAndVAEEncode": _scale_and_encode,
    "ADE_MultivalConvertToMask": _mask_of_multival,
}
