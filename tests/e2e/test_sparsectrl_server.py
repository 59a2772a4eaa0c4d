"""Load SparseCtrl and the host's Apply ControlNet on a running server, with a VAE that encodes in the middle of the run."""

from typing import Any

import numpy as np
import pytest
import safetensors.torch
import sparse

from tools import random_models
from tools.client import Client, PromptFailed, PromptRejected
from tools.server import Server

from .conftest import CHECKPOINT, SAMPLER
from .long_animations import NEGATIVE, POSITIVE, frames_of, long_animation, node

FEW = 4
FILE = "random_sparsectrl_rgb.safetensors"


@pytest.fixture(scope="module", autouse=True)
def model(comfy: Server) -> None:
    """A SparseCtrl model in the shape of the server's checkpoint."""
    width = random_models.WIDTH
    weights = sparse.weights("rgb", widths=(width,) * random_models.LEVELS, context=768, layers=1)
    folder = comfy.base / "models" / "controlnet"
    folder.mkdir(exist_ok=True)
    safetensors.torch.save_file({key: weight.half() for key, weight in weights.items()}, folder / FILE)


def controlled(colour: int, vae: bool = True, **inputs: Any) -> dict[str, Any]:
    prompt = long_animation(
        FEW,
        picture=node("EmptyImage", width=96, height=48, batch_size=1, color=colour),
        sparse=node("KinemaLoadSparseCtrl", **{"sparsectrl": FILE, "frames": "0", **inputs}),
        apply=node(
            "ControlNetApplyAdvanced", positive=[POSITIVE, 0], negative=[NEGATIVE, 0], control_net=["sparse", 0],
            image=["picture", 0], strength=1.0, start_percent=0.0, end_percent=1.0,
            **({"vae": [CHECKPOINT, 2]} if vae else {}),
        ),
    )  # fmt: skip
    prompt[SAMPLER]["inputs"] |= {"positive": ["apply", 0], "negative": ["apply", 1]}
    return prompt


def test_a_picture_at_the_first_frame(comfy: Server, client: Client) -> None:
    red, again, blue = (frames_of(comfy, client, controlled(colour)) for colour in (0xFF0000, 0xFF0000, 0x0000FF))
    assert len(red) == FEW and np.array_equal(red, again)
    assert np.abs(red - blue).max() > 0
    still = [frames_of(comfy, client, controlled(colour, motion=0.0)) for colour in (0xFF0000, 0x0000FF)]
    assert np.abs(still[0] - red).max() > 0
    assert np.abs(still[0][0] - still[1][0]).max() > 0


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"vae": False}, "needs its images encoded as latents, but no VAE is connected"),
        ({"frames": "0, 9"}, "a picture at frame 9, but the video has 4 frames"),
    ],
)
def test_what_cannot_work_is_said(client: Client, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(PromptFailed, match=message):
        client.run(controlled(0xFF0000, **inputs))


def test_other_texts_are_refused_before_anything_runs(client: Client) -> None:
    with pytest.raises(PromptRejected, match='frames is "first", which is not a list of frames'):
        client.run(controlled(0xFF0000, frames="first"))
