"""Motion LoRA, merge, save and load again, through the real server."""

import safetensors.torch
import torch

from tools.workflow import animation

from .conftest import APPLY, JOB, LOADER

LORA = "zoom.safetensors"


def make_lora(comfy):
    """A motion LoRA for every query projection of the server's motion model."""
    models = comfy.base / "models"
    weights = safetensors.torch.load_file(models / "animatediff_models" / JOB.motion_model)
    random, lora = torch.Generator().manual_seed(0), {}
    for key, weight in weights.items():
        if key.endswith("to_q.weight"):
            stem = key.removesuffix("to_q.weight") + "processor.to_q_lora"
            lora[f"{stem}.down.weight"] = torch.randn(4, weight.shape[1], generator=random)
            lora[f"{stem}.up.weight"] = torch.randn(weight.shape[0], 4, generator=random)
    (models / "animatediff_motion_lora").mkdir(exist_ok=True)
    safetensors.torch.save_file(lora, models / "animatediff_motion_lora" / LORA)


def test_lora_merge_save_and_load(comfy, client):
    make_lora(comfy)
    prompt = animation(JOB)
    prompt["20"] = {
        "class_type": "KinemaLoadMotionLora",
        "inputs": {"motion_model": [LOADER, 0], "lora": LORA, "strength": 0.5},
    }
    prompt["21"] = {
        "class_type": "KinemaMergeMotionModels",
        "inputs": {"first": [LOADER, 0], "second": ["20", 0], "down": 1.0, "mid": 1.0, "up": 1.0},
    }
    prompt["22"] = {
        "class_type": "KinemaSaveMotionModel",
        "inputs": {"motion_model": ["21", 0], "filename": "baked/zoomed", "bake_loras": True},
    }
    prompt[APPLY]["inputs"]["motion_model"] = ["22", 0]
    merged = comfy.path(client.run(prompt).outputs["11"][0])
    again = animation(JOB)
    again[LOADER]["inputs"]["motion_model"] = "baked/zoomed.safetensors"
    saved = comfy.path(client.run(again).outputs["11"][0])
    plain = comfy.path(client.run(animation(JOB)).outputs["11"][0])
    pictures = [pixels(file) for file in (merged, saved, plain)]
    assert abs(pictures[0] - pictures[1]).max() <= 2  # rounding of a merge in fp32
    assert abs(pictures[0] - pictures[2]).mean() > 1


def pixels(file):
    import numpy
    from PIL import Image, ImageSequence

    with Image.open(file) as animation_file:
        frames = [numpy.asarray(frame.convert("RGB"), dtype=int) for frame in ImageSequence.Iterator(animation_file)]
    return numpy.stack(frames)
