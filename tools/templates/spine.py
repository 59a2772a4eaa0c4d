"""What the templates share: the graph from a checkpoint to a video, its stages, and ways to change it.

Loaders stand above one another in the first column, prompts in the second. What a template adds comes between these and
the sampler, so that everything is on one screen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .board import COLUMN, Link, Node, Note, Stage, bend
from .downloads import SD15, V3

POSITIVE = "a red fish swimming right, coral reef"
NEGATIVE = "blurry, low quality, watermark, text"
MODELS = Stage("Models", "load", ("motion", "checkpoint"))
EDGES_GUIDE = {
    "positive": ["positive", 0], "negative": ["negative", 0], "control_net": ["control", 0], "image": ["edges", 0],
    "strength": 0.8, "start_percent": 0.0, "end_percent": 0.8,
}  # fmt: skip
"""Inputs of Apply ControlNet for the edges of a video."""

ADAPTED = Stage("Models", "load", ("motion", "checkpoint", "lora"))
PROMPT = Stage("Prompt and length", "prompt", ("apply", "positive", "negative", "latent"))
SAMPLE = Stage("Animate", "sample", ("sampler",))
SAVE = Stage("Video", "save", ("decode", "video", "save"))
BELOW = 815  # where wires run under the prompts
NARROW = 225  # the least width of a node in Nodes 2.0
SQUARE = 505  # height of Save Video with a square video
LOWEST = 1040  # where the lowest node of a template ends
MIDDLE = 280  # of the samplers: near the prompts that they are wired to


def spine(prefix: str, frames: int = 16, motion: Link = V3, room: float = 0) -> dict[str, Node]:
    """Load Motion Model, Load Checkpoint, Apply Motion Model, KSampler, VAE Decode, Create Video, Save Video.

    `room` columns are left free between Apply Motion Model and the sampler; `prefix` begins the video's file name.
    """
    after = (2 + room) * COLUMN + 20
    return {
        "motion": Node("KinemaLoadMotionModel", 0, 0, {"motion_model": motion.name}, models=(motion,), height=90),
        "checkpoint": Node("CheckpointLoaderSimple", 0, 150, {"ckpt_name": SD15.name}, models=(SD15,), height=110),
        "apply": Node("KinemaApplyMotionModel", COLUMN, 0, {"model": ["checkpoint", 0], "motion_model": ["motion", 0]},
                      height=280),
        "positive": prompt(POSITIVE, 330, "Prompt"),
        "negative": prompt(NEGATIVE, 480, "Negative prompt"),
        "latent": Node("EmptyLatentImage", COLUMN, 620, {"width": 512, "height": 512, "batch_size": frames},
                       "Size and number of frames", 110),
        "sampler": sampler(["apply", 0], ["latent", 0], after),
        "vae": bend(["checkpoint", 2], "VAE", COLUMN + 60, BELOW),
        "vae again": bend(["vae", 0], "VAE", after, BELOW),
        **ending(prefix, after + COLUMN, MIDDLE),
    }  # fmt: skip


def ending(prefix: str, x: float, y: float) -> dict[str, Node]:
    """From the latents to the file, with room for the video."""
    height = min(SQUARE, LOWEST - y - 150)
    save = {"video": ["video", 0], "filename_prefix": f"kinema/{prefix}", "format": "auto", "codec": "auto"}
    return {
        "decode": Node(
            "VAEDecode", x, y, {"samples": ["sampler", 0], "vae": ["vae again", 0]}, height=60, width=NARROW
        ),
        "video": Node(
            "CreateVideo", x + NARROW + 25, y, {"images": ["decode", 0], "fps": 8.0}, height=110, width=NARROW
        ),
        "save": Node("SaveVideo", x, y + 150, save, height=height, width=410),
    }


def placed(nodes: dict[str, Node], x: float, y: float, *names: str) -> dict[str, Node]:
    """Those nodes at `x`, one above the other from `y` on."""
    result = {}
    for name in names:
        result[name] = replace(nodes[name], x=x, y=y)
        y += nodes[name].height + 60
    return result


def moved(nodes: dict[str, Node], x: float, *names: str) -> dict[str, Node]:
    """Those nodes, `x` further right."""
    return {name: replace(nodes[name], x=nodes[name].x + x) for name in names}


def with_inputs(node: Node, **inputs: Any) -> Node:
    return replace(node, inputs=node.inputs | inputs)


def prompt(text: str, y: float, title: str) -> Node:
    return Node("CLIPTextEncode", COLUMN, y, {"clip": ["checkpoint", 1], "text": text}, title, 90)


def sampler(model: list[Any], latent: list[Any], x: float, y: float = MIDDLE, **settings: Any) -> Node:
    inputs: dict[str, Any] = {
        "model": model, "positive": ["positive", 0], "negative": ["negative", 0], "latent_image": latent,
        "seed": 2, "steps": 20, "cfg": 7.5, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
    }  # fmt: skip
    return Node("KSampler", x, y, inputs | settings, height=480)


def lora(link: Link, strength: float) -> Node:
    """A LoRA of the image model, below the checkpoint."""
    inputs = {"model": ["checkpoint", 0], "lora_name": link.name, "strength_model": strength}
    return Node("LoraLoaderModelOnly", 0, 320, inputs, models=(link,), height=90)


def note(text: str, x: float = 0, y: float = 320, height: float = 440) -> dict[str, Note]:
    """What the template is for, below the loaders."""
    return {"note": Note(text, x, y, height)}


def stages(*more: Stage, models: Stage = MODELS, prompt: Stage = PROMPT) -> tuple[Stage, ...]:
    return (models, prompt, *more, SAMPLE, SAVE)
