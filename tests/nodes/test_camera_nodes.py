"""Camera Path, Load CameraCtrl and Plot Camera Path."""

import cameras
import folder_paths
import numpy as np
import pytest
import safetensors.torch
import tiny
import torch

from kinema.motion.camera_load import CAMERA
from kinema.motion.load import load_motion_model
from kinema.motion.merge import merge_motion_models
from kinema.nodes.apply_motion_model import ApplyMotionModelNode
from kinema.nodes.camera_path import CameraPathNode
from kinema.nodes.inputs.camera_files import camera_files
from kinema.nodes.load_camera_ctrl import LoadCameraCtrlNode
from kinema.nodes.plot_camera_path import PlotCameraPathNode
from kinema.nodes.save_motion_model import WITHOUT_CAMERA, SaveMotionModelNode
from kinema.sampling.camera.path import CameraMove, Joined, Layered, track_of
from kinema.sampling.curves.curve import Listed

ROW = "0 0.5 0.9 0.5 0.5 0 0 1 0 0 0 0 1 0 0 0 0 1 0"


def path(*given, **more):
    return CameraPathNode.execute(*given, **more)[0]


def test_paths_are_chained():
    first = path("move left", 2.0)
    assert first == CameraMove("move left", 2.0)
    assert path("none", 1.0, first, turn=30) == Joined(first, CameraMove(turn=30.0))
    assert path("none", 1.0, first, "on top", turn=30) == Layered(first, CameraMove(turn=30.0))
    assert path("none", 1.0, right=[0.0, 1.0]) == CameraMove(right=Listed((0.0, 1.0)))
    read = path("none", 1.0, poses=f"link\n{ROW}\n{ROW}", fit="as in the file", frames=4)
    assert len(read.poses) == 2 and read.fit == "as in the file" and read.frames == 4


def test_what_a_path_cannot_be_is_said_at_the_node():
    assert CameraPathNode.validate_inputs(poses="") is True
    assert CameraPathNode.validate_inputs(poses=ROW) is True
    assert CameraPathNode.validate_inputs(poses="1 2").startswith(
        "poses, line 1, column 1: a row needs 19 numbers, but"
    )
    with pytest.raises(ValueError, match=r"zoom is 0, but must be greater than 0"):
        path("none", 1.0, zoom=0.0)
    with pytest.raises(ValueError, match="turn is nan, which is not a finite number"):
        path("none", 1.0, turn=float("nan"))


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Folders of the host, the first of them with a motion model and a CameraCtrl file."""
    for folder in ("animatediff_models", "cameractrl"):
        (tmp_path / folder).mkdir()
        monkeypatch.setitem(folder_paths.folder_names_and_paths, folder, ([str(tmp_path / folder)], {".safetensors"}))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    models = tmp_path / "animatediff_models"
    tiny.save(tiny.motion_weights(), models / "a_motion_model.safetensors")
    safetensors.torch.save_file(cameras.pruned(), models / "CameraCtrl_pruned.safetensors")
    return models


def test_files_that_are_known_to_be_cameras_come_first(models):
    assert camera_files()[:2] == ["CameraCtrl_pruned.safetensors", "a_motion_model.safetensors"]
    (models / "CameraCtrl_pruned.safetensors").rename(models.parent / "cameractrl" / "mine.safetensors")
    folder_paths.filename_list_cache.clear()
    assert camera_files()[:2] == ["mine.safetensors", "a_motion_model.safetensors"]
    assert LoadCameraCtrlNode.validate_inputs(cameractrl="mine.safetensors") is True
    assert LoadCameraCtrlNode.validate_inputs(cameractrl=None) is True  # the name comes from another node
    says = LoadCameraCtrlNode.validate_inputs(cameractrl="other.ckpt")
    assert says.startswith('"other.ckpt" is not in "') and "Put a CameraCtrl file, e.g. CameraCtrl_pruned" in says


def test_an_animation_with_a_camera(models, screen):
    motion = load_motion_model(models / "a_motion_model.safetensors")
    image_model = tiny.image_model()

    def sampled(motion_model):
        return tiny.sample(ApplyMotionModelNode.execute(image_model, motion_model, 1.0, "automatic")[0], cfg=1.0)

    name = "CameraCtrl_pruned.safetensors"
    plain = sampled(motion)
    followed = LoadCameraCtrlNode.execute(motion, name, path("move right", 4.0), 1.0)[0]
    assert (sampled(followed) - plain).norm() > 1e-2 * plain.norm()
    assert torch.equal(sampled(LoadCameraCtrlNode.execute(motion, name, path("move right", 4.0), 0.0)[0]), plain)
    assert torch.equal(sampled(motion), plain) and screen.text == ""
    sampled(LoadCameraCtrlNode.execute(motion, name, path("move right", 4.0, frames=20), 1.0)[0])
    assert screen.text.startswith("The camera path takes 20 frames, but the video has ")
    before = LoadCameraCtrlNode.fingerprint_inputs(cameractrl=name)
    safetensors.torch.save_file(cameras.pruned(), models / name, {"num_attention_heads": "4"})
    assert LoadCameraCtrlNode.fingerprint_inputs(cameractrl=name) != before
    with pytest.raises(ValueError, match="is a motion model, not a CameraCtrl model. Load it with Load Motion Model"):
        LoadCameraCtrlNode.execute(motion, "a_motion_model.safetensors", path("move right", 4.0), 1.0)
    wrong = load_motion_model(tiny.save(tiny.motion_weights(tiny.SDXL_WIDTHS), models / "mm_sdxl.safetensors"))
    with pytest.raises(
        ValueError, match='moves the camera of SD1.5 motion models, but "mm_sdxl.safetensors" is an SDXL'
    ):
        LoadCameraCtrlNode.execute(wrong, name, path("move right", 4.0), 1.0)


def test_a_camera_is_lost_neither_in_a_file_nor_in_a_mix_without_a_word(models, screen):
    motion = load_motion_model(models / "a_motion_model.safetensors")
    followed = LoadCameraCtrlNode.execute(motion, "CameraCtrl_pruned.safetensors", path("move right", 4.0), 1.0)[0]
    SaveMotionModelNode.execute(motion, "plain", True)
    assert not screen.text
    SaveMotionModelNode.execute(followed, "followed", True)
    assert screen.text == WITHOUT_CAMERA
    with pytest.raises(ValueError, match="has a camera, but a merge .* Put Load CameraCtrl after Merge Motion Models"):
        merge_motion_models(motion, followed, 0.5, 0.5, 0.5)
    assert merge_motion_models(followed, motion, 0.5, 0.5, 0.5).get_attachment(CAMERA) is not None


def test_the_plot_and_the_moved_picture():
    camera = path("move forward", 1.0)
    plot = PlotCameraPathNode.execute(camera, 16)[0]
    assert plot.shape == (1, 336, 768, 3) and 0 <= plot.min() < plot.max() <= 1
    picture = torch.rand(2, 24, 40, 4, generator=tiny.generator(1))
    moved = PlotCameraPathNode.execute(camera, 16, picture)[0]
    assert moved.shape == (16, 24, 40, 3)
    torch.testing.assert_close(moved[0], picture[0, :, :, :3])
    assert not PlotCameraPathNode.execute(camera, 16, picture, 1.0)[0][-1].any()
    grey = PlotCameraPathNode.execute(camera, 16, picture[..., :1])[0]
    assert grey.shape == moved.shape
    torch.testing.assert_close(grey[..., 2], moved[..., 0])
    np.testing.assert_allclose(track_of(camera, 16).places()[15, 2, 3], 2.8125)
