"""Images that AnimateDiff-Evolved injects in the middle of a run: Inject Image."""

from ..graph.sampler_search import latents_behind
from ..graph.workflow_graph import ACTIVE, OutputOf
from .multivals import multival
from .option_nodes import OptionNode
from .plan import APPROXIMATE, IDEA, Link, Plan, Value


def inject_images(plan: Plan, settings: OptionNode) -> None:
    """Adds one Inject Image for each injection of sample settings."""
    for option in settings.row("image_inject", "prev_image_inject"):
        if option.mode == ACTIVE:
            _inject(plan, option)


def _inject(plan: Plan, option: OptionNode) -> None:
    place = option.option("img_inject_opts")
    linked = option.link("image")
    fit = option.switch("resize_image")
    image: Link | None = _stretched(plan, option, linked) if fit and linked is not None else linked
    mask: Link | None = option.link("mask_opt")
    if mask is not None and option.switch("invert_mask"):
        mask = plan.output("InvertMask", option.node, {"mask": mask}, heir=False)
    inputs: dict[str, Value | None] = {
        "percent": option.value("start_percent"),
        "strength": multival(plan, option.option("strength_multival")),
        "image": image,
        "vae": option.link("vae"),
        "mask": mask,
        "fit": fit,
        "x": place.value("composite_x") if place else 0,
        "y": place.value("composite_y") if place else 0,
        "space": "pixel",
    }
    if option.number("guarantee_steps") > 1:
        text = "guarantee_steps above 1 injects the image again at the following steps; Kinema injects it only once."
        plan.remark(APPROXIMATE, option.node, text, "Add further Inject Image nodes at the percentages of these steps.")
    plan.chain("KinemaInjectImage", option.node, inputs)


def _stretched(plan: Plan, option: OptionNode, image: OutputOf) -> Link:
    """`image` stretched to the size of the video, as ADE does, where that size is known."""
    sizes = {(latents.width, latents.height) for latents in latents_behind(plan.tracer, OutputOf(plan.origin.id, 0))}
    width, height = next(iter(sizes)) if len(sizes) == 1 else (None, None)
    if width is None or height is None:
        text = "The image is cropped to the shape of the video; AnimateDiff-Evolved stretches it."
        plan.remark(
            IDEA, option.node, text, "Connect Upscale Image, with the size of the video and crop disabled, to image."
        )
        return image
    inputs: dict[str, Value] = {
        "image": image,
        "upscale_method": "bilinear",
        "width": width,
        "height": height,
        "crop": "disabled",
    }
    return plan.output("ImageScale", option.node, inputs, heir=False)
