"""The host's memory modes on a GPU: every one gives the same animations, with motion models of every norm policy and with
LoRAs, and strength 0 still changes nothing. Skipped where torch sees no CUDA device."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from tools import random_models, server
from tools.client import Client, Prompt
from tools.workflow import animation

from .conftest import APPLY, CHECKPOINT, HOST, JOB, LOADER, SAMPLER, WEBP
from .motion_files import LORA, make_lora, pixels

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, torch sees none"),
]

MODES = {
    "dynamic memory": [],
    "whole models": ["--disable-dynamic-vram"],
    "low memory": ["--disable-dynamic-vram", "--lowvram"],
    "no memory": ["--disable-dynamic-vram", "--novram"],
    "everything on the GPU": ["--gpu-only"],
}
FORMATS = ["--fp8_e4m3fn-unet", "--bf16-unet"]
V1 = "random_v1_mm.safetensors"
DEVICE = "gpu"

Pictures = dict[str, np.ndarray]


def prompts() -> dict[str, Prompt]:
    """What every mode computes: name → prompt."""
    made = {name: animation(JOB) for name in ("v3", "v1", "LoRA", "strength 0", "no motion")}
    made["v1"][LOADER]["inputs"]["motion_model"] = V1
    made["LoRA"]["20"] = {
        "class_type": "KinemaLoadMotionLora",
        "inputs": {"motion_model": [LOADER, 0], "lora": LORA, "strength": 0.5},
    }
    made["LoRA"][APPLY]["inputs"]["motion_model"] = ["20", 0]
    made["strength 0"][APPLY]["inputs"] |= {"strength": 0.0, "noise_schedule": "keep the model's"}
    made["no motion"][SAMPLER]["inputs"]["model"] = [CHECKPOINT, 0]
    return made


def animate(base: Path, flags: Sequence[str]) -> Pictures:
    """All of them, by one server with these flags."""
    models = random_models.ensure(HOST)
    folder = base / "models" / "animatediff_models"
    server.place(models.checkpoint, base / "models" / "checkpoints" / JOB.checkpoint)
    server.place(models.motion_model, folder / JOB.motion_model)
    v1 = safetensors.torch.load_file(models.motion_model)
    safetensors.torch.save_file(
        {key: weight[:, :24].contiguous() if key.endswith(".pe") else weight for key, weight in v1.items()}, folder / V1
    )
    with server.running(HOST, base, device=DEVICE, flags=flags) as running, Client(running.url) as client:
        make_lora(running)
        return {name: pixels(running.path(client.run(prompt).outputs[WEBP][0])) for name, prompt in prompts().items()}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    made = animate(tmp_path_factory.mktemp("reference"), ["--force-fp32"])
    for name in ("v1", "LoRA", "no motion"):
        assert abs(made[name] - made["v3"]).mean() > 1, f"{name} is like v3"
    return made


@pytest.mark.parametrize("mode", MODES)
def test_memory_modes_agree(mode: str, reference: Pictures, tmp_path: Path) -> None:
    made = animate(tmp_path, MODES[mode])
    for name, picture in made.items():
        assert abs(picture - reference[name]).mean() < 4, name  # of 255; the host computes in fp16 here
    np.testing.assert_array_equal(made["strength 0"], made["no motion"])


@pytest.mark.parametrize("flag", FORMATS)
def test_small_number_formats_run(flag: str, reference: Pictures, tmp_path: Path) -> None:
    made = animate(tmp_path, [flag])
    for name, picture in made.items():
        assert abs(picture - reference[name]).mean() < 40, name
    np.testing.assert_array_equal(made["strength 0"], made["no motion"])
