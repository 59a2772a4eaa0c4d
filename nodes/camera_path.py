from comfy_api.latest import io

from ..sampling.call.moment import Curve
from ..sampling.camera.path import Along, CameraMove, CameraPath, Fit, Joined, Layered, track_of
from ..sampling.camera.pose_text import read_poses
from ..sampling.camera.presets import BASE_FRAMES, CAMERA_PRESETS
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.options import ExplainedCombo, words_of
from .inputs.sockets import CATEGORY, CameraSocket, number_or_curve
from .inputs.texts import check_text
from .inputs.values import OpenInt, reads_numbers
from .inputs.without_effect import Idle

WAYS_TO_JOIN = {
    "after": "This move begins where the connected path ends.",
    "on top": "This move acts at the same time as the connected path, relative to the camera's pose on that path.",
}
FITS = {
    "stretch": "The poses are spread evenly over the frames; the camera moves smoothly from one to the next.",
    "as in the file": "One pose for each frame. If there are fewer poses than frames, the camera stays at the last "
    "pose.",
}


class CameraPathNode(io.ComfyNode):
    IDLE = (
        Idle("amount", lambda values: values["preset"] == "none", ", because preset is none."),
        Idle("join", lambda values: values["camera"] is None, ", because no camera is connected."),
        Idle(
            "along",
            lambda values: (
                not any(isinstance(values[name], Curve) or values[name] for name in ("right", "up", "forward"))
            ),
            ", because right, up and forward are 0.",
        ),
        Idle("fit", lambda values: not values["poses"].strip(), ", because there are no poses."),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaCameraPath",
            display_name="Camera Path",
            category=f"{CATEGORY}/camera",
            description="Describes how a camera moves and turns over the frames of a video, for Load CameraCtrl. Chain "
            "several of these nodes to join moves.",
            search_aliases=[
                "cameractrl poses",
                "camera poses",
                "camera motion",
                "pan",
                "tilt",
                "zoom",
                "dolly",
                "orbit",
                "roll",
                *EVOLVED_NAMES["Camera Path"],
            ],
            inputs=[
                *_preset_inputs(),
                CameraSocket.Input(
                    "camera",
                    optional=True,
                    tooltip="A camera path that comes before this move, or that this move is added to.",
                ),
                ExplainedCombo(
                    "join",
                    WAYS_TO_JOIN,
                    default="after",
                    optional=True,
                    tooltip="How this move is joined to the connected camera path. The help page explains each option.",
                ),
                *_moves(),
                *_turns(),
                _zoom(),
                _along_input(),
                *_pose_inputs(),
            ],
            outputs=[
                CameraSocket.Output(
                    display_name="camera", tooltip="The camera path, for Load CameraCtrl and Plot Camera Path."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, poses: str | None = None) -> bool | str:
        return check_text(read_poses, poses or "")

    @classmethod
    @reads_numbers
    def execute(
        cls,
        preset: str,
        amount: float | Curve,
        camera: CameraPath | None = None,
        join: str = "after",
        right: float | Curve = 0.0,
        up: float | Curve = 0.0,
        forward: float | Curve = 0.0,
        turn: float | Curve = 0.0,
        tilt: float | Curve = 0.0,
        roll: float | Curve = 0.0,
        zoom: float | Curve = 1.0,
        along: Along = "the first view",
        poses: str = "",
        frames: int = 0,
        fit: Fit = "stretch",
    ) -> io.NodeOutput:
        written = read_poses(poses)
        move = CameraMove(preset, amount, right, up, forward, turn, tilt, roll, zoom, along, written, fit, frames)
        track_of(move, frames or BASE_FRAMES)  # says what is wrong with its numbers
        if camera is None:
            return io.NodeOutput(move)
        return io.NodeOutput(Joined(camera, move) if join == "after" else Layered(camera, move))


def _preset_inputs() -> list[io.Input]:
    return [
        ExplainedCombo(
            "preset",
            words_of(CAMERA_PRESETS),
            default="none",
            tooltip="A move at constant speed. The help page explains each option.",
        ),
        number_or_curve(
            "amount",
            "Speed of the preset. At 1, the camera moves 1.41 units (2.81 forward or back) or turns by 56 degrees in the "
            "first 16 frames. Values below 0 reverse the direction.",
            default=1.0,
            min=-10.0,
            max=10.0,
            step=0.01,
        ),
    ]


def _moves() -> list[io.Input]:
    return [_axis(axis, f"How many units the camera moves {axis}.") for axis in ("right", "up", "forward")]


def _turns() -> list[io.Input]:
    return [
        _axis("turn", "How many degrees the camera turns to the right.", 5.0),
        _axis("tilt", "How many degrees the camera turns upwards.", 5.0),
        _axis("roll", "How many degrees the camera rolls clockwise.", 5.0),
    ]


def _axis(name: str, what: str, step: float = 0.1) -> io.Input:
    words = f"{what} The value is reached at the last frame, at constant speed; a curve gives the value at each frame."
    return number_or_curve(name, words, default=0.0, min=-360.0, max=360.0, step=step, optional=True, advanced=True)


def _zoom() -> io.Input:
    return number_or_curve(
        "zoom",
        "Factor (greater than 0) by which the focal length is multiplied at the last frame: at 2, half of the width is "
        "visible. A curve gives the factor at each frame.",
        default=1.0,
        min=0.05,
        max=20.0,
        step=0.05,
        optional=True,
        advanced=True,
    )


def _along_input() -> io.Input:
    return io.Combo.Input(
        "along",
        options=["the first view", "the camera"],
        default="the first view",
        optional=True,
        advanced=True,
        tooltip="The directions that right, up and forward refer to. the first view: the directions as seen in the first "
        "frame, however the camera turns later. the camera: the directions as seen by the camera in each frame.",
    )


def _pose_inputs() -> list[io.Input]:
    return [
        io.String.Input(
            "poses",
            default="",
            multiline=True,
            dynamic_prompts=False,
            optional=True,
            advanced=True,
            tooltip="Poses as in the text files of RealEstate10K: rows of 19 numbers; the first line may be a link. "
            "The preset and the other inputs of this node are added to them.",
        ),
        OpenInt(
            "frames",
            default=0,
            min=0,
            max=10000,
            optional=True,
            advanced=True,
            tooltip="How many frames this move takes; then the next joined move begins, or the camera stays where it is. 0: "
            "all frames, or an equal share of them if paths are joined.",
        ),
        ExplainedCombo(
            "fit",
            FITS,
            default="stretch",
            optional=True,
            advanced=True,
            tooltip="How poses are spread over the frames. The help page explains each option.",
        ),
    ]
