"""Where Kinema meets the host's sampler: one wrapper per seam, one function in each list. Read from top to bottom, this
is the order of a run."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import torch
from comfy.patcher_extension import WrappersMP

from ...motion.camera_load import CAMERA
from ...motion.host import HostConds, HostExecutor, HostGuider, HostModel, HostNetwork, HostOptions, HostSampler
from ...motion.lora_branches import LORAS
from ..call.areas import AREAS, take_areas, with_areas
from ..call.caches import Caches
from ..call.call import CALL, Call, QueriesKeysValues, call_of, counted, frames_in, given_to, in_its_mode
from ..call.compiled import compilable, runs_compiled
from ..call.feature_cache import FeatureCache
from ..call.kept_guidance import KeptGuidance
from ..call.moment import moment_at
from ..call.parts import Callback, Parts
from ..camera.sight import sight_of
from ..guidance.animation_guidance import guided, needed, pushed_by_pag, replacing_cfg
from ..guidance.first_frame_attention import attending_first_frame
from ..guidance.guidance_reuse import reuse_summary, reusing
from ..guidance.motion_from_video import frames_of_memory, pushed_by_video
from ..guidance.motion_guidance import keeping_raw, pushed_by_motion
from ..latents.inject_image import injecting
from ..latents.text2video_zero import MovingSampler
from ..modules.controls import Shared, Values, motion_of
from ..modules.hooks import motion_inside
from ..modules.picture_at_work import with_picture
from ..noise.animation_noise import noise_of_run
from ..noise.freenoise import reschedule
from ..noise.refine_noise import sample_refined
from ..noise.start_noise import start_as_authors
from ..noise.step_noise import add_step_noise
from ..windows.conds import repeat_masks
from ..windows.controlnets import any_read_call
from .animation import ANIMATION, Animation, animation_in, animation_of, motion_models, with_encoded_pictures
from .checks import check_result, check_run, check_sigmas
from .handler import HANDLER, frames_at_once, handler_for, video_length
from .on_node import RunWords, say
from .preview import played
from .remarks import remarks


def _outer_sample(
    executor: HostExecutor[HostGuider, torch.Tensor], noise: torch.Tensor, latent_image: torch.Tensor,
    sampler: HostSampler, sigmas: torch.Tensor, denoise_mask: torch.Tensor | None = None,
    callback: Callback | None = None, disable_pbar: bool = False, seed: int | None = None, **more: Any,
) -> torch.Tensor:  # fmt: skip
    """A whole run, before its models are loaded. The options changed here are the host's copy for this run."""
    guider = executor.class_obj
    animation = animation_of(guider.model_options)
    kept = KeptGuidance()
    call = Call(caches=Caches(), inside=animation.motion_windows, features=FeatureCache(), guided=kept)
    handler = handler_for(guider.model_patcher, guider.model_options, noise.shape[0])
    if handler is not None:
        guider.model_options[HANDLER] = handler
    check_run(animation, guider, video_length(handler, noise))
    check_sigmas(sigmas)
    words = RunWords(say, remarks(animation, guider, handler, noise, latent_image, sigmas))
    guider.model_options["transformer_options"][CALL] = replace(call, shown=words)
    shape = (video_length(handler, noise), *noise.shape[1:])
    if shape == noise.shape:  # a video without end repeats what it needs
        repeat_masks(guider.conds.values(), shape[0])
    guider.model_options["transformer_options"][ANIMATION] = with_encoded_pictures(animation, guider, shape, seed or 0)
    if animation.noise is not None:
        noise = noise_of_run(animation.noise, noise, seed or 0)
        if animation.noise.authors_start and torch.count_nonzero(latent_image) == 0:  # else it starts from a picture
            sampler = start_as_authors(sampler, sigmas[0])
        if animation.noise.step_layers:
            sampler = add_step_noise(sampler, animation.noise.at_steps)
    windows = animation.freenoise_windows
    if windows is not None:
        noise = reschedule(noise, windows.length, windows.overlap, seed or 0)
    sampler = injecting(sampler, animation.injections, guider, noise.shape)
    if animation.motion_field is not None:
        sampler = MovingSampler(sampler, animation.motion_field)
    with ExitStack() as stack:
        if animation.guidance is not None:
            stack.enter_context(replacing_cfg(guider))
            _put_last(guider.model_options, WrappersMP.PREDICT_NOISE)
        shown = stack.enter_context(played(callback, animation.preview_plays))
        result = executor(noise, latent_image, sampler, sigmas, denoise_mask, shown, disable_pbar, seed, **more)
    check_result(result)
    if kept.reused:
        words.tell(reuse_summary(kept))
    words.finish()
    return result


