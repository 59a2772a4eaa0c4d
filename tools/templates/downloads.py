"""Where the model files of the templates can be downloaded."""

from __future__ import annotations

from .board import Link

HUB = "https://huggingface.co"
SD15 = Link(
    "v1-5-pruned-emaonly-fp16.safetensors",
    f"{HUB}/Comfy-Org/stable-diffusion-v1-5-archive/resolve/main/v1-5-pruned-emaonly-fp16.safetensors",
    "checkpoints",
)


def motion_link(name: str) -> Link:
    path = f"{HUB}/conrevo/AnimateDiff-A1111/resolve/main/motion_module/{name}"
    return Link(name, path, "animatediff_models")


V3, V2, LCM = (motion_link(f"mm_sd15_{name}.safetensors") for name in ("v3", "v2", "AnimateLCM"))
LIGHTNING = Link(
    "animatediff_lightning_4step_comfyui.safetensors",
    f"{HUB}/ByteDance/AnimateDiff-Lightning/resolve/main/animatediff_lightning_4step_comfyui.safetensors",
    "animatediff_models",
)
ZOOM = Link(
    "mm_sd15_v2_lora_ZoomIn.safetensors",
    f"{HUB}/conrevo/AnimateDiff-A1111/resolve/main/lora_v2/mm_sd15_v2_lora_ZoomIn.safetensors",
    "animatediff_motion_lora",
)
LCM_LORA = Link(
    "AnimateLCM_sd15_t2v_lora.safetensors",
    f"{HUB}/wangfuyun/AnimateLCM/resolve/main/AnimateLCM_sd15_t2v_lora.safetensors",
    "loras",
)
CANNY = Link(
    "control_v11p_sd15_canny_fp16.safetensors",
    f"{HUB}/comfyanonymous/ControlNet-v1-1_fp16_safetensors/resolve/main/control_v11p_sd15_canny_fp16.safetensors",
    "controlnet",
)
