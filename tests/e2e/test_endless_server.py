"""A video without end on a running server: saved and shown, refused before it runs, and cut short by an interrupt."""

from pathlib import Path

import av
import pytest

from tools.client import Client, Event, PromptRejected
from tools.server import Server

from .long_animations import ENDLESS, SIDE, endless


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
