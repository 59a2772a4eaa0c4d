from typing import Any

from comfy_api.latest import io

from ..motion.camera_load import CAMERA
from ..motion.host import HostMotion
from ..sampling.call.moment import Curve
from ..sampling.camera.camera import Camera, follow_camera
from ..sampling.camera.path import CameraPath
from .inputs.camera_files import camera_files, camera_fingerprint, check_camera_file, load_camera_file
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, CameraSocket, MotionModelSocket, number_or_curve
from .inputs.values import Told, reads_numbers

REPLACES_CAMERA = "This camera replaces that of the earlier Load CameraCtrl node."


class LoadCameraCtrlNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaLoadCameraCtrl",
            display_name="Load CameraCtrl",
            category=f"{CATEGORY}/camera",
            description="Adds CameraCtrl to a motion model, which then follows a camera path.",
            search_aliases=[
                "cameractrl",
                "camera control",
                "camera motion",
                "apply cameractrl",
                "pan",
                "zoom",
                "orbit",
                *EVOLVED_NAMES["Load CameraCtrl"],
            ],
            inputs=[
                MotionModelSocket.Input(
                    "motion_model",
                    tooltip="An SD1.5 motion model. CameraCtrl was trained with mm_sd15_v3. Other nodes that use this motion "
                    "model are not affected.",
                ),
                io.Combo.Input(
                    "cameractrl",
                    options=camera_files(),
                    tooltip="A CameraCtrl file, such as CameraCtrl_pruned.safetensors, in models/animatediff_models or "
                    "models/cameractrl.",
                ),
                CameraSocket.Input("camera", tooltip="The camera path, from Camera Path."),
                number_or_curve(
                    "strength",
                    "How closely the motion follows the camera path. 1 is the strength that CameraCtrl was trained with; "
                    "at 0 the camera path has no effect.",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.01,
                ),
            ],
            outputs=[
                MotionModelSocket.Output(
                    display_name="MOTION_MODEL", tooltip="The motion model, which follows the camera path."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, cameractrl: str | None = None) -> bool | str:
        return check_camera_file(cameractrl)

    @classmethod
    def fingerprint_inputs(cls, cameractrl: str | None = None, **_: Any) -> str:
        return camera_fingerprint(cameractrl)

    @classmethod
    @reads_numbers
    def execute(
        cls, motion_model: HostMotion, cameractrl: str, camera: CameraPath, strength: float | Curve
    ) -> io.NodeOutput | Told:
        replaces = motion_model.get_attachment(CAMERA) is not None
        follows = follow_camera(motion_model, load_camera_file(cameractrl), Camera(camera, strength))
        return Told(io.NodeOutput(follows), [REPLACES_CAMERA] if replaces else [])
