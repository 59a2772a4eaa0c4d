"""What a model file is, by its keys alone, and which node loads it."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from .keys import canonical

Test = Callable[[Collection[str]], bool]


@dataclass(frozen=True, kw_only=True)
class FileKind:
    """A kind of model file that people have."""

    label: str  # what it is
    advice: str  # what to do with it
    fits: Test  # whether a file with these keys is one, unless a row above fits


def _has(pattern: re.Pattern[str]) -> Test:
    """Files with a key in which `pattern` is found."""
    return lambda keys: any(pattern.search(key) for key in keys)


def _motion(keys: Collection[str]) -> bool:
    return any(canonical(key) is not None for key in keys)


def _motion_and(sign: Test) -> Test:
    return lambda keys: _motion(keys) and sign(keys)


def _lora(keys: Collection[str]) -> bool:
    return any("lora" in key.lower() for key in keys)


def _motion_lora(keys: Collection[str]) -> bool:
    """In kohya's names, dots are underscores, and `canonical` knows only names with dots."""
    loras = [key for key in keys if "lora" in key.lower()]
    return any(canonical(key) is not None or "_motion_modules_" in key for key in loras)


MOTION_MODEL = FileKind(label="a motion model", advice="Load it with Load Motion Model", fits=_motion)
MOTION_LORA = FileKind(label="a motion LoRA", advice="Load it with Load Motion LoRA", fits=_motion_lora)
CAMERACTRL_FILE = FileKind(
    label="a CameraCtrl model",
    advice="Use it with Load CameraCtrl, and mm_sd15_v3 as the motion model",
    fits=_has(re.compile(r"qkv_merge|pose_encoder|encoder_conv_in|encoder_down_conv_blocks")),
)
SPARSECTRL_FILE = FileKind(
    label="a SparseCtrl model",
    advice="Load it with Load SparseCtrl and connect that node to Apply ControlNet. Pick mm_sd15_v3 as the motion model",
    fits=_motion_and(_has(re.compile(r"controlnet_cond_embedding"))),
)

_KINDS = (
    FileKind(
        label="a training checkpoint that contains a LoRA for the image model, such as RealEstate10K_LoRA",
        advice="CameraCtrl works without it. If you want the look of the LoRA's training videos (interiors and streets), save "
        "only the lora_state_dict of this file as a .safetensors file and load that with Load LoRA",
        fits=_has(re.compile(r"^lora_state_dict\.")),
    ),
    MOTION_LORA,
    FileKind(
        label="a LoRA for the image model",
        advice="Load it with Load LoRA, on the MODEL; this also applies to v3_sd15_adapter",
        fits=_lora,
    ),
    CAMERACTRL_FILE,
    FileKind(
        label="a MotionCtrl model",
        advice="Kinema does not use MotionCtrl. For a camera path, use Load CameraCtrl with mm_sd15_v3",
        fits=_has(re.compile(r"\.cc_projection\.")),
    ),
    SPARSECTRL_FILE,
    FileKind(
        label="a FancyVideo model",
        advice="Kinema does not use FancyVideo. To animate a picture, use Animate Picture with PIA",
        fits=_motion_and(_has(re.compile(r"(?:^|\.)(?:fps|motion)_embedding\."))),
    ),
    MOTION_MODEL,
    FileKind(
        label="a whole checkpoint",
        advice="Load it with Load Checkpoint",
        fits=_has(re.compile(r"^model\.diffusion_model\.")),
    ),
    FileKind(
        label="a ControlNet",
        advice="Load it with Load ControlNet Model",
        fits=_has(re.compile(r"^control_model\.|(?:^|\.)controlnet_(?:cond_embedding|down_blocks)")),
    ),
    FileKind(
        label="a T2I-Adapter, or the part of MotionCtrl that moves objects",
        advice="Load a T2I-Adapter with Load ControlNet Model. Kinema does not use MotionCtrl",
        fits=_has(re.compile(r"(?:^|\.)body\.[0-9]+\.(?:resnets\.[0-9]+\.)?block1\.")),
    ),
    FileKind(
        label="an IP-Adapter",
        advice="Load it with the nodes of an IPAdapter pack, before or after Apply Motion Model",
        fits=_has(re.compile(r"^(?:image_proj|ip_adapter)\.")),
    ),
    FileKind(
        label="a VAE",
        advice="Load it with Load VAE",
        fits=_has(re.compile(r"^first_stage_model\.|^decoder\.|^encoder\.")),
    ),
)
"""Of several that fit the first counts: a checkpoint contains a VAE, too."""


def kind_of(keys: Collection[str]) -> FileKind | None:
    """The kind of a file with these keys, None if it is unknown."""
    return next((kind for kind in _KINDS if kind.fits(keys)), None)


def wrong_kind(keys: Collection[str], name: str, wanted: FileKind, example: str) -> str:
    """What to say of the file `name` with these `keys`, which is none of the `wanted` kind; `example` is a file that is."""
    kind, instead = kind_of(keys), f"Pick {wanted.label} such as {example}."
    if kind is None:
        return f'"{name}" is not {wanted.label}: none of its keys ({len(keys)}) belongs to one. {instead}'
    if kind is wanted:
        return f'"{name}" seems to be {wanted.label}, but its keys are in a layout that Kinema does not know. {instead}'
    return f'"{name}" is {kind.label}, not {wanted.label}. {kind.advice}.'
