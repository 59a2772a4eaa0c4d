"""Every kind of file in every loader: loaded, or told what it is and which node to use."""

import comfy.sd
import other_files
import pytest
import safetensors.torch
import tiny
import torch
from other_files import CAMERA, LORA, MOTION, SPARSE

from kinema.motion.camera_load import load_camera_ctrl
from kinema.motion.files import MotionFileError
from kinema.motion.load import load_motion_model
from kinema.motion.lora import load_motion_lora
from kinema.sampling.sparsectrl.sparse_model import load_sparsectrl

WANTED = {MOTION: "motion model", LORA: "motion LoRA", SPARSE: "SparseCtrl model", CAMERA: "CameraCtrl model"}


@pytest.fixture(scope="module")
def loaders(tmp_path_factory):
    motion = load_motion_model(tiny.save(tiny.motion_weights(), tmp_path_factory.mktemp("good") / "good.safetensors"))
    return {
        MOTION: load_motion_model,
        LORA: lambda path: load_motion_lora(motion, path, 1.0),
        SPARSE: load_sparsectrl,
        CAMERA: load_camera_ctrl,
    }


@pytest.mark.parametrize("kind", other_files.KINDS)
def test_other_files_are_named(kind, loaders, tmp_path):
    make, label, advice = other_files.KINDS[kind]
    torch.save(make(), tmp_path / "file.ckpt")
    for node, load in loaders.items():
        if label == f"is a {WANTED[node]}":
            continue
        with pytest.raises(MotionFileError) as error:
            load(tmp_path / "file.ckpt")
        said = str(error.value)
        assert said.startswith(f'"file.ckpt" {label}') and advice in said and f" a {WANTED[node]}" in said


def test_a_layout_that_nobody_knows(loaders, tmp_path):
    path = tiny.save({"my.pose_encoder.weight": torch.zeros(2)}, tmp_path / "odd.safetensors")
    with pytest.raises(
        MotionFileError, match='"odd.safetensors" seems to be a CameraCtrl model, but its keys are in a'
    ):
        loaders[CAMERA](path)


def test_the_advice_for_the_lora_of_cameractrl_is_right(tmp_path):
    """Its inner table alone is a LoRA that the host knows, every layer of it."""
    lora = other_files.lora_checkpoint()["lora_state_dict"]
    safetensors.torch.save_file(lora, tmp_path / "alone.safetensors")
    model = tiny.image_model()
    patched = comfy.sd.load_lora_for_models(
        model, None, safetensors.torch.load_file(tmp_path / "alone.safetensors"), 1, 0
    )
    assert sum(map(len, patched[0].patches.values())) == len(lora) / 2
