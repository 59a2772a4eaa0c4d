"""CameraCtrl files and networks, against numbers of the authors' own classes."""

import cameras
import comfy.utils
import filled
import pytest
import safetensors.torch
import tiny
import torch
from compare import assert_alike

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
    return load_camera_ctrl(path)


def exact_camera(camera_ctrl):
    """The same in float64, with the exact weights of the rule."""
    model = camera_ctrl.model.double()
    state = {f"encoder.{key}": value for key, value in filled.fill(cameras.encoder_shapes()).items()}
    for key, value in filled.fill(cameras.merge_shapes()).items():
        place, part = key.split(f".{cameras.MERGE}.")
        state[f"merges.{place.replace('.', '-')}.{part}"] = value
    for key in [key for key in state if key.endswith(".to_q.weight")]:
        stem = key.removesuffix("q.weight")
        state[f"{stem}qkv.weight"] = torch.cat([state.pop(f"{stem}{part}.weight") for part in "qkv"])
    model.load_state_dict(state, assign=True)
    return model


def assert_numbers(x, mean, first, last, within=1e-5):
    """`x` (f, c, h, w) has these numbers, to a part of its largest."""
    scale = float(x.abs().max())
    found = [x.abs().mean(), *x.flatten()[:3], x.flatten()[-1]]
    error = max(abs(float(a) - b) for a, b in zip(found, (mean, *first, last), strict=True))
    assert error <= within * scale, (error, scale)


def test_the_encoders_features_are_the_authors(camera_ctrl):
    rays = filled.values("input:rays", (4, 6, 128, 192))
    with torch.no_grad():
        features = exact_camera(camera_ctrl).encoder(rays)
    for level, (mean, first, last) in zip(features, FEATURES, strict=True):
        assert_numbers(level.permute(2, 3, 0, 1), mean, first, last)


def test_the_unet_with_a_camera_is_the_authors(camera_ctrl, tmp_path):
    model = tiny.image_model()
    unet = model.model.diffusion_model.double()
    unet.dtype = torch.float64
    names = comfy.utils.unet_to_diffusers(model.model.model_config.unet_config)
    shapes = {ours: tuple(weight.shape) for ours, weight in unet.state_dict().items()}
    theirs = {ours: name for name, ours in names.items() if ours in shapes}
    assert theirs.keys() == shapes.keys()
    unet.load_state_dict({ours: filled.weight(name, shapes[ours]) for ours, name in theirs.items()})
    weights = tiny.motion_weights()
    exact = {k: v if k.endswith("pe") else filled.weight(k, tuple(v.shape)) for k, v in weights.items()}
    motion = load_motion_model(tiny.save({k: v.contiguous() for k, v in exact.items()}, tmp_path / "v3_sd15_mm.ckpt")).model
    from kinema.motion.keys import canonical
    from kinema.motion.load import fuse

    motion.double().load_state_dict(
        fuse({canonical(k): v for k, v in exact.items() if not k.endswith("pe")}), assign=True
    )
    camera = exact_camera(camera_ctrl)
    with torch.no_grad():
        features = camera.encoder(filled.values("input:rays", (4, 6, 128, 192)))
        features = [level[None, :, :, None] for level in features]  # (1, h, w, 1, l, c)

        def control(place):
            side, level = place.split(".")[:2]
            number = int(level) if side == "down_blocks" else 3 - int(level)
            return Control(merge=Merge(camera.merge(place), features[number], 1.0))

        controls = {place: control(place) for place, _ in motion.spec.modules}
        x = filled.values("input:x", (4, 4, *SIZE))
        context = filled.values("input:context", (1, 5, 32)).expand(4, -1, -1)
        with motion_inside(unet, [Motion(motion, controls, motion.spec.family.norms)], 4):
            out = unet(x, torch.full((4,), 501.0, dtype=torch.float64), context=context)
    assert_numbers(out, 0.4844303, (-0.185031, -0.489909, -0.202955), -0.955217)
