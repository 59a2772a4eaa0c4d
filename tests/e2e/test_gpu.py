"""The host's memory modes on a GPU: every one gives the same animation. Skipped where torch sees no CUDA device."""

import pytest
import torch

from tools import random_models, server
from tools.client import Client
from tools.workflow import animation

from .conftest import HOST, JOB
from .test_motion_files import pixels

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


def animate(base, flags):
    models = random_models.ensure(HOST)
    server.place(models.checkpoint, base / "models" / "checkpoints" / JOB.checkpoint)
    server.place(models.motion_model, base / "models" / "animatediff_models" / JOB.motion_model)
    with server.running(HOST, base, device="gpu", flags=flags) as running, Client(running.url) as client:
        return pixels(running.path(client.run(animation(JOB)).outputs["11"][0]))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return animate(tmp_path_factory.mktemp("reference"), ["--force-fp32"])


@pytest.mark.parametrize("mode", MODES)
def test_memory_modes_agree(mode, reference, tmp_path):
    difference = abs(animate(tmp_path, MODES[mode]) - reference)
    assert difference.mean() < 4  # of 255; the host computes in fp16 here


@pytest.mark.parametrize("flag", ["--fp8_e4m3fn-unet", "--bf16-unet"])
def test_small_number_formats_run(flag, reference, tmp_path):
    assert abs(animate(tmp_path, [flag]) - reference).mean() < 40
