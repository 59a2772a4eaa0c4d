"""Sample settings of AnimateDiff-Evolved: noise, noise layers, iterations, guidance, schedule, injected images."""

from ..graph.workflow_graph import ACTIVE
from .beta_schedules import sample_schedule
from .context_options import Windows
from .guidance_options import custom_cfg
from .image_injections import inject_images
from .option_nodes import OptionNode
from .plan import APPROXIMATE, IDEA, LOSS, SAID, Plan, Value

FREE, REPEATED, CONSTANT, EMPTY, DEFAULT = "FreeNoise", "repeated_context", "constant", "empty", "default"
KIND_OF = {FREE: "FreeNoise", REPEATED: "repeated", CONSTANT: "constant", EMPTY: "empty", DEFAULT: "independent"}
LARGEST_ON_CANVAS = 2**53 - 1  # whole numbers that a canvas holds exactly
OTHER_NOISE = (
    "The noise has other seeds than in AnimateDiff-Evolved, so the result is a different picture of the same kind."
)
OTHER_SEED = "Choose another seed in the sampler."
LAYER_MODES = {
    "ADE_NoiseLayerReplace": "replace",
    "ADE_NoiseLayerAdd": "add",
    "ADE_NoiseLayerAddWeighted": "blend",
    "ADE_NoiseLayerNormalizedSum": "blend",
}


def wants_freenoise_of_windows(settings: OptionNode | None) -> bool:
    """Whether FreeNoise is only an order of the sampler's noise, which the windows themselves can set."""
    if settings is None or settings.word("noise_type") != FREE:
        return False
    return settings.number("batch_offset") != 0 or not _has_own_seeds(settings)


def noise_schedule(plan: Plan, settings: OptionNode | None) -> tuple[OptionNode, dict[str, Value]] | None:
    """The schedule that takes precedence over that of the loader, and its node."""
    option = settings.option("sigma_schedule") if settings is not None else None
    inputs = sample_schedule(plan, option) if option is not None else None
    return (option, inputs) if option is not None and inputs is not None else None


def sample_settings(plan: Plan, settings: OptionNode | None, windows: Windows) -> None:
    """Adds what is set besides the schedule to the chain."""
    if settings is None:
        return
    layers = [option for option in settings.row("noise_layers", "prev_noise_layers") if option.mode == ACTIVE]
    _base_noise(plan, settings, windows, bool(layers))
    for layer in layers:
        _layer(plan, layer, windows)
    _iterations(plan, settings.option("iteration_opts"))
    custom_cfg(plan, settings)
    inject_images(plan, settings)
    ancestral = settings.option("ancestral_opts")
    if ancestral is not None:
        text = (
            "The settings for the noise of ancestral samplers at each step are left out: the sampler draws this noise."
        )
        plan.remark(
            APPROXIMATE, ancestral.node, text, "Add an Animation Noise node after the others, with start_only off."
        )


def _has_own_seeds(settings: OptionNode) -> bool:
    return (
        settings.number("seed_offset") != 0
        or settings.word("seed_gen") != "comfy"
        or settings.is_linked("seed_override")
    )


def _base_noise(plan: Plan, settings: OptionNode, windows: Windows, has_layers: bool) -> None:
    kind = settings.word("noise_type")
    offset = int(settings.number("batch_offset"))
    by_windows = wants_freenoise_of_windows(settings)
    ordered = by_windows or (kind in (FREE, REPEATED) and not windows.moves)
    inputs: dict[str, Value] = {"noise_type": "independent" if ordered else KIND_OF.get(kind, "independent")}
    inputs |= _seeds(plan, settings, kind)
    if kind == FREE and by_windows and offset and inputs["seed"] != 0:
        plan.remark(
            IDEA,
            settings.node,
            f"The sampler's seed determines how FreeNoise shuffles the noise. {OTHER_NOISE}",
            OTHER_SEED,
        )
    if offset:
        inputs["first_frame"] = max(offset, 0)
        if kind in (CONSTANT, REPEATED):
            plan.remark(IDEA, settings.node, f"batch_offset is used with {kind}. {OTHER_NOISE}", OTHER_SEED)
    if inputs["noise_type"] in ("FreeNoise", "repeated"):
        inputs |= {"length": windows.length, "overlap": windows.overlap}
    neutral = inputs["noise_type"] == "independent" and inputs["seed"] == 0 and len(inputs) == 2
    if not neutral or has_layers:
        plan.chain("KinemaAnimationNoise", settings.node, {**inputs, "correlation": 0.0, "start_only": True})


