"""The templates that train, that measure, and the one that runs with nothing downloaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .board import COLUMN, Node, Stage, Template
from .guided import sampled_above
from .spine import MODELS, PROMPT, SAMPLE, SAVE, moved, note, sampler, spine, stages, with_inputs

MINIATURE = "miniature_mm.safetensors"


def miniature() -> Template:
    nodes = spine("miniature")
    nodes["motion"] = replace(nodes["motion"], height=195)  # with room for what the nodes say once they ran
    nodes["checkpoint"] = Node("KinemaLoadMiniature", 0, 255, {"style": "day"}, height=170)
    nodes["motion"] = replace(with_inputs(nodes["motion"], motion_model=MINIATURE), models=())
    nodes["latent"] = with_inputs(nodes["latent"], width=128, height=128)
    nodes["negative"] = with_inputs(nodes["negative"], text="")
    settings: dict[str, Any] = {"steps": 16, "cfg": 2.0, "sampler_name": "dpmpp_2m", "scheduler": "karras"}
    nodes["sampler"] = sampler(["apply", 0], ["latent", 0], 2 * COLUMN + 20, **settings)
    text = (
        "## The miniature\n\nA tiny model that comes with Kinema. Press **Run**; nothing is downloaded. The model "
        "knows only fish:\n\n- a **red, yellow, green, blue, purple or white** fish\n- swimming **left or "
        "right**\n- in a **coral reef, deep sea, sandy lagoon or kelp forest**\n\nThe images are 128 × 128 "
        "pixels."
    )
    return Template("miniature", nodes, stages(), note(text, y=485, height=275), title="Try it (nothing to download)")


def train_motion_lora() -> Template:
    nodes = spine("trained", room=2)
    nodes |= moved(nodes, 2 * COLUMN, "apply", "positive", "negative", "latent")
    clips = {
        "vae": ["checkpoint", 2], "clip": ["checkpoint", 1], "folder": "none", "prompt": "a person dancing",
        "frames": 16, "stride": 4, "width": 256, "height": 256,
    }  # fmt: skip
    train = {
        "model": ["checkpoint", 0], "motion_model": ["motion", 0], "clips": ["clips", 0], "name": "my_motion_lora",
        "rank": 32, "steps": 300,
    }  # fmt: skip
    nodes["clips"] = Node("KinemaLoadClips", COLUMN, 0, clips, height=350)
    nodes["train"] = Node("KinemaTrainMotionLora", 2 * COLUMN, 0, train, height=710)
    nodes["apply"] = with_inputs(nodes["apply"], motion_model=["train", 0])
    text = (
        "## Train a motion LoRA\n\nThis workflow trains a motion LoRA on one or a few clips of one movement, and saves "
        "it as a small file in models/animatediff_motion_lora.\n\n- Put the videos into a folder in ComfyUI's "
        "**input** folder, and choose that folder in Load Clips.\n- The preview shows the loss and a sample "
        "animation. If you **cancel**, the training state is saved, and the next run continues from it.\n- The "
        "nodes after the training make an animation with the new LoRA."
    )
    nodes |= sampled_above(nodes, "trained", 4 * COLUMN)
    given = Stage("Clips", "load", ("clips",))
    learn = Stage("Training", "motion", ("train",))
    prompts = Stage("Try it", "prompt", ("apply", "positive", "negative", "latent"))
    all_stages = (MODELS, given, learn, prompts, SAMPLE, SAVE)
    return Template("train_motion_lora", nodes, all_stages, note(text), title="Train a motion LoRA")


def measure_and_compare() -> Template:
    """The same seed with the motion model and without."""
    nodes = spine("measured")
    del nodes["video"], nodes["save"]
    nodes["sampler"] = replace(nodes["sampler"], x=2 * COLUMN, y=400, height=360)
    nodes["plain"] = sampler(["checkpoint", 0], ["latent", 0], 2 * COLUMN, 0)
    nodes["plain"] = replace(nodes["plain"], height=340)
    nodes["plain decode"] = replace(with_inputs(nodes["decode"], samples=["plain", 0]), x=1065, y=0)
    nodes["decode"] = replace(nodes["decode"], x=1065, y=400)
    for name, y, images in (("measure plain", 0, "plain decode"), ("measure", 400, "decode")):
        nodes[name] = Node("KinemaAnimationMetrics", 1300, y, {"images": [images, 0]}, height=330)
    results: dict[str, Any] = {"results.metrics0": ["measure plain", 0], "results.metrics1": ["measure", 0]}
    nodes["plot"] = Node("KinemaMetricsPlot", 1640, 0, results | {"labels": "without motion\nwith motion"}, height=200)
    nodes["picture"] = Node("PreviewImage", 1640, 260, {"images": ["plot", 0]}, height=460)
    text = (
        "## Measure and compare\n\nThis workflow measures two animations with the same seed, one without and one with "
        "the motion model. **flicker** is the change from frame to frame that motion does not explain.\n\n- To "
        "compare other settings, change the two samplers or the nodes before them.\n- With CLIP models, the "
        "smoothness and text similarity of the AnimateDiff paper are measured as well."
    )
    sampling = Stage("Without and with motion", "sample", ("plain", "sampler"))
    measuring = Stage("Measure", "save", ("plain decode", "decode", "measure plain", "measure", "plot", "picture"))
    all_stages = (MODELS, PROMPT, sampling, measuring)
    return Template("measure_and_compare", nodes, all_stages, note(text), title="Measure and compare")
