"""A second AnimateDiff pack, which a test puts beside Kinema: the folders, ids, socket names, wrapper and attachment keys
of AnimateDiff-Evolved, and its way of replacing functions of the host and of torch while a model is sampled."""

from types import SimpleNamespace

import comfy.hooks
import comfy.k_diffusion.sampling
import comfy.ops
import comfy.samplers
import folder_paths
import torch
from comfy.patcher_extension import WrappersMP

FOLDERS = ("animatediff_models", "animatediff_motion_lora")

for folder in FOLDERS:
    folder_paths.add_model_folder_path(folder, __file__.replace("__init__.py", folder))
    folder_paths.add_model_folder_path(folder, f"{folder_paths.models_dir}/{folder}")
    paths, extensions = folder_paths.folder_names_and_paths[folder]
    folder_paths.folder_names_and_paths[folder] = (paths, extensions | folder_paths.supported_pt_extensions)
comfy.hooks.peer_was_here = True


def joint_norm(norm, x):
    """GroupNorm over all frames at once."""
    frames = x.transpose(0, 1)[None]
    grouped = torch.nn.functional.group_norm(frames, norm.num_groups, norm.weight, norm.bias, norm.eps)
    return grouped[0].transpose(0, 1)


def outer_sample(executor, *args, **kwargs):
    """Replaces the sampling function and the noise of steps for the whole process, and puts them back."""
    sampling, noise = comfy.samplers.sampling_function, comfy.k_diffusion.sampling.default_noise_sampler

    def replaced(model, x, timestep, uncond, cond, cond_scale, model_options=None, seed=None):
        assert "ADGS" in (model_options or {})["transformer_options"]
        return sampling(model, x, timestep, uncond, cond, cond_scale, model_options=model_options or {}, seed=seed)

    executor.class_obj.model_options["transformer_options"]["ADGS"] = object()
    comfy.samplers.sampling_function = replaced
    comfy.k_diffusion.sampling.default_noise_sampler = lambda x, seed=None: lambda *_: torch.randn_like(x)
    try:
        return executor(*args, **kwargs)
    finally:
        comfy.samplers.sampling_function, comfy.k_diffusion.sampling.default_noise_sampler = sampling, noise


def diffusion_model(executor, *args, **kwargs):
    """Replaces GroupNorm for the whole process while the UNet runs."""
    forward, cast = torch.nn.GroupNorm.forward, comfy.ops.disable_weight_init.GroupNorm.forward_comfy_cast_weights
    torch.nn.GroupNorm.forward = joint_norm
    comfy.ops.disable_weight_init.GroupNorm.forward_comfy_cast_weights = joint_norm
    try:
        return executor(*args, **kwargs)
    finally:
        torch.nn.GroupNorm.forward = forward
        comfy.ops.disable_weight_init.GroupNorm.forward_comfy_cast_weights = cast


class Load:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"model_name": (folder_paths.get_filename_list(FOLDERS[0]),)}}

    RETURN_TYPES, RETURN_NAMES = ("MOTION_MODEL_ADE",), ("MOTION_MODEL",)
    FUNCTION, CATEGORY = "load", "Animate Diff"

    def load(self, model_name):
        return (folder_paths.get_full_path_or_raise(FOLDERS[0], model_name),)


class ContextOptions:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"context_length": ("INT", {"default": 16})}}

    RETURN_TYPES, FUNCTION, CATEGORY = ("CONTEXT_OPTIONS",), "make", "Animate Diff"

    def make(self, context_length):
        return (SimpleNamespace(context_length=context_length),)


class UseSampling:
    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {"model": ("MODEL",), "beta_schedule": (["autoselect"],)},
            "optional": {"m_models": ("M_MODELS",), "context_options": ("CONTEXT_OPTIONS",)},
        }

    RETURN_TYPES, FUNCTION, CATEGORY = ("MODEL",), "apply", "Animate Diff"

    def apply(self, model, beta_schedule, m_models=None, context_options=None):
        model = model.clone()
        model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, "ADE", outer_sample)
        model.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "ADE", diffusion_model)
        context_options = context_options or SimpleNamespace(context_length=None)
        model.set_attachments("ADE_params", SimpleNamespace(context_options=context_options))
        model.set_additional_models("ADE", [])
        return (model,)


NODE_CLASS_MAPPINGS = {
    "ADE_LoadAnimateDiffModel": Load,
    "ADE_StandardStaticContextOptions": ContextOptions,
    "ADE_UseEvolvedSampling": UseSampling,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "ADE_LoadAnimateDiffModel": "Load AnimateDiff Model",
    "ADE_UseEvolvedSampling": "Use Evolved Sampling",
}