def _seeds(plan: Plan, option: OptionNode, kind: str = "") -> dict[str, Value]:
    """The inputs of Animation Noise for the seeds of a settings node or of a noise layer."""
    name = "seed_gen" if "seed_gen" in option.definition.widgets else "seed_gen_override"
    generator = option.word(name)
    offset = int(option.number("seed_offset"))
    inputs: dict[str, Value] = {"seed": _seed(plan, option, offset)}
    if "[gpu]" in generator:
        text = f"{generator} draws noise on the GPU, Kinema on the CPU. {OTHER_NOISE}"
        plan.remark(IDEA, option.node, text, OTHER_SEED)
    if generator.startswith("auto1111"):
        inputs["seed_per_frame"] = True
    override = option.loose("seed_override")
    if override is None:
        return inputs
    known = plan.known(override)
    acts = kind != DEFAULT or offset != 0 or generator != "comfy"
    if not acts and (known is None or isinstance(known, int)):
        plan.remark(
            SAID,
            option.node,
            "With these settings, seed_override has no effect in AnimateDiff-Evolved, so it is left out.",
        )
    elif isinstance(known, int) and "seed_per_frame" in inputs:
        inputs["frame_seeds"] = str(known + offset)
    else:
        nearer = f"Set the sampler's seed to {known} + {offset}."
        nearer = "Connect the linked seed to the seed of the sampler." if known is None else nearer
        plan.remark(APPROXIMATE, option.node, f"seed_override is left out. {OTHER_NOISE}", nearer)
    return inputs


def _seed(plan: Plan, option: OptionNode, offset: int) -> int:
    if offset >= 0:
        return offset
    if plan.tracer.graph.form == "api":
        return 2**64 + offset
    text = f"The seed_offset {offset} is below 0, which the canvas cannot store. {OTHER_NOISE}"
    plan.remark(IDEA, option.node, text, OTHER_SEED)
    return LARGEST_ON_CANVAS + 1 + offset


def _layer(plan: Plan, layer: OptionNode, windows: Windows) -> None:
    if layer.type not in LAYER_MODES:
        plan.remark(LOSS, layer.node, "This noise layer is left out.", "Add an Animation Noise node.")
        return
    kind = layer.word("noise_type")
    inputs: dict[str, Value] = {
        "noise_type": KIND_OF.get(kind, "independent"),
        **_seeds(plan, layer),
        "correlation": 0.0,
        "mask": layer.link("mask_optional") or "",
        "mode": LAYER_MODES[layer.type],
        "first_frame": layer.value("batch_offset"),
        "length": windows.length,
        "overlap": windows.overlap if windows.moves else 0,
        "start_only": True,
    }
    if "noise_weight" in layer.definition.widgets:
        inputs["weight"] = layer.value("noise_weight")
    unmasked = {name: value for name, value in inputs.items() if value != "" or name != "mask"}
    text = f"{OTHER_NOISE} Layers are scaled to the variance that the sampler expects."
    plan.remark(IDEA, layer.node, text, "Choose another seed or weight in Animation Noise.")
    if "balance_multiplier" in layer.definition.widgets and layer.number("balance_multiplier") != 1:
        plan.remark(
            APPROXIMATE, layer.node, "balance_multiplier has no equivalent: 1 is used.", "Choose another weight."
        )
    plan.chain("KinemaAnimationNoise", layer.node, unmasked)


def _iterations(plan: Plan, option: OptionNode | None) -> None:
    if option is None or option.number("iterations") <= 1:
        return
    if option.type != "ADE_IterationOptsFreeInit":
        text = "Iterations that sample again from the result are left out."
        plan.remark(LOSS, option.node, text, "Connect a second sampler after the first.")
        return
    inputs: dict[str, Value] = {
        "method": "FreeInit",
        "iterations": option.value("iterations"),
        "filter": option.value("filter"),
        "space": option.value("d_s"),
        "time": option.value("d_t"),
        "order": option.value("n_butterworth"),
    }
    text = f"Kinema's FreeInit follows the paper: each iteration draws fresh noise. {OTHER_NOISE}"
    plan.remark(IDEA, option.node, text, OTHER_SEED)
    if option.switch("apply_to_1st_iter") or option.number("sigma_step") != 999 or "Dink" in option.word("init_type"):
        text = "apply_to_1st_iter, sigma_step and init_type have no equivalent and are left out."
        plan.remark(APPROXIMATE, option.node, text, "Try other values of until in Refine Noise.")
    plan.chain("KinemaRefineNoise", option.node, inputs)
