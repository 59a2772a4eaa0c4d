"""Taking what the nodes ask for off the host's MODEL again."""

from collections.abc import Sequence
from typing import Any

from ...motion.camera_load import CAMERA
from ...motion.host import HostModel
from ...motion.lora_branches import LORAS
from .animation import ANIMATION, Animation, animation_of
from .seams import WRAPPERS, install


def without_motion(model: HostModel) -> HostModel:
    """A clone of `model` (MODEL) with nothing of its Animation but the noise schedule, and with all that other nodes put
    there."""
    still = model.clone()
    for key in (ANIMATION, LORAS, CAMERA):
        still.remove_additional_models(key)
    for kind in WRAPPERS:
        still.remove_wrappers_with_key(kind, ANIMATION)
    before = animation_of(model.model_options)
    options = still.model_options["transformer_options"]
    options[ANIMATION] = Animation(noise_schedule=before.noise_schedule, sampling=before.sampling)
    patches = options.get("patches", {})
    if "attn1_patch" in patches:
        options["patches"] = {**patches, "attn1_patch": _others(patches["attn1_patch"])}
    if "sampler_post_cfg_function" in still.model_options:
        still.model_options["sampler_post_cfg_function"] = _others(still.model_options["sampler_post_cfg_function"])
    return still


def _others(functions: Sequence[Any]) -> list[Any]:
    """The `functions` in a list of the host that are not Kinema's."""
    return [function for function in functions if getattr(function, "__module__", None) != install.__module__]
