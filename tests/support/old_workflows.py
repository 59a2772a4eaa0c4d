"""Workflows of our own making with the nodes of AnimateDiff-Evolved, one for each layout and chain that people have. They
need no files but the miniature's and run in seconds."""

from collections.abc import Callable
from typing import Any

from evolved_graphs import Out, Sketch

MOTION, LORA = "miniature_mm.safetensors", "miniature_zoom.safetensors"
FRAMES = 16
WORKFLOWS: dict[str, Callable[[Sketch, Out], Out | None]] = {}
"""By name: what adds nodes behind a checkpoint, and returns the MODEL for a sampler, or None where it adds one."""


def workflow(name: str) -> dict[str, Any]:
    """The workflow of that name, as the canvas stores it."""
    sketch = Sketch()
    checkpoint = sketch.add("KinemaLoadMiniature", "day")
    frames = 24 if "windows" in name else FRAMES
    model = WORKFLOWS[name](sketch, checkpoint)
    if model is not None:
        sketch.sample(model, checkpoint, frames)
    return sketch.ui()


def _named(name: str) -> Callable[[Callable[[Sketch, Out], Out | None]], Callable[[Sketch, Out], Out | None]]:
    def register(build: Callable[[Sketch, Out], Out | None]) -> Callable[[Sketch, Out], Out | None]:
        WORKFLOWS[name] = build
        return build

    return register


def gen1(sketch: Sketch, model: Out, schedule: str = "autoselect", **links: Out) -> Out:
    return sketch.add("ADE_AnimateDiffLoaderGen1", MOTION, schedule, model=model, **links)


def gen2(sketch: Sketch, model: Out, applied: Out, schedule: str = "autoselect", **links: Out) -> Out:
    return sketch.add("ADE_UseEvolvedSampling", schedule, model=model, m_models=applied, **links)


@_named("gen1 loader alone")
def _gen1(sketch: Sketch, model: Out) -> Out:
    return gen1(sketch, model)


@_named("gen2 with two motion models")
def _two_models(sketch: Sketch, model: Out) -> Out:
    effect = sketch.add("ADE_MultivalDynamic", 0.7)
    load = [sketch.add("ADE_LoadAnimateDiffModel", MOTION) for _ in range(2)]
    first = sketch.add("ADE_ApplyAnimateDiffModel", 0.0, 1.0, motion_model=load[0])
    links = {"prev_m_models": first, "effect_multival": effect}
    return gen2(sketch, model, sketch.add("ADE_ApplyAnimateDiffModel", 0.0, 0.8, motion_model=load[1], **links))


@_named("gen2 simple with LoRA, scale and positions")
def _adjusted(sketch: Sketch, model: Out) -> Out:
    positions = sketch.add("ADE_AdjustPESweetspotStretch", 16, 18, False)
    weights = sketch.add("ADE_AdjustWeightAllMult", 1.01, False)
    settings = sketch.add("ADE_AnimateDiffSettings", pe_adjust=positions, weight_adjust=weights)
    load = sketch.add("ADE_LoadAnimateDiffModel", MOTION, ad_settings=settings)
    lora = sketch.add("ADE_AnimateDiffLoRALoader", LORA, 0.8, "")
    scale = sketch.add("ADE_MultivalDynamic", 1.2, "")
    links = {"motion_lora": lora, "scale_multival": scale}
    return gen2(sketch, model, sketch.add("ADE_ApplyAnimateDiffModelSimple", motion_model=load, **links), "lcm")


@_named("legacy loader of September 2023, legacy windows of five values")
def _september(sketch: Sketch, model: Out) -> Out:
    context = sketch.add("ADE_AnimateDiffUniformContextOptions", 16, 1, 4, "uniform", False)
    values = (MOTION, "sqrt_linear (AnimateDiff)")
    return sketch.add("ADE_AnimateDiffLoaderWithContext", *values, model=model, context_options=context)


@_named("legacy loader with scale, not properly")
def _legacy(sketch: Sketch, model: Out) -> Out:
    values = (MOTION, "autoselect", 1.3, False)
    return sketch.add("ADE_AnimateDiffLoaderWithContext", *values, model=model)


@_named("legacy loader with position stretch of the settings")
def _stretched(sketch: Sketch, model: Out) -> Out:
    settings = sketch.add("ADE_AnimateDiffModelSettingsSimple", 3, 1.0, 1.0, "")
    values = (MOTION, "autoselect", 1.0, True, "")
    return sketch.add("ADE_AnimateDiffLoaderWithContext", *values, model=model, ad_settings=settings)


@_named("looped closed windows of ten values")
def _looped(sketch: Sketch, model: Out) -> Out:
    values = (8, 1, 4, "uniform", True, "pyramid", False, 0.0, 1, "")
    context = sketch.add("ADE_AnimateDiffUniformContextOptions", *values)
    return gen1(sketch, model, context_options=context)


@_named("closed loop of equal length")
def _equal(sketch: Sketch, model: Out) -> Out:
    context = sketch.add("ADE_LoopedUniformContextOptions", 16, 1, 4, True, "pyramid", True, 0.0, 1)
    return gen1(sketch, model, context_options=context)


@_named("uniform windows with a stride, then static windows")
def _two_contexts(sketch: Sketch, model: Out) -> Out:
    first = sketch.add("ADE_StandardUniformContextOptions", 8, 2, 2, "pyramid", False, 0.0, 1)
    second = sketch.add("ADE_StandardStaticContextOptions", 8, 2, "relative", False, 0.5, 1, prev_context=first)
    return gen1(sketch, model, context_options=second)


