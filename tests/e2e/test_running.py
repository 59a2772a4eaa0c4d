"""How the nodes behave on a running server: what is re-used, what an interrupt leaves, where errors arrive."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tools.client import Client, Event, PromptFailed, PromptRejected
from tools.server import Server
from tools.workflow import animation

from .conftest import APPLY, CHECKPOINT, JOB, LOADER, SAMPLER, VIDEO, WEBP, Animation


def test_another_seed_reuses_the_loaded_motion_model(client: Client, animated: Animation) -> None:
    client.run(animation(JOB))  # the host keeps what the last prompt made, and other tests' prompts came between
    result = client.run(animation(replace(JOB, seed=2)))
    assert {CHECKPOINT, LOADER, APPLY} <= result.cached
    assert not {CHECKPOINT, LOADER, APPLY} & set(result.executed)
    assert SAMPLER in result.executed


def test_a_run_logs_no_warnings(comfy: Server, client: Client, animated: Animation) -> None:
    before = len(comfy.log.read_text(errors="replace"))
    client.run(animation(replace(JOB, seed=4)))
    deadline = time.monotonic() + 30
    while "Prompt executed" not in (logged := comfy.log.read_text(errors="replace")[before:]):
        assert time.monotonic() < deadline, logged  # the server tells its clients first
        time.sleep(0.1)
    assert not [line for line in logged.splitlines() if "warn" in line.lower()]


def test_an_interrupt_ends_within_a_step_and_the_next_prompt_works(client: Client, animated: Animation) -> None:
    steps_done: list[int] = []

    def interrupt_after_two(event: Event) -> None:
        if event.kind == "progress" and event.data["node"] == SAMPLER:
            steps_done.append(event.data["value"])
            if event.data["value"] == 2:
                client.interrupt(prompt_id)

    prompt_id = client.submit(animation(replace(JOB, steps=30)))
    assert client.follow(prompt_id, interrupt_after_two).status == "interrupted"
    assert steps_done[-1] in (2, 3)
    assert client.run(animation(replace(JOB, seed=3))).outputs.keys() == {VIDEO, WEBP}


def test_the_one_node_form_makes_the_same_animation(comfy: Server, client: Client, animated: Animation) -> None:
    prompt = animation(JOB)
    del prompt[LOADER]
    inputs = {"model": [CHECKPOINT, 0], "motion_model": JOB.motion_model, "strength": 1.0}
    prompt[APPLY] = {"class_type": "KinemaAnimateDiff", "inputs": inputs}
    result = client.run(prompt)
    np.testing.assert_array_equal(pixels(comfy.path(result.outputs[WEBP][0])), pixels(animated.webp))


def test_the_motion_model_changes_the_picture(comfy: Server, client: Client, animated: Animation) -> None:
    prompt = animation(JOB)
    prompt[APPLY]["inputs"]["strength"] = 0.0
    result = client.run(prompt)
    assert np.abs(pixels(comfy.path(result.outputs[WEBP][0])) - pixels(animated.webp)).max() > 8


def pixels(webp: Path) -> np.ndarray:
    """All frames of an animated picture, (f, h, w, 3)."""
    with Image.open(webp) as picture:
        return np.stack([np.asarray(frame.convert("RGB"), dtype=int) for frame in ImageSequence.Iterator(picture)])


def test_one_frame_is_refused_at_the_sampler(client: Client) -> None:
    with pytest.raises(PromptFailed, match="needs at least 2 frames, but the latent has 1") as caught:
        client.run(animation(replace(JOB, frames=1)))
    assert caught.value.node == SAMPLER


@pytest.mark.parametrize("name", ["a_checkpoint.safetensors", "text.safetensors"])
def test_a_wrong_file_is_refused_at_the_loader(client: Client, name: str) -> None:
    with pytest.raises(PromptFailed, match=f'"{name}"') as caught:
        client.run(animation(replace(JOB, motion_model=name)))
    assert caught.value.node == LOADER


def test_a_missing_file_is_refused_before_anything_runs(client: Client) -> None:
    with pytest.raises(PromptRejected, match=r"absent\.safetensors") as caught:
        client.run(animation(replace(JOB, motion_model="absent.safetensors")))
    assert caught.value.node_errors.keys() == {LOADER}
