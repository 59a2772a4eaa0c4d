"""Settings of the sampler and sizes of the picture that do not suit the models of a run, as sentences."""

from collections.abc import Iterator

import torch

from ...motion.host import HostGuider, HostNetwork
from ...motion.load import FILE, usual_steps
from ..call.moment import Curve
from .animation import Animation, motion_models

FEW_STEPS = 8
"""A family whose preset has at most so many steps was distilled: more steps, or more cfg, burn the picture."""
PIXELS_PER_LATENT = 8
FULL_WIDTH = 320
"""Of the UNets of SD1.5 and SDXL; smaller ones are not trained for their sizes."""
SIZES = {"SD15": 512, "SDXL": 1024}
"""Side of the pictures that a base model was trained with, by the host's name of its configuration."""
TOO_LARGE, TOO_SMALL = 1.75, 0.45
"""Factors of that side beyond which pictures fall apart."""


def unsuitable(animation: Animation, guider: HostGuider, latent_image: torch.Tensor, steps: int) -> Iterator[str]:
    """The sentences for a run of `steps` from `latent_image` (f, c, h, w) by the host's `guider`."""
    cfg = guider.cfg if animation.guidance is None else animation.guidance.cfg
    for index in dict.fromkeys(how.index for how in animation.motions if how.strength != 0):
        motion = motion_models(guider.model_patcher)[index]
        spec, file = motion.model.spec, motion.get_attachment(FILE)
        usual, usual_cfg = usual_steps(spec.family.preset, file), spec.family.preset.cfg
        if spec.family.preset.steps > FEW_STEPS:
            continue
        if not isinstance(cfg, Curve) and cfg > usual_cfg + 1:
            yield f"cfg is {cfg:g}, but {spec.family.label} is made for cfg {usual_cfg:g}."
        if steps > 2 * usual:
            yield f"The sampler has {steps} steps, but {spec.family.label} is made for {usual}."
    yield from _size(guider.model_patcher.model, latent_image)


def _size(model: HostNetwork, latent_image: torch.Tensor) -> Iterator[str]:
    """Only for empty latents: what enlarges a finished picture keeps its composition."""
    config = model.model_config
    is_full = config.unet_config.get("model_channels") == FULL_WIDTH
    usual = SIZES.get(type(config).__name__) if is_full else None
    side = getattr(type(config), "picture_side", usual)  # the host's configurations have all names, and warn
    if side is None or torch.count_nonzero(latent_image):
        return
    height = PIXELS_PER_LATENT * latent_image.shape[-2]
    width = PIXELS_PER_LATENT * latent_image.shape[-1]
    if not TOO_SMALL * side <= (height * width) ** 0.5 <= TOO_LARGE * side:
        yield f"The pictures have {width} x {height} pixels, but the model is made for about {side} x {side}."
