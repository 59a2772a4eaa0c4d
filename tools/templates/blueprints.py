"""Every blueprint that ships."""

from __future__ import annotations

from dataclasses import replace

from .animations import windowed
from .blueprint import Blueprint, Shown
from .board import COLUMN, Node, Stage, Template
from .guided import ANIMATED, PICTURED, pictured
from .spine import MODELS, PROMPT, SAMPLE, spine
from .studies import miniature

VIDEO = Stage("Video", "save", ("decode", "video"))
LENGTH = Stage("Size and number of frames", "prompt", ("latent",))
FILES = (Shown("checkpoint", "ckpt_name", "checkpoint"), Shown("motion", "motion_model"))
SIZES = (Shown("latent", "width"), Shown("latent", "height"))
SEED = Shown("sampler", "seed")
USUAL = ("animatediff", "animation", "gif", "save gif", "video combine")  # words of all blueprints


def text_to_animation() -> Blueprint:
    nodes = spine("")
    del nodes["save"]
    return Blueprint(
        "Text to Animation",
        "An animation from a prompt, with an SD1.5 checkpoint and an AnimateDiff motion model.",
        Template("", nodes, (MODELS, PROMPT, SAMPLE, VIDEO)),
        (Shown("positive", "text", "prompt"), Shown("latent", "batch_size", "frames"), *SIZES, SEED, *FILES),
        "video",
        (*USUAL, "text to video", "txt2vid", "t2v", "animatediff combine"),
    )


def try_it() -> Blueprint:
    """With the models that come with Kinema, and the size that they draw."""
    nodes = {**miniature().nodes}
    del nodes["save"]
    return Blueprint(
        "Try AnimateDiff",
        "An animation of a fish, made with the tiny models that come with Kinema. Nothing is downloaded.",
        Template("", nodes, (MODELS, PROMPT, SAMPLE, VIDEO)),
        (Shown("positive", "text", "prompt"), Shown("latent", "batch_size", "frames"), *SIZES, SEED),
        "video",
        (*USUAL, "try it", "demo", "example", "miniature", "first steps"),
    )


def animate_longer() -> Blueprint:
    """In windows that share noise, with prompts over time."""
    nodes = windowed("", 64, overlap=4, freenoise=True)
    del nodes["save"]
    lines = "0: a red fish swimming right, coral reef\n32: a red fish swimming right, deep sea"
    travel = {"clip": ["checkpoint", 1], "prompts": lines, "latent": ["latent", 0]}
    nodes["positive"] = Node("KinemaPromptTravel", COLUMN, 330, travel, "Prompts over time", 315)
    nodes["negative"] = replace(nodes["negative"], y=695)
    nodes["latent"] = replace(nodes["latent"], x=0, y=360)
    nodes |= {name: replace(nodes[name], y=860) for name in ("vae", "vae again")}
    prompts = Stage("Prompts", "prompt", ("apply", "positive", "negative"))
    windows = Stage("Windows", "motion", ("windows",))
    shown = (
        Shown("positive", "prompts"),
        Shown("latent", "batch_size", "frames"),
        *SIZES,
        SEED,
        *FILES,
    )
    return Blueprint(
        "Animate Longer",
        "A long animation with prompts that change over time, computed in overlapping windows of 16 frames.",
        Template("", nodes, (MODELS, LENGTH, prompts, windows, SAMPLE, VIDEO)),
        shown,
        "video",
        (*USUAL, "long video", "prompt travel", "sliding window", "prompt schedule"),
    )


def picture_to_animation() -> Blueprint:
    """With the picture inside, where a person chooses it as in Load Image."""
    nodes = pictured("")
    del nodes["save"]
    return Blueprint(
        "Picture to Animation",
        "An animation that starts from a picture, with an SD1.5 checkpoint and the motion model PIA.",
        Template("", nodes, (PICTURED, ANIMATED, PROMPT, SAMPLE, VIDEO)),
        (
            Shown("picture", "image"), Shown("positive", "text", "prompt"),
            Shown("latent", "batch_size", "frames"), *SIZES, SEED, *FILES,
        ),
        "video",
        (*USUAL, "image to video", "img2vid", "i2v", "pia"),
    )  # fmt: skip


BLUEPRINTS = (try_it(), text_to_animation(), animate_longer(), picture_to_animation())
