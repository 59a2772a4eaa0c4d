"""Every blueprint that ships."""

from __future__ import annotations

from dataclasses import replace

from .animations import windowed
from .blueprint import Blueprint, Shown
from .board import Node, Stage, Template
from .guided import PICTURED, pictured
from .spine import LOAD, MOTION, PROMPT, SAMPLE, spine

VIDEO = Stage("Video", "save", ("decode", "video"))
LENGTH = Stage("Size and number of frames", "prompt", ("latent",))
MODELS = (Shown("checkpoint", "ckpt_name", "checkpoint"), Shown("motion", "motion_model"))
SIZES = (Shown("latent", "width"), Shown("latent", "height"))
SEED = Shown("sampler", "seed")


def text_to_animation() -> Blueprint:
    nodes = spine("")
    del nodes["save"]
    return Blueprint(
        "Text to Animation",
        "An animation from a prompt, with an SD1.5 checkpoint and an AnimateDiff motion model.",
        Template("", nodes, (LOAD, MOTION, PROMPT, SAMPLE, VIDEO)),
        (Shown("positive", "text", "prompt"), Shown("latent", "batch_size", "frames"), *SIZES, SEED, *MODELS),
        "video",
    )


def animate_longer() -> Blueprint:
    """In windows that share noise, with prompts over time."""
    nodes = windowed("", 64, overlap=4, freenoise=True)
    del nodes["save"]
    lines = "0: a red fish swimming right, coral reef\n32: a red fish swimming right, deep sea"
    travel = {"clip": ["clip", 0], "prompts": lines, "latent": ["latent", 0]}
    nodes["positive"] = Node("KinemaPromptTravel", 2, 330, travel, "Prompts over time", 330)
    nodes |= {name: replace(nodes[name], y=nodes[name].y + 190) for name in ("negative", "vae", "vae again")}
    nodes["latent"] = replace(nodes["latent"], column=1, y=560)
    prompts = Stage("Prompts", "prompt", ("apply", "positive", "negative"))
    windows = Stage("Windows", "motion", ("windows",))
    shown = (
        Shown("positive", "prompts"),
        Shown("latent", "batch_size", "frames"),
        *SIZES,
        SEED,
        *MODELS,
    )
    return Blueprint(
        "Animate Longer",
        "A long animation with prompts that change over time, computed in windows of 16 frames that overlap.",
        Template("", nodes, (LOAD, MOTION, LENGTH, prompts, windows, SAMPLE, VIDEO), crossings=1),
        shown,
        "video",
    )


def picture_to_animation() -> Blueprint:
    """With the picture inside, where a person chooses it as in Load Image."""
    nodes = pictured("")
    del nodes["save"]
    return Blueprint(
        "Picture to Animation",
        "An animation that starts from a picture, with an SD1.5 checkpoint and the motion model PIA.",
        Template("", nodes, (LOAD, PICTURED, PROMPT, SAMPLE, VIDEO), crossings=2),
        (
            Shown("picture", "image"), Shown("positive", "text", "prompt"),
            Shown("latent", "batch_size", "frames"), *SIZES, SEED, *MODELS,
        ),
        "video",
    )  # fmt: skip


BLUEPRINTS = (text_to_animation(), animate_longer(), picture_to_animation())
