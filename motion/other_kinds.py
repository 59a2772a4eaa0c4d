"""Model files of other kinds, by their keys, and what to do with them."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from .keys import canonical


@dataclass(frozen=True, kw_only=True)
class OtherKind:
    """A kind of model that is neither a motion model nor a LoRA."""

    sign: re.Pattern[str]  # finds a key that only files of this kind have
    label: str  # what it is
    advice: str  # what to do with it
    motion: tuple[bool, ...] = (False,)  # whether its files have motion modules, too; both if some have


LORA_CHECKPOINT = OtherKind(
    sign=re.compile(r"^lora_state_dict\."),
    label="a LoRA for the image model inside a training checkpoint, such as RealEstate10K_LoRA",
    advice="CameraCtrl works without it. To get its look of rooms and streets, save its lora_state_dict alone as a "
    ".safetensors file and use Load LoRA",
)

_KINDS = (
    LORA_CHECKPOINT,
    OtherKind(
        sign=re.compile(r"qkv_merge|pose_encoder|encoder_conv_in|encoder_down_conv_blocks"),
        label="a CameraCtrl model",
        advice="Use it with Load CameraCtrl, and v3_sd15_mm as the motion model",
        motion=(False, True),
    ),
    OtherKind(
        sign=re.compile(r"\.cc_projection\."),
        label="a MotionCtrl model",
        advice="Kinema does not use MotionCtrl. For a camera path, use Load CameraCtrl with v3_sd15_mm",
        motion=(False, True),
    ),
    OtherKind(
        sign=re.compile(r"controlnet_cond_embedding"),
        label="a SparseCtrl model (a ControlNet with motion modules)",
        advice="Kinema does not use SparseCtrl: it needs the node pack ComfyUI-Advanced-ControlNet. Pick v3_sd15_mm as "
        "the motion model",
        motion=(True,),
    ),
    OtherKind(
        sign=re.compile(r"^model\.diffusion_model\."),
        label="a whole checkpoint",
        advice="Load it with Load Checkpoint",
    ),
    OtherKind(
        sign=re.compile(r"^control_model\.|^controlnet_cond_embedding|^controlnet_down_blocks"),
        label="a ControlNet",
        advice="Load it with Load ControlNet Model",
    ),
    OtherKind(
        sign=re.compile(r"^first_stage_model\.|^decoder\.|^encoder\."), label="a VAE", advice="Load it with Load VAE"
    ),
)
"""Of two that fit the first counts: a checkpoint contains a VAE, too."""


def other_kind(keys: Collection[str]) -> OtherKind | None:
    """The kind of a file with these keys, None if it is a motion model, a LoRA or unknown."""
    motion = any(canonical(key) is not None for key in keys)
    fitting = (kind for kind in _KINDS if motion in kind.motion)
    return next((kind for kind in fitting if any(kind.sign.search(key) for key in keys)), None)
