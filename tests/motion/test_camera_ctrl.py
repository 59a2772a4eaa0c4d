"""CameraCtrl files and networks, against numbers of the authors' own classes."""

import cameras
import exact
import families
import golden
import pytest
import safetensors.torch
import tiny
import torch

from kinema.motion.camera_layers import level_of
from kinema.motion.camera_load import check_camera_fits, load_camera_ctrl
from kinema.motion.control import Control, Merge
from kinema.motion.files import MotionFileError
from kinema.motion.load import load_motion_model
from kinema.sampling.modules.hooks import Motion, motion_inside

SIZE = (16, 24)
FEATURES = [  # mean of absolute values, the first three and the last of (f, c, h, w)
    (1.8471766, (-2.205076, -1.628506, 1.370165), 0.657520),
    (2.1926623, (2.000253, 1.181779, 1.047218), 3.097900),
    (3.3694719, (3.583761, 2.561494, 1.753541), -1.176697),
    (4.4564924, (2.008421, -4.719805, -0.704847), 3.300495),
]


def saved(weights, path):
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(weights, path)
    else:
        torch.save(weights, path)
    return path


@pytest.fixture(scope="module")
def camera_ctrl(tmp_path_factory):
    path = saved(cameras.pruned(), tmp_path_factory.mktemp("camera") / "CameraCtrl_pruned.safetensors")
    patcher = load_camera_ctrl(path)
    patcher.model.double()
    return patcher


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The network of a pruned file, as it is loaded."""
    return load_camera_ctrl(saved(cameras.pruned(), tmp_path_factory.mktemp("whole") / "whole.safetensors")).model


def changed(key, how):
    """A pruned file's weights, of which one is other."""
    weights = cameras.pruned()
    weight = how(weights.pop(key))
    return weights if weight is None else weights | {key: weight}


def test_the_encoders_features_are_the_authors(camera_ctrl):
    with torch.no_grad():
        features = camera_ctrl.model.encoder(golden.numbers("input:rays", (4, 6, 128, 192)))
    for level, known in zip(features, FEATURES, strict=True):
        golden.assert_golden(level.permute(2, 3, 0, 1), *known)


def test_the_unet_with_a_camera_is_the_authors(camera_ctrl, tmp_path):
    image_model, camera = exact.image_model(), camera_ctrl.model
    golden.fill_unet(image_model)
    motion = exact.motion_model(golden.fill(tiny.motion_weights()), tmp_path / "v3_sd15_mm.safetensors").model
    x = golden.numbers("input:x", (4, 4, 16, 24))
    context = golden.context().expand(4, -1, -1)
    unet = image_model.model.diffusion_model
    with torch.no_grad():
        features = camera.encoder(golden.numbers("input:rays", (4, 6, 128, 192)))
        controls = {
            place: Control(merge=Merge(camera.merge(place), features[level_of(place, 4)][None, :, :, None], 1.0))
            for place, _ in motion.spec.modules
        }
        with motion_inside(unet, [Motion(motion, controls, motion.spec.family.norms)], 4):
            out = unet(x, torch.full((4,), 501.0, dtype=torch.float64), context=context)
    golden.assert_golden(out, 0.4844303, (-0.185031, -0.489909, -0.202955), -0.955217)


def test_which_level_serves_which_module():
    served = {"down_blocks.0": 0, "down_blocks.3": 3, "mid_block": 3, "up_blocks.0": 3, "up_blocks.3": 0}
    assert all(level_of(f"{block}.motion_modules.0", 4) == level for block, level in served.items())


@pytest.mark.parametrize(
    ("weights", "file"),
    [
        (cameras.checkpoint, "CameraCtrl.ckpt"),
        (lambda: {"state_dict": cameras.pruned()}, "CameraCtrl_pruned.ckpt"),
        (lambda: {f"module.{key}": w for key, w in cameras.pruned().items()}, "CameraCtrl.safetensors"),
        (lambda: {key: w for key, w in cameras.pruned().items() if not key.endswith(".pe")}, "CameraCtrl.safetensors"),
        (
            lambda: cameras.encoder_weights() | families.diffusers_layout(cameras.merge_weights()),
            "CameraCtrl.safetensors",
        ),
    ],
)
def test_files_that_people_have(weights, file, whole, tmp_path):
    expected = whole.state_dict()
    loaded = load_camera_ctrl(saved(weights(), tmp_path / file)).model
    assert loaded.spec.widths == tiny.SD15_WIDTHS and loaded.spec.heads == 8
    assert dict(loaded.spec.modules) == tiny.module_places(tiny.SD15_WIDTHS, False)
    assert loaded.state_dict().keys() == expected.keys()
    assert all(torch.equal(weight, expected[key]) for key, weight in loaded.state_dict().items())


