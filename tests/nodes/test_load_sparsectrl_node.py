from pathlib import Path
from typing import Any

import controls
import folder_paths
import pytest
import sparse
import tiny
import torch
from compare import assert_alike, assert_other

from kinema.motion.load import load_motion_model
from kinema.nodes.inputs.motion_files import control_files
from kinema.nodes.load_sparsectrl import LoadSparseCtrlNode
from kinema.sampling.curves.curve import Listed

PICTURES = (torch.rand(2, 32, 32, 3, generator=tiny.generator(1)) > 0.7).float()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host's folder of ControlNets, with a model for sketches in it."""
    monkeypatch.setattr(
        folder_paths, "folder_names_and_paths",
        {**folder_paths.folder_names_and_paths, "controlnet": ([str(tmp_path)], {".safetensors"})},
    )  # fmt: skip
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    tiny.save(sparse.weights("scribble"), tmp_path / "scribble.safetensors")
    return tmp_path


def sampled(control: Any, strength: float = 0.8, pictures: torch.Tensor = PICTURES) -> torch.Tensor:
    """As with the host's Apply ControlNet, which works on a copy."""
    applied = control.copy().set_cond_hint(pictures.movedim(-1, 1), strength, (0.0, 1.0), vae=None)
    return tiny.sample(tiny.image_model(), 6, positive=controls.controlled(applied), size=4, steps=1, cfg=1.0)


def test_pictures_at_both_ends(folder: Path) -> None:
    node = LoadSparseCtrlNode
    plain = tiny.sample(tiny.image_model(), 6, size=4, steps=1, cfg=1.0)
    both = sampled(node.execute("scribble.safetensors", "0, -1")[0])
    assert_other(both, plain, by=1e-3)
    assert torch.equal(sampled(node.execute("scribble.safetensors", "spread")[0]), both)
    one_by_one = sampled(node.execute("scribble.safetensors", "0, 5", 1, [1.0] * 6, "none")[0])
    assert torch.equal(one_by_one, both)
    assert_other(sampled(node.execute("scribble.safetensors", "0, -1", motion=0)[0]), both, by=1e-4)


def test_both_strengths_are_multiplied(folder: Path) -> None:
    half = sampled(LoadSparseCtrlNode.execute("scribble.safetensors", "0, -1", strength=Listed((0.5, 0.5)))[0], 0.8)
    assert_alike(half, sampled(LoadSparseCtrlNode.execute("scribble.safetensors", "0, -1")[0], 0.4))


def test_two_nodes_share_one_model(folder: Path) -> None:
    first, second = (LoadSparseCtrlNode.execute("scribble.safetensors", frames)[0] for frames in ("0", "-1"))
    assert first.model is second.model and first is not second


def test_what_can_be_said_before_a_run_is_said(folder: Path) -> None:
    assert control_files()[0] == "scribble.safetensors"
    assert LoadSparseCtrlNode.validate_inputs("scribble.safetensors", "every 4") is True
    assert LoadSparseCtrlNode.validate_inputs("scribble.safetensors") is True
    assert str(LoadSparseCtrlNode.validate_inputs("scribble.safetensors", "first")).startswith(
        'frames is "first", which'
    )
    message = str(LoadSparseCtrlNode.validate_inputs("other.safetensors", "0"))
    assert message.startswith('"other.safetensors" was not found.') and str(folder) in message


def test_load_motion_model_names_this_node(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match="is a SparseCtrl model, not a motion model. Load it with Load SparseCtrl and connect that node to Apply",
    ):
        load_motion_model(tiny.save(sparse.weights("rgb"), tmp_path / "rgb.safetensors"))
