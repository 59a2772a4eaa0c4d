"""A camera path through the real server: animated, plotted, and what its nodes say."""

import cameras
import pytest
import safetensors.torch
from PIL import Image

from tools.client import PromptFailed, PromptRejected
from tools.workflow import animation

from .conftest import APPLY, JOB, LOADER, WEBP
from .motion_files import pixels

FILE = "CameraCtrl_pruned.safetensors"
PATH, LOAD, PLOT = "20", "21", "22"


@pytest.fixture(scope="module", autouse=True)
def camera_file(comfy):
    """A CameraCtrl for the server's motion model, in a folder of its own."""
    motion = safetensors.torch.load_file(comfy.base / "models" / "animatediff_models" / JOB.motion_model)
    inside = ".temporal_transformer."
    norms = [motion[f"down_blocks.{level}.motion_modules.0{inside}norm.weight"] for level in range(4)]
    weights = cameras.pruned(tuple(len(norm) for norm in norms))
    places = {key.split(inside)[0] for key in motion}
    kept = {key: weight for key, weight in weights.items() if inside not in key or key.split(inside)[0] in places}
    folder = comfy.base / "models" / "cameractrl"
    folder.mkdir(exist_ok=True)
    safetensors.torch.save_file(kept, folder / FILE)


def path(**inputs):
    return {"class_type": "KinemaCameraPath", "inputs": {"preset": "move right", "amount": 4.0, **inputs}}


def followed(strength=1.0, **inputs):
    prompt = animation(JOB)
    prompt[PATH] = path(**inputs)
    loaded = {"motion_model": [LOADER, 0], "cameractrl": FILE, "camera": [PATH, 0], "strength": strength}
    prompt[LOAD] = {"class_type": "KinemaLoadCameraCtrl", "inputs": loaded}
    prompt[APPLY]["inputs"]["motion_model"] = [LOAD, 0]
    return prompt


def test_an_animation_follows_a_camera(comfy, client):
    prompts = (animation(JOB), followed(0.0), followed(), followed(turn=90.0, preset="none"))
    results = [client.run(prompt) for prompt in prompts]
    plain, off, right, turned = (pixels(comfy.path(result.outputs[WEBP][0])) for result in results)
    assert (plain == off).all()
    assert abs(right - plain).mean() > 1 and abs(turned - right).mean() > 0.1
    assert PATH not in results[2].said
    assert results[3].said[PATH] == "amount has no effect, because preset is none."


def test_the_plot_and_a_moved_picture(comfy, client):
    image = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 1, "color": 0xFF8020}}

    def plotted(**inputs):
        plot = {"class_type": "KinemaPlotCameraPath", "inputs": {"camera": [PATH, 0], "frames": 8, **inputs}}
        preview = {"class_type": "PreviewImage", "inputs": {"images": [PLOT, 0]}}
        return client.run({PATH: path(preset="move forward"), "30": image, PLOT: plot, "31": preview})

    plot, moved = plotted(), plotted(image=["30", 0], distance=4.0)
    assert [Image.open(comfy.path(file)).size for file in plot.outputs["31"]] == [(768, 336)]
    assert [Image.open(comfy.path(file)).size for file in moved.outputs["31"]] == [(64, 48)] * 8
    assert moved.said[PLOT].startswith(
        "The camera reaches the image at frame 6; frames in which the camera is behind the image"
    )


def test_errors_come_where_they_are_known_first(client):
    with pytest.raises(PromptRejected, match="poses, line 1, column 1: a row needs 19 numbers, but this one has 3"):
        client.run(followed(poses="1 2 3"))
    shrinking = followed(zoom=["24", 0])
    shrinking["24"] = {"class_type": "KinemaCurve", "inputs": {"values": "0: 1, -1: -1", "easing": "linear"}}
    with pytest.raises(PromptFailed, match="zoom is -1, but must be greater than 0"):
        client.run(shrinking)
    joined = followed(frames=JOB.frames)
    joined[PATH]["inputs"]["camera"] = ["23", 0]
    joined["23"] = path()
    with pytest.raises(
        PromptFailed,
        match="The camera path needs at least .* frames, but the video has",
    ):
        client.run(joined)
