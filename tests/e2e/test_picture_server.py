"""PIA and AnimateLCM-I2V animate pictures through the real server, and a motion model that takes none says so."""

import pytest

from tools.client import PromptFailed
from tools.workflow import animation

from .conftest import APPLY, CHECKPOINT, JOB, LOADER, WEBP
from .motion_files import I2V, PIA, make_i2v, make_pia, pixels


def pictured(file, **inputs):
    prompt = animation(JOB)
    prompt[LOADER]["inputs"]["motion_model"] = file
    prompt["20"] = {
        "class_type": "EmptyImage",
        "inputs": {"width": 96, "height": 64, "batch_size": 1, "color": 0xFF8020},
    }
    inputs = {"motion_model": [LOADER, 0], "image": ["20", 0], "vae": [CHECKPOINT, 2], "strength": 1.0, **inputs}
    prompt["21"] = {"class_type": "KinemaAnimatePicture", "inputs": inputs}
    prompt[APPLY]["inputs"]["motion_model"] = ["21", 0]
    return prompt


def test_a_picture_is_animated(comfy, client):
    make_pia(comfy)
    small, large, off = (
        client.run(pictured(PIA, **settings)) for settings in ({}, {"motion": "large"}, {"strength": 0.0, "drift": 0.5})
    )
    frames = [pixels(comfy.path(result.outputs[WEBP][0])) for result in (small, large, off)]
    assert abs(frames[0] - frames[1]).mean() > 0.1 and abs(frames[0] - frames[2]).mean() > 1
    assert "21" not in small.said
    assert off.said["21"] == "drift has no effect: it is only for AnimateLCM-I2V, but the motion model is PIA."
    assert f'"{PIA}": it is an image-to-video model. Give it a picture with Animate Picture' in small.said[LOADER]


def test_a_video_is_followed(comfy, client):
    """One picture for each frame, for the first of the two steps only."""
    make_i2v(comfy)

    def followed(colour, **inputs):
        prompt = pictured(I2V, **inputs)
        prompt["20"]["inputs"] |= {"batch_size": JOB.frames, "color": colour}
        prompt[APPLY]["inputs"]["end_percent"] = 0.5
        return client.run(prompt)

    red, blue, off = (followed(0xFF0000), followed(0x0000FF, drift=0.3), followed(0xFF0000, strength=0.0))
    frames = [pixels(comfy.path(result.outputs[WEBP][0])) for result in (red, blue, off)]
    assert abs(frames[0] - frames[1]).mean() > 0.1 and abs(frames[0] - frames[2]).mean() > 0.1
    assert red.said["21"].startswith(f"Each frame gets one of the {JOB.frames} pictures, in order.")
    assert blue.said["21"].endswith("drift has no effect with several pictures: 0 is used instead.")


def test_a_motion_model_that_takes_no_picture(client):
    with pytest.raises(
        PromptFailed, match=f'"{JOB.motion_model}" is AnimateDiff v3 and has no picture input. Use Animate Picture with'
    ):
        client.run(pictured(JOB.motion_model))
