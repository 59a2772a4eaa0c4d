"""A camera on a motion model, and on the MODELs that it is applied to."""

from dataclasses import dataclass

from ...motion.camera_layers import CameraCtrl
from ...motion.camera_load import CAMERA, check_camera_fits
from ...motion.host import HostModel, HostMotion, HostPatcher
from ..call.moment import Curve
from .path import CameraPath


@dataclass(frozen=True)
class Camera:
    """How an applied motion model follows a camera."""

    path: CameraPath  # where the camera is at each frame
    strength: float | Curve = 1.0  # of what CameraCtrl adds to the attentions
    index: int = 0  # of its CameraCtrl among the MODEL's


def follow_camera(motion: HostMotion, camera_ctrl: HostPatcher[CameraCtrl], camera: Camera) -> HostMotion:
    """A clone of `motion` (MOTION_MODEL) that follows `camera` by `camera_ctrl`, the patcher of a CameraCtrl, in place of
    the camera that it had. Raises ValueError where they do not fit."""
    check_camera_fits(camera_ctrl, motion)
    following = motion.clone()
    following.set_attachments(CAMERA, (camera_ctrl, camera))
    return following


def placed_camera(model: HostModel, motion: HostMotion) -> Camera | None:
    """The camera of `motion`, whose CameraCtrl becomes an additional model of `model` (MODEL, changed in place)."""
    attached = motion.get_attachment(CAMERA)
    if attached is None:
        return None
    patcher, camera = attached
    there = list(model.get_additional_models_with_key(CAMERA))
    index = next((i for i, other in enumerate(there) if other.model is patcher.model), len(there))
    if index == len(there):
        model.set_additional_models(CAMERA, [*there, patcher])
    return Camera(camera.path, camera.strength, index)