def _put_last(model_options: HostOptions, kind: str) -> None:
    """Has the host call our wrapper after those of other nodes, which may override the cfg of a sampler."""
    wrappers = model_options["transformer_options"]["wrappers"][kind]
    wrappers[ANIMATION] = wrappers.pop(ANIMATION)


def _prepare_sampling(
    executor: HostExecutor[None, Any], model: HostModel, noise_shape: Sequence[int], conds: HostConds, *args: Any, **named: Any
) -> Any:  # fmt: skip
    """The host loads its models: it makes room for what is computed at once, and for the pass of Motion from Video."""
    options = named.get("model_options") or {}
    frames = frames_of_memory(animation_of(options).from_video, frames_at_once(options.get(HANDLER), noise_shape[0]))
    return executor(model, [frames, *noise_shape[1:]], conds, *args, **named)


def _sampler_sample(
    executor: HostExecutor[HostSampler, torch.Tensor], guider: HostGuider, sigmas: torch.Tensor,
    extra_args: dict[str, Any], callback: Callback | None, noise: torch.Tensor, latent_image: torch.Tensor, *more: Any,
) -> torch.Tensor:  # fmt: skip
    """The sampler alone, within all that arranges the noise of the run."""
    refinement = animation_of(extra_args["model_options"]).refinement
    if refinement is None:
        return executor(guider, sigmas, extra_args, callback, noise, latent_image, *more)
    parts = Parts(guider, extra_args, callback, latent_image, more, len(sigmas) - 1)
    return sample_refined(refinement, executor, executor.class_obj, sigmas, noise, parts)


def _predict_noise(
    executor: HostExecutor[HostGuider, torch.Tensor], x: torch.Tensor, timestep: torch.Tensor, model_options: HostOptions,
    seed: int | None = None,
) -> torch.Tensor:  # fmt: skip
    """One prediction: how those for the two prompts are combined."""
    animation = animation_of(model_options)
    call_of(model_options.get("transformer_options", {})).next_pass()
    if animation.motion_guidance is not None:
        model_options = keeping_raw(model_options)
    if animation.reuse is not None:
        model_options = reusing(animation.reuse, executor.class_obj, model_options)
    if animation.guidance is None:
        return executor(x, timestep, model_options, seed)
    with guided(animation.guidance, executor.class_obj, x, timestep[0], model_options) as options:
        return executor(x, timestep, options, seed)


def _calc_cond_batch(
    executor: HostExecutor[None, list[torch.Tensor]], model: HostNetwork, conds: HostConds, latents: torch.Tensor,
    timestep: torch.Tensor, model_options: HostOptions,
) -> list[torch.Tensor]:  # fmt: skip
    """The model calls of one window, or of the whole video: what they are told."""
    animation = animation_of(model_options)
    model_options = counted(latents, model_options)
    if animation.guidance is not None:
        options = model_options["transformer_options"]
        conds = needed(animation.guidance, conds, latents, timestep[0], model, options)
    if animation.motions or any_read_call(conds):
        conds = with_areas(conds, latents)
    return executor(model, conds, latents, timestep, model_options)


