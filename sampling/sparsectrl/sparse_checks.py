"""What cannot work with SparseCtrl is said before it is computed, in words that say what to do."""

import torch

from ...motion.host import HostNetwork
from ...motion.spec import BASE_NAMES
from ..call.frames import Frames
from ..call.moment import Curve
from ..call.slots import find_slots, network_name
from ..pictures.encoding import in_colour
from .sparse_model import SparseModel

BRIGHT = 0.5
"""Mean of sketches above which they are taken for dark lines on white. The authors' sample has 0.28 of its pixels above
half."""


def check_vae(model: SparseModel, vae: object) -> None:
    """Raises ValueError where photographs come without the `vae` (the host's VAE) that encodes them."""
    if model.condition == "rgb" and vae is None:
        raise ValueError(
            f'"{model.name}" needs its images encoded as latents, but no VAE is connected. Use Apply ControlNet, and '
            "connect the checkpoint's VAE to its vae input."
        )


def check_some(model: SparseModel, pictures: torch.Tensor) -> None:
    """Raises ValueError where there is no picture among `pictures` (n, c, h, w)."""
    if not len(pictures):
        raise ValueError(f'"{model.name}" got 0 pictures, but needs 1 or more. Connect pictures to Apply ControlNet.')


def what_is_bright(model: SparseModel, pictures: torch.Tensor) -> str | None:
    """What to tell of sketches, `pictures` (n, c, h, w), 0 to 1, that seem to be dark lines on white; None: nothing."""
    mean = float(in_colour(pictures).mean())
    if model.condition == "rgb" or mean <= BRIGHT:
        return None
    return (
        f'"{model.name}" was trained with white lines on black, but these pictures are bright (mean {mean:.2f}). If the '
        "lines are dark, put Invert Image before Apply ControlNet."
    )


def check_base(model: SparseModel, network: HostNetwork) -> None:
    """Raises ValueError unless the `network` of a MODEL takes what `model` adds to its blocks, and has its text context."""
    needs, has = BASE_NAMES[model.motion.model.spec.base], network_name(network)
    slots = find_slots(network.diffusion_model)
    if needs != has or not slots:
        raise ValueError(
            f'"{model.name}" is a ControlNet for {needs}, but the connected MODEL is {has}. Use an {needs} checkpoint.'
        )
    for place, width in model.motion.model.spec.modules:
        at = slots[place].width if place in slots else "no block there"
        if at != width:
            raise ValueError(
                f'"{model.name}" does not fit the connected MODEL: at "{place}" it has {width} channels, but the UNet '
                f"has {at}. Pick the SparseCtrl model that was made for this checkpoint."
            )
    context = _context(model.network.model)
    theirs = _context(network.diffusion_model)
    if context != theirs:
        raise ValueError(
            f'"{model.name}" takes prompt embeddings with {context} channels, but those of the connected MODEL have '
            f"{theirs}. Pick the SparseCtrl model that was made for this checkpoint."
        )


def _context(unet: torch.nn.Module) -> int:
    """The channels of the prompts that a network takes."""
    for name, layer in unet.named_modules():
        if name.endswith("attn2.to_k"):
            return int(layer.weight.shape[1])
    return 0


def check_frames(model: SparseModel, motion: float | Curve, frames: Frames, seen_together: int) -> None:
    """Raises ValueError where the motion modules cannot see the `frames` of a model call, `seen_together` of them."""
    if motion == 0:
        return
    spec = model.motion.model.spec
    if frames.count < 2:
        raise ValueError(
            f'The motion modules in "{model.name}" need 2 frames or more, but only 1 frame is sampled. Set motion of Load '
            "SparseCtrl to 0 for still pictures, or use a latent with more frames."
        )
    if seen_together > spec.max_frames:
        raise ValueError(
            f'"{model.name}" has {spec.max_frames} positional encodings, but {seen_together} frames are sampled at once. Use '
            f"{spec.max_frames} frames or fewer (it was trained with {spec.native_frames}), or Context Windows."
        )
