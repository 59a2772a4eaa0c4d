"""From a file to a CameraCtrl model that the host loads and offloads, and whether a motion model can use it."""

from pathlib import Path

import comfy.model_management
import comfy.ops

from .camera_detect import detect_camera
from .camera_layers import CameraCtrl
from .files import MotionFileError, opened
from .host import HostMotion, HostPatcher
from .keys import POSITIONS
from .load import FILE, is_finite, kept_dtype, patch, place_positions, read_weights
from .spec import BASE_NAMES

CAMERA = "kinema_camera"
"""Attachment key of a MOTION_MODEL for its camera, (patcher of a CameraCtrl, Camera); the patchers are among the additional
models of a MODEL by the same key."""


def load_camera_ctrl(path: str | Path, disable_dynamic: bool = False) -> HostPatcher[CameraCtrl]:
    """The CameraCtrl model in `path` as a host ModelPatcher whose `.model` is a CameraCtrl. Raises MotionFileError."""
    path = Path(path)
    with opened(path) as file:
        spec, keys = detect_camera(file.header, path.name, file.metadata)
        dtype = kept_dtype({name: file.header[key].meta() for name, key in keys.items()})
        weights = read_weights(file, keys, dtype)
    if bad := sorted(name for name, weight in weights.items() if not is_finite(weight)):
        raise MotionFileError(
            f'"{path.name}" contains numbers that are not finite (NaN) in {len(bad)} of its tensors, first in "{bad[0]}". '
            "The file is damaged: download it again."
        )
    model = CameraCtrl(spec, comfy.ops.manual_cast, device="meta", dtype=dtype)
    tables = {name: weights.pop(name) for name in list(weights) if name.endswith(POSITIONS)}
    patcher = patch(model, (load_camera_ctrl, (str(path),)), disable_dynamic)
    model.load_state_dict(weights, assign=True)
    place_positions(model, tables, comfy.model_management.unet_offload_device())
    patcher.set_attachments(FILE, path.name)
    return patcher


def check_camera_fits(camera: HostPatcher[CameraCtrl], motion: HostMotion) -> None:
    """Raises ValueError unless `motion` (MOTION_MODEL) can follow `camera`, the patcher of a CameraCtrl."""
    file = camera.get_attachment(FILE)
    motion_file = motion.get_attachment(FILE)
    spec = motion.model.spec
    if spec.base != "sd15":
        raise ValueError(
            f'"{file}" moves the camera of SD1.5 motion models, but "{motion_file}" is an {BASE_NAMES[spec.base]} motion '
            "model. Use mm_sd15_v3."
        )
    widths = dict(spec.modules)
    for place, width in camera.model.spec.modules:
        if widths.get(place) != width:
            raise ValueError(
                f'"{file}" does not fit "{motion_file}": at "{place}" it has {width} channels, but the motion '
                f"model has {widths.get(place, 'no motion module')}. Use the CameraCtrl model that was made for this "
                "motion model."
            )
    if missing := [place for place in widths if place not in dict(camera.model.spec.modules) and "mid" not in place]:
        raise ValueError(
            f'"{file}" does not fit "{motion_file}", which has a motion module at "{missing[0]}" that CameraCtrl '
            "lacks. Use the CameraCtrl model that was made for this motion model."
        )
