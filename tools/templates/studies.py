"""The templates that train, that measure, and the one that runs with nothing downloaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .board import Node, Stage, Template, bend
from .spine import LOAD, MOTION, PROMPT, SAMPLE, SAVE, moved, note, sampler, spine, stages, with_inputs

MINIATURE = "miniature_mm.safetensors"


def miniature() -> Template:
    nodes = spine("miniature")
    nodes["checkpoint"] = Node("KinemaLoadMiniature", 0, 0, {"style": "day"}, height=120)
    nodes["motion"] = replace(with_inputs(nodes["motion"], motion_model=MINIATURE), models=())
    nodes["latent"] = with_inputs(nodes["latent"], width=128, height=128)
    nodes["negative"] = with_inputs(nodes["negative"], text="")
    settings: dict[str, Any] = {"steps": 16, "cfg": 2.0, "sampler_name": "dpmpp_2m", "scheduler": "karras"}
    nodes["sampler"] = sampler(["apply", 0], ["latent", 0], **settings)
    text = (
        "## The miniature\n\nA tiny model that comes with Kinema: press **Run**, nothing is downloaded. It knows only "
        "fish:\n\n- a **red, yellow, green, blue, purple or white** fish\n- swimming **left or right**\n- in a **coral "
        "reef, deep sea, sandy lagoon or kelp forest**\n\nImages of 128 × 128."
    )
    return Template("miniature", nodes, stages(), note(text))


def train_motion_lora() -> Template:
    nodes = spine("trained", room=1)
    nodes |= moved(nodes, 1, "apply", "positive", "negative", "latent")
    clips = {
        "vae": ["checkpoint", 2], "clip": ["checkpoint", 1], "folder": "none", "prompt": "a person dancing",
        "frames": 16, "stride": 4, "width": 256, "height": 256,
    }  # fmt: skip
    train = {
        "model": ["checkpoint", 0], "motion_model": ["motion", 0], "clips": ["clips", 0], "name": "my_motion_lora",
        "rank": 32, "steps": 300,
    }  # fmt: skip
    nodes["clips"] = Node("KinemaLoadClips", 1, 280, clips, height=350)
    nodes["train"] = Node("KinemaTrainMotionLora", 2, 0, train, height=710)
    nodes["apply"] = with_inputs(nodes["apply"], motion_model=["train", 0])
    nodes["clip"] = bend(["checkpoint", 1], "CLIP", 2.62, 780)
    text = (
        "## Train a motion LoRA\n\nA few clips of one movement, or a single one, become a small file in "
        "models/animatediff_motion_lora.\n\n- Put the videos into a folder in ComfyUI's **input** folder and choose "
        "it.\n- The preview shows the loss and a sample; **cancel** saves, and the next run continues.\n- The nodes "
        "that follow animate with the new LoRA."
    )
    learn = Stage("Clips and training", "motion", ("motion", "clips", "train"))
    prompts = Stage("Try it", "prompt", ("apply", "positive", "negative", "latent"))
    return Template("train_motion_lora", nodes, (LOAD, learn, prompts, SAMPLE, SAVE), note(text), crossings=1)


def measure_and_compare() -> Template:
    """The same seed with the motion model and without."""
    nodes = spine("measured", room=0.4)
    del nodes["video"], nodes["save"]
    nodes["plain"] = sampler(["checkpoint", 0], ["latent", 0], column=3.8, y=-560)
    nodes["plain decode"] = Node("VAEDecode", 4.9, -330, {"samples": ["plain", 0], "vae": ["vae again", 0]}, height=70)
    for name, y, images in (("measure plain", -330, "plain decode"), ("measure", 560, "decode")):
        nodes[name] = Node("KinemaAnimationMetrics", 5.9, y, {"images": [images, 0]}, height=330)
    results: dict[str, Any] = {"results.metrics0": ["measure plain", 0], "results.metrics1": ["measure", 0]}
    nodes["plot"] = Node("KinemaMetricsPlot", 6.9, 100, results | {"labels": "without motion\nwith motion"}, height=220)
    nodes["picture"] = Node("PreviewImage", 7.9, 100, {"images": ["plot", 0]}, height=420)
    text = (
        "## Measure and compare\n\nThe same seed without the motion model and with it, measured: **flicker** is the "
        "change from frame to frame that is not motion.\n\n- Replace them with any two ways to animate.\n- With a CLIP "
        "vision model, the paper's smoothness and text similarity are measured too."
    )
    sampling = Stage("Without motion and with it", "sample", ("plain", "sampler"))
    measuring = Stage("Measure", "save", ("plain decode", "decode", "measure plain", "measure", "plot", "picture"))
    return Template("measure_and_compare", nodes, (LOAD, MOTION, PROMPT, sampling, measuring), note(text), crossings=7)
