"""The host's MultiGPU node deep-copies a MODEL for a second device. Here that is the CPU under its other name, so that
cond and uncond run in two threads on two copies, as they do on two GPUs."""

import cameras
import comfy.model_patcher
import exact
import families
import loras
import pictured
import pytest
import tiny
import torch
from compare import assert_alike, assert_other

from kinema.miniature.models import FOLDER, VAE, load_vae
from kinema.motion import load
from kinema.motion.camera_load import load_camera_ctrl
from kinema.motion.lora import load_motion_lora
from kinema.sampling.camera.camera import Camera, follow_camera
from kinema.sampling.camera.path import CameraMove
from kinema.sampling.guidance.motion_from_video import MotionFromVideo
from kinema.sampling.modules.applied import Applied
from kinema.sampling.pictures.animated_picture import animating
from kinema.sampling.run.attach import attach, changed

pytestmark = pytest.mark.skipif(
    not hasattr(comfy.model_patcher.ModelPatcher, "deepclone_multigpu"), reason="this ComfyUI knows one GPU only"
)
SECOND = torch.device("cpu", 0)


@pytest.fixture
def model():
    model = exact.image_model()
    model.cached_patcher_init = (exact.image_model, ())  # as a host's loader leaves it
    return model


@pytest.fixture
def motion(tmp_path):
    return load.load_motion_model(tiny.save(tiny.motion_weights(seed=8), tmp_path / "v3.safetensors"))


def sample(model):
    return tiny.sample(model, size=4)


def on_two_devices(model):
    """What the MultiGPU node makes of `model`."""
    model = model.clone()
    copy = model.deepclone_multigpu(new_load_device=SECOND)
    copy.is_multigpu_base_clone = True
    model.set_additional_models("multigpu", [copy])
    model.match_multigpu_clones()
    return model


def assert_same(animated, expected):
    """As on one device, and the second took part in it."""
    used = set()

    def watch(executor, *args, **kwargs):
        used.add(executor.class_obj)
        return executor(*args, **kwargs)

    animated = animated.clone()
    animated.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.APPLY_MODEL, "test", watch)
    result = sample(animated)
    assert_alike(result, expected)
    assert len(used) == 2


def test_the_node_after_apply(model, motion):
    animated = attach(model, motion, Applied(0.8))
    assert_same(on_two_devices(animated), sample(animated))


def test_the_node_before_apply(model, motion):
    assert_same(attach(on_two_devices(model), motion, Applied(0.8)), sample(attach(model, motion, Applied(0.8))))


@pytest.mark.parametrize("where", [0, 1, 2])
def test_one_motion_model_applied_twice(where, model, motion, monkeypatch):
    """The node before, between and after both. The weights are loaded once for each device."""
    expected = sample(attach(attach(model, motion, Applied(0.8, end_percent=0.5)), motion, Applied(0.6)))
    reads = []
    read = load.opened
    monkeypatch.setattr(load, "opened", lambda path: (reads.append(path), read(path))[1])
    animated = on_two_devices(model) if where == 0 else model
    animated = attach(animated, motion, Applied(0.8, end_percent=0.5))
    animated = on_two_devices(animated) if where == 1 else animated
    animated = attach(animated, motion, Applied(0.6))
    animated = on_two_devices(animated) if where == 2 else animated
    assert len(animated.get_additional_models_with_key("kinema")) == 1
    assert_same(animated, expected)
    assert len(reads) == 1


@pytest.mark.parametrize("make", [families.pia, families.lcm_i2v])
def test_a_picture(make, model, tmp_path):
    vae = load_vae(str(FOLDER / VAE))
    motion = load.load_motion_model(tiny.save(make(), tmp_path / "picture.safetensors"))
    animated = attach(model, animating(motion, pictured.animated(vae)), Applied(0.8))
    expected = sample(animated)
    assert_other(expected, sample(attach(model, motion, Applied(0.8))), by=1e-3)
    assert_same(on_two_devices(animated), expected)


def test_the_motion_of_a_video(model, motion):
    video = MotionFromVideo(pictured.photo(count=4), load_vae(str(FOLDER / VAE)))
    animated = attach(model, motion, Applied(0.8))
    following = changed(animated, from_video=video)
    expected = sample(following)
    assert_other(expected, sample(animated))
    assert_same(on_two_devices(following), expected)


def test_a_motion_model_with_and_without_its_lora(model, motion, tmp_path):
    zoom = load_motion_lora(motion, tiny.save(loras.official(), tmp_path / "zoom.safetensors"), 0.5)
    once = attach(attach(model, motion, Applied(0.8)), zoom, Applied(0.6))
    expected = sample(attach(once, zoom, Applied(0.3)))
    animated = attach(on_two_devices(attach(model, motion, Applied(0.8))), zoom, Applied(0.6))
    animated = attach(animated, zoom, Applied(0.3))
    assert len(animated.get_additional_models_with_key("kinema")) == 2
    assert_same(animated, expected)


@pytest.mark.parametrize("before", [True, False])
def test_a_camera(before, model, motion, tmp_path):
    camera_ctrl = load_camera_ctrl(tiny.save(cameras.pruned(), tmp_path / "CameraCtrl.safetensors"))
    following = follow_camera(motion, camera_ctrl, Camera(CameraMove("move right", 4.0), 0.7))
    animated = attach(model, following, Applied(0.8))
    two = attach(on_two_devices(model), following, Applied(0.8)) if before else on_two_devices(animated)
    assert_same(two, sample(animated))