@in_its_mode
def _apply_model(
    executor: HostExecutor[HostNetwork, torch.Tensor], x: torch.Tensor, t: torch.Tensor, *args: Any, **named: Any
) -> torch.Tensor:
    """One model call: the UNet with the motion models of the patcher that is being sampled."""
    options = args[3] if len(args) > 3 else named["transformer_options"]
    animation = animation_in(options)
    if not animation.motions:
        named.pop(AREAS, None)
        with compilable(options):
            return executor(x, t, *args, **named)
    base = executor.class_obj
    call = call_of(options)
    frames = frames_in(x.shape[0], options)
    areas = take_areas(named, len(frames.indices))
    size = (x.shape[2], x.shape[3])
    moment = moment_at(frames, areas.whole if areas else size, t[0], base.model_sampling, options)
    inside = animation.motion_windows
    step = inside.step_of(moment.progress) if inside else 0
    models = motion_models(base.current_patcher)
    shared = Shared(
        values=Values(moment, x.device, size, areas),
        dtype=base.get_dtype_inference(),
        kept=call.kept,
        enhance=animation.enhance,
        windows=inside.of(frames.count, frames.total, x.device, step) if inside else None,
        loras=base.current_patcher.get_additional_models_with_key(LORAS),
        cameras=base.current_patcher.get_additional_models_with_key(CAMERA),
        sight=sight_of(frames, inside, step, size, areas, x.device, base.get_dtype_inference(), call.features),
        last_norms=models[animation.motions[-1].index].model.spec.norms_like(animation.motions[-1].match),
    )
    active = [
        with_picture(motion_of(models[how.index], how, shared), how, shared, call.features) for how in animation.motions
    ]
    if call.instead is not None:
        return call.instead(base, active, given_to(frames, x, t, *args, **named))
    if runs_compiled(options):
        active = [motion.in_tensors(frames.count, x.device) for motion in active]
    with compilable(options), motion_inside(base.diffusion_model, active, frames.count):
        return executor(x, t, *args, **named)


def _attn1(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, options: HostOptions) -> QueriesKeysValues:
    """What a self-attention of the UNet will project."""
    projected = (queries, keys, values)
    if animation_in(options).first_frame:
        projected = attending_first_frame(projected, options)
    tokens = call_of(options).tokens
    return projected if tokens is None else tokens.attended(projected, options)


def _post_cfg(args: dict[str, Any]) -> torch.Tensor:
    """What is added to the guided prediction."""
    animation = animation_of(args["model_options"])
    if animation.guidance is not None:
        args = {**args, "denoised": pushed_by_pag(animation.guidance, args)}
    if animation.motion_guidance is not None:
        args = {**args, "denoised": pushed_by_motion(animation.motion_guidance, args)}
    if animation.from_video is not None:
        args = {**args, "denoised": pushed_by_video(animation.from_video, args)}
    return args["denoised"]  # type: ignore[no-any-return]


WRAPPERS: dict[str, Callable[..., Any]] = {
    WrappersMP.OUTER_SAMPLE: _outer_sample,
    WrappersMP.PREPARE_SAMPLING: _prepare_sampling,
    WrappersMP.SAMPLER_SAMPLE: _sampler_sample,
    WrappersMP.PREDICT_NOISE: _predict_noise,
    WrappersMP.CALC_COND_BATCH: _calc_cond_batch,
    WrappersMP.APPLY_MODEL: _apply_model,
}


def install(model: HostModel, animation: Animation) -> None:
    """Has the host call the above in runs of `model` (MODEL, changed in place), each once. Functions in lists that other
    nodes share take their place when `animation` first needs them, so that their order is that of the nodes."""
    for kind, wrapper in WRAPPERS.items():
        if not model.get_wrappers(kind, ANIMATION):
            model.add_wrapper_with_key(kind, ANIMATION, wrapper)
    attends = animation.first_frame or any(reference.mode == "attend" for reference in animation.references)
    if attends and _attn1 not in _patches(model).get("attn1_patch", ()):
        model.set_model_attn1_patch(_attn1)
    pushes = animation.motion_guidance is not None or (animation.guidance is not None and animation.guidance.pag != 0)
    pushes = pushes or animation.from_video is not None
    if pushes and _post_cfg not in model.model_options.get("sampler_post_cfg_function", ()):
        model.set_model_sampler_post_cfg_function(_post_cfg)


def _patches(model: HostModel) -> Mapping[str, Any]:
    return model.model_options["transformer_options"].get("patches", {})  # type: ignore[no-any-return]
