"""PIA, AnimateLCM-I2V and CameraCtrl of AnimateDiff-Evolved: Animate Picture, Load CameraCtrl and Camera Path."""

from collections.abc import Callable, Mapping

from ..graph.workflow_graph import ACTIVE
from .keyframes import camera_over_steps, keyframes_of
from .motion_settings import adjusted
from .multivals import Held, held, multival, times
from .option_nodes import OptionNode
from .plan import APPROXIMATE, IDEA, LOSS, Made, Plan, RefusedError, Value

PIA_APPLY, I2V_APPLY = "ADE_ApplyAnimateDiffModelWithPIA", "ADE_ApplyAnimateLCMI2VModel"
CAMERA_APPLY, CAMERA_LOAD = "ADE_ApplyAnimateDiffModelWithCameraCtrl", "ADE_LoadAnimateDiffModelWithCameraCtrl"
MULTIVAL_INPUT = "ADE_InputPIA_Multival"
I2V_LOAD, SCALE_AND_ENCODE = "ADE_LoadAnimateLCMI2VModel", "ADE_UpscaleAndVAEEncode"
PRESETS = {
    "Animation (Small Motion)": "small",
    "Animation (Medium Motion)": "moderate",
    "Animation (Large Motion)": "large",
    "Loop (Small Motion)": "small loop",
    "Loop (Medium Motion)": "moderate loop",
    "Loop (Large Motion)": "large loop",
    "Style Transfer (Small Motion)": "style small",
    "Style Transfer (Medium Motion)": "style moderate",
    "Style Transfer (Large Motion)": "style large",
}
MOVES = {
    "Static": "none",
    "Pan Up": "move up",
    "Pan Down": "move down",
    "Pan Left": "move left",
    "Pan Right": "move right",
    "Zoom In": "move forward",
    "Zoom Out": "move back",
    "Roll Clockwise": "roll clockwise",
    "Roll Anticlockwise": "roll anticlockwise",
    "CW": "roll clockwise",
    "ACW": "roll anticlockwise",
    "Tilt Up": "turn up",
    "Tilt Down": "turn down",
    "Tilt Left": "turn left",
    "Tilt Right": "turn right",
}


def animate_picture(plan: Plan, option: OptionNode, motion_model: Made) -> Made:
    """`motion_model` with the picture of an Apply node for PIA or AnimateLCM-I2V; unchanged for other nodes."""
    if option.type == PIA_APPLY:
        image = option.link("image")
        vae = option.link("vae")
        chosen = _affinity_over_steps(plan, option)
        return plan.output(
            "KinemaAnimatePicture",
            option.node,
            {"motion_model": motion_model, "image": image, "vae": vae, "strength": 1.0, **chosen},
        )
    if option.type != I2V_APPLY:
        return motion_model
    encode = option.option("ref_latent")
    if encode is None or encode.type != SCALE_AND_ENCODE:
        raise RefusedError(
            f"ref_latent of {option.type} ({option.node.id}) is not connected to {SCALE_AND_ENCODE}. Connect it to "
            "that node, whose picture Animate Picture then encodes."
        )
    if option.switch("apply_ref_when_disabled"):
        text = "apply_ref_when_disabled is left out: before start_percent and after end_percent, the picture has no effect."
        plan.remark(APPROXIMATE, option.node, text, "Use a second Apply Motion Model with strength 0.")
    picture = {"image": encode.link("image"), "vae": encode.link("vae")}
    drift = {"strength": 1.0, "drift": option.value("ref_drift")}
    plan.remark(
        IDEA,
        encode.node,
        "The picture is scaled to cover the video and cropped.",
        "Give the picture the size of the video.",
    )
    return plan.output("KinemaAnimatePicture", option.node, {"motion_model": motion_model, **picture, **drift})


def injected(plan: Plan, option: OptionNode, load: Callable[[OptionNode], Made]) -> Made:
    """The motion model of a node that puts the picture input of one file into another."""
    text = "The picture input of one motion model cannot be put into another: the motion model with this input is used."
    plan.remark(APPROXIMATE, option.node, text, "Add a second Apply Motion Model for the other motion model.")
    source = option.option("motion_model")
    if source is None:
        raise RefusedError(f"{option.type} ({option.node.id}) has no motion model.")
    load(source)
    loaded = plan.output("KinemaLoadMotionModel", option.node, {"motion_model": option.value("model_name")})
    return adjusted(plan, option.option("ad_settings"), loaded)


def with_camera(plan: Plan, option: OptionNode, motion_model: Made) -> Made:
    """`motion_model` with the camera of an Apply node for CameraCtrl."""
    loader = option.option("motion_model")
    if loader is None or loader.type != CAMERA_LOAD:
        raise RefusedError(f"{option.type} ({option.node.id}) needs a motion model that was loaded with CameraCtrl.")
    poses = option.option("cameractrl_poses")
    if poses is None:
        return motion_model
    inputs: dict[str, Value | None] = {
        "motion_model": motion_model,
        "cameractrl": loader.value("camera_ctrl"),
        "camera": camera(plan, poses),
        "strength": times(
            plan, multival(plan, option.option("cameractrl_multival")), camera_over_steps(plan, option), option.node
        ),
    }
    return plan.output("KinemaLoadCameraCtrl", option.node, inputs)


