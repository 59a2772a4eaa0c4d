"""The miniature's MODEL, CLIP and VAE, built from its files with the host's own classes.

The UNet has SD1.5's structure at a width of 64 channels, so the host's detection, which knows SD1.5 by its width,
cannot read it: the configuration is stated here, and all after it is the host's ordinary path.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import comfy.clip_model
import comfy.latent_formats
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.sd1_clip
import comfy.supported_models
import comfy.supported_models_base
import comfy.utils
import torch

FOLDER = Path(__file__).resolve().parent
BASE = "miniature.safetensors"  # UNet and text encoder, in the key layout of an SD1.5 checkpoint
VAE = "miniature_vae.safetensors"  # TAESD's layout, what the host's Load VAE reads too
NEON = "miniature_neon.safetensors"  # the style as a finetune: UNet only
NEON_LORA = "loras/miniature_neon_lora.safetensors"  # the style as a LoRA of the base
MOTION = "animatediff_models/miniature_mm.safetensors"
ZOOM = "animatediff_motion_lora/miniature_zoom.safetensors"  # a motion LoRA: the camera moves in
SPARSE_CONTROL = "controlnet/miniature_sparsectrl_rgb.safetensors"  # shows photographs at some frames
UNET_PREFIX = "model.diffusion_model."
TEXT_PREFIX = "cond_stage_model."

UNET_CONFIG: dict[str, Any] = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 64,
    "num_res_blocks": [2, 2, 2, 2],
    "channel_mult": [1, 1, 1, 1],
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
    "transformer_depth_middle": 1,
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    "context_dim": 64,
    "use_spatial_transformer": True,
    "use_linear_in_transformer": False,
    "use_temporal_attention": False,
    "adm_in_channels": None,
    "legacy": False,
}
TEXT_CONFIG: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "hidden_act": "quick_gelu",
    "max_position_embeddings": 77,
}


class MiniatureLatents(comfy.latent_formats.SD15):  # type: ignore[misc]
    """SD1.5's latents for the host, but with colours of their own, for previews."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_rgb_factors = [  # least squares on drawn clips; tests/test_miniature.py has the error
            [0.0858, 0.0977, 0.0717],
            [0.3296, 0.4651, 0.4319],
            [-0.1255, -0.0136, 0.0652],
            [-0.2674, -0.1805, -0.0472],
        ]
        self.latent_rgb_factors_bias = [-0.0982, 0.0789, 0.1419]
        self.taesd_decoder_name = None  # a decoder for SD1.5 gives wrong colours, too


class MiniatureConfig(comfy.supported_models.SD15):  # type: ignore[misc]
    """SD1.5 for the host in all but width."""

    picture_side = 128  # pixels of the pictures that it draws

    unet_extra_config: ClassVar[dict[str, int]] = {"num_heads": 4, "num_head_channels": -1}  # 8 heads: a third slower
    latent_format = MiniatureLatents
    memory_usage_factor = 0.25  # the host's estimate is for 320 channels

    def __init__(self) -> None:
        super().__init__(UNET_CONFIG)

    def clip_target(self, state_dict: dict[str, torch.Tensor] | None = None) -> comfy.supported_models_base.ClipTarget:
        return comfy.supported_models_base.ClipTarget(MiniatureTokenizer, MiniatureTextEncoder)


class _Tokenizer(comfy.sd1_clip.SDTokenizer):  # type: ignore[misc]
    def __init__(self, embedding_directory: Any = None, tokenizer_data: dict[str, Any] | None = None) -> None:
        super().__init__(
            str(FOLDER / "tokenizer"),
            embedding_directory=embedding_directory,
            embedding_size=TEXT_CONFIG["hidden_size"],
            tokenizer_data=tokenizer_data or {},
        )


class MiniatureTokenizer(comfy.sd1_clip.SD1Tokenizer):  # type: ignore[misc]
    """CLIP's byte-pair tokenizer with a vocabulary of all bytes and the world's words."""

    def __init__(self, embedding_directory: Any = None, tokenizer_data: dict[str, Any] | None = None) -> None:
        super().__init__(embedding_directory, tokenizer_data or {}, tokenizer=_Tokenizer)


