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


V3 = motion_link("mm_sd15_v3.safetensors")
V2 = motion_link("mm_sd15_v2.safetensors")
LCM = motion_link("mm_sd15_AnimateLCM.safetensors")
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
PIA = Link("pia.ckpt", f"{HUB}/Leoxing/PIA/resolve/main/pia.ckpt", "animatediff_models")
CAMERACTRL = Link(
    "CameraCtrl_pruned.safetensors",
    f"{HUB}/Kosinkadink/CameraCtrl/resolve/main/CameraCtrl_pruned.safetensors",
    "animatediff_models",
)


def authors_link(name: str, directory: str) -> Link:
    return Link(name, f"{HUB}/guoyww/animatediff/resolve/main/{name}", directory)


ADAPTER = authors_link("v3_sd15_adapter.ckpt", "loras")
SPARSE_RGB = authors_link("v3_sd15_sparsectrl_rgb.ckpt", "controlnet")
SPARSE_SCRIBBLE = authors_link("v3_sd15_sparsectrl_scribble.ckpt", "controlnet")


def where(*links: Link) -> str:
    """A line of a note for files that older web clients do not offer to download, as they are no .safetensors files."""
    files = ", ".join(f"[{link.name}]({link.url}) into *models/{link.directory}*" for link in links)
    return f"- **Download** {files}, then press **R** to refresh."
