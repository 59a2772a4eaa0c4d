"""PIA animates a picture through the real server, and a motion model that takes none says so."""

import pytest

from tools.client import PromptFailed
from tools.workflow import animation

from .conftest import APPLY, CHECKPOINT, JOB, LOADER, WEBP
from .motion_files import PIA, make_pia, pixels


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


def test_a_motion_model_that_takes_no_picture(client):
    with pytest.raises(
        PromptFailed, match=f'"{JOB.motion_model}" is AnimateDiff v3 and has no picture input. Use Animate Picture with'
    ):
        client.run(pictured(JOB.motion_model))
