"""The templates that make animations with weights people have: SD1.5, a motion model, and what goes with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .board import Link, Node, Note, Stage, Template, bend

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
CANNY = Link(
    "control_v11p_sd15_canny_fp16.safetensors",
    f"{HUB}/comfyanonymous/ControlNet-v1-1_fp16_safetensors/resolve/main/control_v11p_sd15_canny_fp16.safetensors",
    "controlnet",
)
POSITIVE = "a red fish swimming right, coral reef"
NEGATIVE = "blurry, low quality, watermark, text"
LOAD = Stage("1  Model", "load", ("checkpoint",))
MOTION = Stage("2  Motion", "motion", ("motion",))
PROMPT = Stage("3  Prompt and length", "prompt", ("apply", "positive", "negative", "latent"))
SAMPLE = Stage("4  Animate", "sample", ("sampler",))
SAVE = Stage("5  Video", "save", ("decode", "video", "save"))


def spine(frames: int = 16, motion: Link = V3, prefix: str = "animation") -> dict[str, Node]:
    """Load Checkpoint, Load Motion Model → Apply Motion Model → KSampler → VAE Decode → Create Video → Save Video."""
    return {
        "checkpoint": Node("CheckpointLoaderSimple", 0, 0, {"ckpt_name": SD15.name}, models=(SD15,), height=120),
        "motion": Node("KinemaLoadMotionModel", 1, 100, {"motion_model": motion.name}, models=(motion,), height=80),
        "apply": apply(["checkpoint", 0]),
        "positive": prompt(POSITIVE, 330, "Prompt"),
        "negative": prompt(NEGATIVE, 520, "Negative prompt"),
        "latent": Node("EmptyLatentImage", 2, 710, {"width": 512, "height": 512, "batch_size": frames},
                       "Size and number of frames", 130),
        "sampler": sampler(["apply", 0], ["latent", 0]),
        "clip": bend(["checkpoint", 1], "CLIP", 1.5, 440),
        "vae": bend(["checkpoint", 2], "VAE", 1.2, 900),
        "vae again": bend(["vae", 0], "VAE", 3.4, 900),
        "decode": Node("VAEDecode", 4.5, 560, {"samples": ["sampler", 0], "vae": ["vae again", 0]}, height=70),
        "video": Node("CreateVideo", 5.5, 560, {"images": ["decode", 0], "fps": 8.0}, height=110),
        "save": Node("SaveVideo", 6.5, 560, {"video": ["video", 0], "filename_prefix": f"kinema/{prefix}", "format": "auto",
                     "codec": "auto"}, height=400),
    }  # fmt: skip


def prompt(text: str, y: float, title: str) -> Node:
    return Node("CLIPTextEncode", 2, y, {"clip": ["clip", 0], "text": text}, title, 140)


def apply(model: list[Any], motion: list[Any] | None = None, column: float = 2, y: float = 0) -> Node:
    inputs = {"model": model, "motion_model": motion or ["motion", 0]}
    return Node("KinemaApplyMotionModel", column, y, inputs, height=280)


def sampler(model: list[Any], latent: list[Any], column: float = 3.4, y: float = 330, **settings: Any) -> Node:
    inputs: dict[str, Any] = {
        "model": model, "positive": ["positive", 0], "negative": ["negative", 0], "latent_image": latent,
        "seed": 1, "steps": 20, "cfg": 7.5, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
    }  # fmt: skip
    return Node("KSampler", column, y, inputs | settings, height=480)


def text_to_animation() -> Template:
    note = Note(
        "## Text to animation\n\nWrite a **prompt**, press **Run**. 16 frames become a video of two seconds.\n\n"
        "- No model yet? The two loaders offer the downloads.\n"
        "- **batch_size** is the number of frames. More than 16 need nothing else: context windows engage by themselves.\n"
        "- Any SD1.5 checkpoint and LoRA works in place of the first node.",
        0, 220, 320,
    )  # fmt: skip
    stages = (LOAD, MOTION, PROMPT, SAMPLE, SAVE)
    return Template("text_to_animation", spine(prefix="text"), stages, {"note": note})