def camera(plan: Plan, option: OptionNode, before: Made | None = None) -> Made:
    """The camera path of a CAMERACTRL_POSES node, after the path `before`."""
    if option.type == "ADE_CameraManualPoseAppend":
        return camera(plan, _poses(option, "poses_last"), camera(plan, _poses(option, "poses_first"), before))
    if option.type in ("ADE_ReplaceCameraParameters", "ADE_ReplaceOriginalPoseAspectRatio"):
        text = "This change of the lens is left out: Camera Path uses the lens of CameraCtrl's own poses."
        plan.remark(LOSS, option.node, text, "Set zoom of Camera Path.")
        return camera(plan, _poses(option, "poses"), before)
    earlier = option.option("prev_poses") if "prev_poses" in option.definition.sockets else None
    return _path(plan, option, before if earlier is None else camera(plan, earlier, before))


def _poses(option: OptionNode, name: str) -> OptionNode:
    found = option.option(name)
    if found is None:
        raise RefusedError(
            f"{name} of {option.type} ({option.node.id}) is not connected to a camera path. Connect a node that makes one, "
            "and convert the workflow again."
        )
    return found


def _path(plan: Plan, option: OptionNode, before: Made | None) -> Made:
    if option.type in ("ADE_LoadCameraPoses", "ADE_LoadCameraPosesFromPath"):
        text = "Camera Path does not read files: the text of the poses has to be pasted into it."
        plan.remark(LOSS, option.node, text, "Open the file and copy its text into poses of Camera Path.")
        return plan.output("KinemaCameraPath", option.node, {"preset": "none", "amount": 1.0, "camera": before})
    moves = _moves(option)
    frames = option.value("frame_length")
    made = before
    join = "after"
    for preset, amount in moves:
        inputs: dict[str, Value | None] = {"preset": preset, "amount": amount, "camera": made, "join": join}
        made = plan.output("KinemaCameraPath", option.node, {**inputs, "frames": frames, "along": "the camera"})
        join = "on top"
    if made is None or not moves:
        raise RefusedError(f"{option.type} ({option.node.id}) makes a camera path that Kinema does not know.")
    return made


def _moves(option: OptionNode) -> list[tuple[str, Value]]:
    """The presets and speeds of a pose node; a standing camera where there is none."""
    widgets = option.definition.widgets
    names = [name for name in widgets if name.startswith("motion_type")]
    speed = option.number("speed") if "speed" in widgets else 1.0
    moves: list[tuple[str, Value]] = []
    for name in names:
        move = option.word(name)
        strength = name.replace("motion_type", "strength")
        factor = option.number(strength) if strength in widgets else 1.0
        if move not in MOVES:
            raise RefusedError(
                f"The camera motion {move} of {option.type} ({option.node.id}) is unknown to Camera Path."
            )
        if MOVES[move] != "none":
            moves.append((MOVES[move], speed * factor))
    return moves or [("none", 1.0)]


def _affinity_over_steps(plan: Plan, option: OptionNode) -> Mapping[str, Value]:
    """The inputs of Animate Picture for the PIA input of an Apply node, and for those that its keyframes put in its place."""
    first = option.option("pia_input")
    keys = [key for key in keyframes_of(option) if "pia_input" in key.definition.sockets and key.is_linked("pia_input")]
    found = [(key.number("start_percent"), int(key.number("guarantee_steps")), key.option("pia_input")) for key in keys]
    if found and found[0][0] == 0:  # so that `first` never acts
        first = found[-1][2] if found[-1][0] == 0 else found[0][2]
        found = [entry for entry in found if entry[0] > 0]
    if not found:
        return _affinity(plan, first)
    inputs = [first, *(entry[2] for entry in found)]
    if any(entry is None or entry.type != MULTIVAL_INPUT for entry in inputs):
        text = "Presets of PIA cannot change during a run: pia_input of the keyframes is left out."
        instead = "Connect a Curve over Steps to affinity of Animate Picture instead, which changes it during the run."
        plan.remark(LOSS, keys[0].node, text, instead)
        return _affinity(plan, first)
    values = [multival(plan, entry.option("multival")) for entry in inputs if entry is not None]
    entries = [Held(start, steps, value) for (start, steps, _), value in zip(found, values[1:], strict=True)]
    return {"affinity": held(plan, entries, values[0], keys[-1].node)}


def _affinity(plan: Plan, option: OptionNode | None) -> Mapping[str, Value]:
    if option is None or option.mode != ACTIVE:
        return {"motion": "small"}
    if option.type == MULTIVAL_INPUT:
        value = multival(plan, option.option("multival"))
        curve: Value = value
        if isinstance(value, int | float):
            curve = plan.output("KinemaCurve", option.node, {"values": f"0: {value:.6g}", "easing": "linear"})
        return {"affinity": curve}
    preset = option.word("preset")
    if preset not in PRESETS:
        raise RefusedError(f"The preset {preset} of {option.type} ({option.node.id}) is unknown to Animate Picture.")
    factor = multival(plan, option.option("mult_multival"))
    if factor != 1:
        text = "mult_multival is left out: Animate Picture cannot scale a preset."
        plan.remark(LOSS, option.node, text, "Connect a curve to affinity of Animate Picture in place of the preset.")
    return {"motion": PRESETS[preset], "frame": option.value("batch_index")}