class _TextModel(comfy.clip_model.CLIPTextModel):  # type: ignore[misc]
    """The host's CLIP text model, whose vocabulary size is fixed in the host, with a small vocabulary."""

    def __init__(self, config_dict: dict[str, Any], dtype: Any, device: Any, operations: Any) -> None:
        super().__init__(config_dict, dtype, device, operations)
        self.text_model.embeddings = comfy.clip_model.CLIPEmbeddings(
            config_dict["hidden_size"],
            config_dict["vocab_size"],
            config_dict["max_position_embeddings"],
            dtype=dtype,
            device=device,
            operations=operations,
        )


class _TextEncoder(comfy.sd1_clip.SDClipModel):  # type: ignore[misc]
    def __init__(self, device: Any = "cpu", dtype: Any = None, model_options: dict[str, Any] | None = None) -> None:
        start, end = special_tokens()
        super().__init__(
            device=device,
            dtype=dtype,
            textmodel_json_config=TEXT_CONFIG | {"vocab_size": end + 1, "eos_token_id": end},
            special_tokens={"start": start, "end": end, "pad": end},
            model_class=_TextModel,
            return_projected_pooled=False,
            model_options=model_options or {},
        )


class MiniatureTextEncoder(comfy.sd1_clip.SD1ClipModel):  # type: ignore[misc]
    """Two layers, 64 wide, 77 tokens; the host sees an SD1.5 text encoder."""

    def __init__(self, device: Any = "cpu", dtype: Any = None, model_options: dict[str, Any] | None = None) -> None:
        super().__init__(device=device, dtype=dtype, model_options=model_options or {}, clip_model=_TextEncoder)


def special_tokens() -> tuple[int, int]:
    """The ids of start and end: the last two lines of the vocabulary, as in CLIP's."""
    merges = (FOLDER / "tokenizer" / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    first = 512 + len(merges)
    return first, first + 1


def load_unet(path: str, disable_dynamic: bool = False) -> comfy.model_patcher.ModelPatcher:
    """A MODEL from a miniature checkpoint (float16 or float8 weights)."""
    weights = comfy.utils.load_torch_file(path)
    config = MiniatureConfig()
    device = comfy.model_management.get_torch_device()
    size = comfy.utils.calculate_parameters(weights, UNET_PREFIX)
    dtype = comfy.model_management.unet_dtype(
        model_params=size, supported_dtypes=config.supported_inference_dtypes, weight_dtype=torch.float16
    )
    cast = comfy.model_management.unet_manual_cast(dtype, device, config.supported_inference_dtypes)
    config.set_inference_dtype(dtype, cast)
    weights = {k: v.to(dtype) for k, v in weights.items() if k.startswith(UNET_PREFIX)}
    model = config.get_model(weights, UNET_PREFIX, device=comfy.model_management.unet_inital_load_device(size, dtype))
    kind = comfy.model_patcher.ModelPatcher if disable_dynamic else comfy.model_patcher.CoreModelPatcher
    patcher = kind(model, load_device=device, offload_device=comfy.model_management.unet_offload_device())
    model.load_model_weights(weights, UNET_PREFIX, assign=patcher.is_dynamic())
    patcher.cached_patcher_init = (load_unet, (path,))
    return patcher


def load_clip(path: str, embedding_directory: Any = None) -> comfy.sd.CLIP:
    """A CLIP from a miniature checkpoint."""
    weights = comfy.utils.load_torch_file(path)
    config = MiniatureConfig()
    weights = config.process_clip_state_dict({k: v for k, v in weights.items() if k.startswith(TEXT_PREFIX)})
    size = comfy.utils.calculate_parameters(weights)
    return comfy.sd.CLIP(
        config.clip_target(),
        embedding_directory=embedding_directory,
        tokenizer_data=weights,
        parameters=size,
        state_dict=weights,
    )


def load_vae(path: str) -> comfy.sd.VAE:
    """A VAE from a file in TAESD's layout, by the host's own detection."""
    return comfy.sd.VAE(sd=comfy.utils.load_torch_file(path))


def load_miniature(
    folder: Path = FOLDER, unet: str = BASE, lora: str | None = None
) -> tuple[comfy.model_patcher.ModelPatcher, comfy.sd.CLIP, comfy.sd.VAE]:
    """MODEL, CLIP and VAE; `unet` names the file of the image model, the base or the neon finetune, and `lora` that of a
    LoRA of the base, which the MODEL has at strength 1."""
    model = load_unet(str(folder / unet))
    if lora is not None:
        model, _ = comfy.sd.load_lora_for_models(model, None, comfy.utils.load_torch_file(str(folder / lora)), 1.0, 0.0)
    return model, load_clip(str(folder / BASE)), load_vae(str(folder / VAE))
