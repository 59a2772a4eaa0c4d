"""The workflow of the other tests with more frames, nodes put into it, and the pictures it makes."""

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from tools.client import Client, Prompt
from tools.server import Server
from tools.workflow import animation

from .conftest import JOB, SAMPLER, VIDEO, WEBP

FRAMES = 20  # more than the 16 that the motion model knows
SIDE = 32  # of the pictures: four levels of the UNet, the last of one place
POSITIVE, NEGATIVE, LATENT, DECODE = "4", "5", "6", "8"
ENDLESS = "endless"


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def long_animation(frames: int = FRAMES, **more: dict[str, Any]) -> Prompt:
    """The workflow of the other tests with more and smaller frames, pictures without loss in place of the video, and `more`
    nodes."""
    prompt = animation(replace(JOB, frames=frames, width=SIDE, height=SIDE))
    del prompt[VIDEO], prompt["9"]
    prompt[WEBP]["inputs"]["lossless"] = True
    return prompt | more


def endless(frames: int, **more: Any) -> Prompt:
    """The workflow of the other tests with Endless Animation as its end, and prompts for the frames."""
    prompt = long_animation()
    sampled = prompt[SAMPLER]["inputs"]
    travel = node("KinemaPromptTravel", clip=["1", 1], prompts="0: a goldfish\n-1: a shark", frames=6)
    made = {
        "model": sampled["model"],
        "positive": ["travel", 0],
        "negative": sampled["negative"],
        "latent": [LATENT, 0],
    }
    settings = {"frames": frames, "seed": 1, "steps": 4, "cfg": 7.5, "scheduler": "simple", "window_length": 4}
    settings |= {"lookahead": True, "fps": 6.0, "filename_prefix": f"fifo/{frames}"} | more
    last = node("KinemaEndlessAnimation", vae=["1", 2], **made, **settings)
    kept = {
        name: each
        for name, each in prompt.items()
        if each["class_type"] not in ("KSampler", "VAEDecode", "SaveAnimatedWEBP")
    }
    return {**kept, "travel": travel, ENDLESS: last}


def insert(prompt: Prompt, name: str, class_type: str, **inputs: Any) -> Prompt:
    """Puts a MODEL → MODEL node before the sampler."""
    model = prompt[SAMPLER]["inputs"]["model"]
    prompt[name] = node(class_type, model=model, **inputs)
    prompt[SAMPLER]["inputs"]["model"] = [name, 0]
    return prompt


def frames_of(comfy: Server, client: Client, prompt: Prompt, output: str = WEBP) -> np.ndarray:
    """Runs `prompt`; the pictures that its node `output` saved, (f, h, w, 3)."""
    with Image.open(comfy.path(client.run(prompt).outputs[output][0])) as picture:
        return np.stack([np.asarray(frame.convert("RGB"), dtype=int) for frame in ImageSequence.Iterator(picture)])