def test_half_precision_and_a_note_of_the_heads(whole, tmp_path):
    half = {key: weight.half() for key, weight in cameras.pruned().items()}
    path = tmp_path / "half.safetensors"
    safetensors.torch.save_file(half, path, {"num_attention_heads": "4"})
    loaded = load_camera_ctrl(path).model
    assert loaded.spec.heads == 4
    rays = golden.numbers("input:rays", (4, 6, 64, 64)).float()
    with torch.no_grad():
        features = loaded.encoder(rays)
        assert all(torch.isfinite(level).all() for level in features)
        assert (features[0] - whole.encoder(rays)[0]).abs().max() > 0.1  # of 8 heads


MERGE_0 = f"down_blocks.0.motion_modules.0.{cameras.MERGE}"


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (
            lambda: changed("encoder_conv_in.bias", lambda w: None),
            'is incomplete: it lacks "encoder.encoder_conv_in.bias"',
        ),
        (
            lambda: changed("encoder_conv_in.weight", lambda w: w[:, :5].contiguous()),
            r'"encoder.encoder_conv_in.weight" has shape \[32, 5, 3, 3\], but \[32, 384, 3, 3\] is needed',
        ),
        (
            lambda: changed(f"{MERGE_0}.weight", lambda w: w[:, :5].contiguous()),
            r'"merges.down_blocks-0-motion_modules-0.weight" has shape \[32, 5\], but \[32, 32\] is needed',
        ),
        (lambda: changed(f"{MERGE_0}.bias", lambda w: w.long()), "contains int64 numbers, not weights"),
        (lambda: changed(f"{MERGE_0}.bias", lambda w: w * torch.nan), r"not finite \(NaN\) in 1 of its tensors"),
        (
            lambda: cameras.pruned() | {"encoder_attention.weight": torch.zeros(3)},
            "has a key that no known CameraCtrl model has",
        ),
        (
            lambda: cameras.pruned() | {"module.encoder_conv_in.bias": torch.zeros(32)},
            'its keys "encoder_conv_in.bias" and "module.encoder_conv_in.bias" name the same weight',
        ),
        (cameras.merge_weights, 'is incomplete: it lacks "encoder_down_conv_blocks.0.0.block1.weight"'),
        (cameras.encoder_weights, 'is incomplete: it lacks the layers "qkv_merge" for motion modules'),
    ],
)
def test_incomplete_and_damaged_files(weights, says, tmp_path):
    with pytest.raises(MotionFileError, match=says):
        load_camera_ctrl(saved(weights(), tmp_path / "file.safetensors"))


def test_a_number_of_heads_that_does_not_divide_is_refused(tmp_path):
    for heads in ("0", "7", "-8", "8.0", "many", "9" * 5000):
        safetensors.torch.save_file(cameras.pruned(), tmp_path / "heads.safetensors", {"num_attention_heads": heads})
        with pytest.raises(MotionFileError, match="as its number of attention heads, but its widths"):
            load_camera_ctrl(tmp_path / "heads.safetensors")


def test_motion_models_that_it_does_not_fit(camera_ctrl, tmp_path):
    def motion(name, weights):
        return load_motion_model(tiny.save(weights, tmp_path / name))

    check_camera_fits(camera_ctrl, motion("v3_sd15_mm.safetensors", tiny.motion_weights()))
    check_camera_fits(camera_ctrl, motion("mm_sd_v15_v2.safetensors", tiny.motion_weights(mid=True)))
    says = (
        '"CameraCtrl_pruned.safetensors" moves the camera of SD1.5 motion models, but "mm_sdxl.safetensors" is an SDXL'
    )
    with pytest.raises(ValueError, match=says):
        check_camera_fits(camera_ctrl, motion("mm_sdxl.safetensors", tiny.motion_weights(tiny.SDXL_WIDTHS)))
    says = 'at "down_blocks.1.motion_modules.0" it has 64 channels, but the motion model has 96'
    with pytest.raises(ValueError, match=says):
        check_camera_fits(camera_ctrl, motion("wide.safetensors", tiny.motion_weights((32, 96, 64, 64))))
