"""Motion models on a GPU that is not there: the same animation as on the CPU, and no tensors of two devices in one sum."""

import exact
import pytest
import tiny
import torch
from fake_gpu import OnGpu, fake_gpu

from kinema.motion.load import load_motion_model
from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import attach


def animation(file):
    model = exact.image_model()
    motion = load_motion_model(file)
    motion.model.double()
    return tiny.sample(attach(model, motion, Applied()), frames=2, size=4, steps=1, cfg=1.0)


@pytest.mark.parametrize(
    ("gpu_only", "change"), [(False, 0.5), (True, 0.0)], ids=["weights on the CPU", "everything on the GPU"]
)
def test_a_motion_model_animates_on_a_gpu(gpu_only, change, tmp_path, monkeypatch):
    weights = tiny.motion_weights()
    for name, weight in weights.items():
        if name.endswith(".pe"):
            weight += change
    file = tiny.save(weights, tmp_path / "v3.safetensors")
    with torch.inference_mode():
        expected = animation(file)
        with fake_gpu(monkeypatch, gpu_only):
            made = animation(file)
        assert isinstance(made, OnGpu) == gpu_only
        assert torch.equal(made.cpu(), expected)
