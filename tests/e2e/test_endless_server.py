"""A video without end on a running server: saved and shown, refused before it runs, and cut short by an interrupt."""

from pathlib import Path
from typing import Any

import av
import pytest

from tools.client import Client, Event, Prompt, PromptRejected
from tools.server import Server

from .conftest import SAMPLER
from .long_animations import LATENT, SIDE, long_animation, node

ENDLESS = "endless"


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


def frames_in(file: Path) -> int:
    with av.open(str(file)) as video:
        return sum(frame.width == SIDE for frame in video.decode(video=0))


def test_a_video_that_ends_and_one_that_is_interrupted(comfy: Server, client: Client) -> None:
    result = client.run(endless(6))
    assert frames_in(comfy.path(result.outputs[ENDLESS][0])) == 6
    with av.open(str(comfy.path(result.outputs[ENDLESS][0]))) as video:
        assert "KinemaEndlessAnimation" in video.metadata["prompt"]

    prompt_id = client.submit(endless(400))  # the host sends progress in steps of half a percent

    def after_some(event: Event) -> None:
        if event.kind == "progress" and event.data["node"] == ENDLESS and event.data["value"] >= 13:
            client.interrupt(prompt_id)

    assert client.follow(prompt_id, after_some).status == "interrupted"
    folder = comfy.path(result.outputs[ENDLESS][0]).parent
    assert 8 <= frames_in(folder / "400_00001_.mp4") < 400
    assert not list(folder.glob("*.part.mp4"))
    with pytest.raises(PromptRejected, match="steps is 6, but the queue must hold a whole number of windows of 4"):
        client.run(endless(8, steps=6))
