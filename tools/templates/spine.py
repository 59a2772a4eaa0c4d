"""What the templates share: the graph from a checkpoint to a video, its stages, and ways to change it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .board import Link, Node, Note, Stage, bend
from .downloads import SD15, V3

POSITIVE = "a red fish swimming right, coral reef"
NEGATIVE = "blurry, low quality, watermark, text"
LOAD = Stage("Model", "load", ("checkpoint",))
MOTION = Stage("Motion", "motion", ("motion",))
PROMPT = Stage("Prompt and length", "prompt", ("apply", "positive", "negative", "latent"))
SAMPLE = Stage("Animate", "sample", ("sampler",))
SAVE = Stage("Video", "save", ("decode", "video", "save"))


def spine(prefix: str, frames: int = 16, motion: Link = V3, room: float = 0) -> dict[str, Node]:
    """Load Checkpoint, Load Motion Model, Apply Motion Model, KSampler, VAE Decode, Create Video, Save Video.

    `room` columns are left free between Apply Motion Model and the sampler; `prefix` begins the video's file name.
    """
    nodes = {
        "checkpoint": Node("CheckpointLoaderSimple", 0, 0, {"ckpt_name": SD15.name}, models=(SD15,), height=120),
        "motion": Node("KinemaLoadMotionModel", 1, 100, {"motion_model": motion.name}, models=(motion,), height=90),
        "apply": Node("KinemaApplyMotionModel", 2, 0, {"model": ["checkpoint", 0], "motion_model": ["motion", 0]}, height=280),
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
    return nodes | moved(nodes, room, "sampler", "vae again", "decode", "video", "save")


def moved(nodes: dict[str, Node], columns: float, *names: str) -> dict[str, Node]:
    """Those nodes, further right."""
    return {name: replace(nodes[name], column=nodes[name].column + columns) for name in names}


def with_inputs(node: Node, **inputs: Any) -> Node:
    return replace(node, inputs=node.inputs | inputs)


def prompt(text: str, y: float, title: str) -> Node:
    return Node("CLIPTextEncode", 2, y, {"clip": ["clip", 0], "text": text}, title, 140)


def sampler(model: list[Any], latent: list[Any], column: float = 3.4, y: float = 330, **settings: Any) -> Node:
    inputs: dict[str, Any] = {
        "model": model, "positive": ["positive", 0], "negative": ["negative", 0], "latent_image": latent,
        "seed": 2, "steps": 20, "cfg": 7.5, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
    }  # fmt: skip
    return Node("KSampler", column, y, inputs | settings, height=480)


def note(text: str) -> dict[str, Note]:
    """What the template is for, below the checkpoint."""
    return {"note": Note(text, 0, 240, 320)}


def stages(*more: Stage, prompt: Stage = PROMPT, motion: Stage = MOTION) -> tuple[Stage, ...]:
    return (LOAD, motion, prompt, *more, SAMPLE, SAVE)