@_named("batched windows, a bypassed context before them")
def _batched(sketch: Sketch, model: Out) -> Out:
    off = sketch.add("ADE_LoopedUniformContextOptions", 16, 1, 4, False, "pyramid", False, 0.0, 1, mode=4)
    return gen1(sketch, model, context_options=sketch.add("ADE_BatchedContextOptions", 8, 0.0, 1, prev_context=off))


@_named("views as motion windows")
def _views(sketch: Sketch, model: Out) -> Out:
    views = sketch.add("ADE_StandardStaticViewOptions", 8, 2, "pyramid")
    return gen1(sketch, model, context_options=sketch.add("ADE_ViewsOnlyContextOptions", 0.0, 1, view_opts_req=views))


@_named("windows with ContextRef")
def _reference(sketch: Sketch, model: Out) -> Out:
    reference = sketch.add("ADE_ContextExtras_ContextRef", 0.0, 0.25)
    context = sketch.add("ADE_StandardStaticContextOptions", 8, 2, "pyramid", False, 0.0, 1)
    extras = sketch.add("ADE_ContextExtras_Set", context_opts=context, context_extras=reference)
    return gen1(sketch, model, context_options=extras)


@_named("FreeNoise in windows, seeds of 2024")
def _freenoise(sketch: Sketch, model: Out) -> Out:
    context = sketch.add("ADE_StandardStaticContextOptions", 8, 2, "pyramid", False, 0.0, 1)
    settings = sketch.add("ADE_AnimateDiffSamplingSettings", 0, "FreeNoise", "comfy", 3, 0, True)
    return gen1(sketch, model, context_options=context, sample_settings=settings)


@_named("FreeNoise in windows with a batch offset")
def _offset(sketch: Sketch, model: Out) -> Out:
    context = sketch.add("ADE_StandardStaticContextOptions", 8, 2, "pyramid", False, 0.0, 1)
    settings = sketch.add("ADE_AnimateDiffSamplingSettings", 2, "FreeNoise", "comfy", 0, False)
    return gen1(sketch, model, context_options=context, sample_settings=settings)


@_named("empty noise")
def _empty(sketch: Sketch, model: Out) -> Out:
    return gen1(
        sketch, model, sample_settings=sketch.add("ADE_AnimateDiffSamplingSettings", 0, "empty", "comfy", 0, False)
    )


@_named("FreeInit")
def _freeinit(sketch: Sketch, model: Out) -> Out:
    values = (2, "gaussian", 0.25, 0.25, 4, 999, False, "FreeInit [sampler sigma]", 0, 1)
    options = sketch.add("ADE_IterationOptsFreeInit", *values)
    settings = sketch.add("ADE_AnimateDiffSamplingSettings", 0, "default", "comfy", 0, False, iteration_opts=options)
    return gen1(sketch, model, sample_settings=settings)


@_named("guidance and motion by keyframes")
def _keyframes(sketch: Sketch, model: Out) -> Out:
    cfg = sketch.add("ADE_CustomCFGKeyframeSimple", 1.5, 0.5, 1, prev_custom_cfg=sketch.add("ADE_CustomCFGSimple", 4.0))
    settings = sketch.add("ADE_AnimateDiffSamplingSettings", 0, "default", "comfy", 0, False, custom_cfg=cfg)
    scale, effect = sketch.add("ADE_MultivalDynamic", 1.2), sketch.add("ADE_MultivalDynamic", 0.5)
    first = sketch.add("ADE_AnimateDiffKeyframe", 0.0, True, 1, scale_multival=scale)
    links = {"prev_ad_keyframes": first, "effect_multival": effect}
    frames = sketch.add("ADE_AnimateDiffKeyframe", 0.5, True, 1, **links)
    return gen1(sketch, model, sample_settings=settings, ad_keyframes=frames)


@_named("mean schedule, sigma schedule over it")
def _schedules(sketch: Sketch, model: Out) -> Out:
    sigmas = sketch.add("ADE_SigmaSchedule", "lcm avg(sqrt_linear,linear)")
    settings = sketch.add("ADE_AnimateDiffSamplingSettings", 0, "default", "comfy", 0, False, sigma_schedule=sigmas)
    return gen1(sketch, model, "avg(sqrt_linear,linear)", sample_settings=settings)


@_named("lcm with 100 steps through a reroute")
def _passed_on(sketch: Sketch, model: Out) -> Out:
    load = sketch.add("ADE_LoadAnimateDiffModel", MOTION)
    applied = sketch.add("ADE_ApplyAnimateDiffModelSimple", motion_model=load)
    way = sketch.typed(sketch.add("Reroute", **{"": applied}), "M_MODELS")
    return gen2(sketch, model, way, "lcm[100_ots]")


@_named("two sinks, one behind the other")
def _behind(sketch: Sketch, model: Out) -> Out:
    return gen1(sketch, gen1(sketch, model, "linear (HotshotXL/default)"), "use existing")


@_named("prompts of five values over large latents, and a video of 2023")
def _prompts(sketch: Sketch, model: Out) -> None:
    clip, vae = Out(model.node, 1), Out(model.node, 2)
    latents = sketch.add("ADE_EmptyLatentImageLarge", 64, 64, FRAMES)
    texts = ('"0": "a red fish",\n"8": "",\n"12": "a blue fish"', "", ", coral", False, "lerp")
    positive = sketch.add("ADE_PromptSchedulingLatents", *texts, clip=clip, latent=latents)
    negative = sketch.add("CLIPTextEncode", "", clip=clip)
    links = {"positive": positive, "negative": negative, "latent_image": Out(positive.node, 1)}
    values = (1, "fixed", 4, 2, "euler", "normal", 1)
    sampled = sketch.add("KSampler", *values, model=gen1(sketch, model), **links)
    frames = sketch.add("VAEDecode", samples=sampled, vae=vae)
    sketch.add("ADE_AnimateDiffCombine", 8, 0, "old", "image/webp", False, True, images=frames)
