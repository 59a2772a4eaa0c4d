import torch
from comfy_api.latest import io

from ..motion.host import HostMotion, HostVAE
from ..motion.picture_parts import PICTURE_ATTACHMENT
from ..sampling.call.moment import Curve
from ..sampling.pictures.affinity import DEFAULT_MOTION, MOTION_AMOUNTS
from ..sampling.pictures.animated_picture import TRAINED_DRIFT, AnimatedPicture, animating
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.options import ExplainedCombo, words_of
from .inputs.sockets import CATEGORY, CurveSocket, MotionModelSocket, number_or_curve
from .inputs.values import OpenFloat, Told, reads_numbers


class AnimatePictureNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaAnimatePicture",
            display_name="Animate Picture",
            category=f"{CATEGORY}/pictures",
            description="Gives a motion model the picture that it animates. For PIA, which makes the picture a frame of "
            "the video, and for AnimateLCM-I2V, which stays close to one picture or follows a series of pictures.",
            search_aliases=[
                "img2vid",
                "image to video",
                "i2v",
                "pia",
                "animatelcm-i2v",
                "pia input",
                "animate image",
                "first frame",
                "tween",
                *EVOLVED_NAMES["Animate Picture"],
            ],
            inputs=[
                MotionModelSocket.Input(
                    "motion_model",
                    tooltip="PIA (pia.ckpt) or AnimateLCM-I2V (AnimateLCM_sd15_i2v.ckpt), from Load Motion Model.",
                ),
                io.Image.Input(
                    "image",
                    tooltip="The picture, which is scaled to cover the video frame and cropped. Several pictures: PIA "
                    "spreads them from the first frame to the last and moves from one to the next; AnimateLCM-I2V "
                    "follows them like a video, one picture per frame.",
                ),
                io.Vae.Input("vae", tooltip="The VAE that encodes the picture. Use the VAE of the SD1.5 checkpoint."),
                number_or_curve(
                    "strength",
                    "How strongly the picture acts. 1 is the strength that the motion model was trained with; at 0 the "
                    "picture has no effect.",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.01,
                ),
                *_pia_inputs(),
                OpenFloat(
                    "drift",
                    default=TRAINED_DRIFT,
                    min=0.0,
                    max=1.5,
                    step=0.01,
                    optional=True,
                    advanced=True,
                    tooltip="Only for AnimateLCM-I2V. How far a single picture changes over the frames: 0 gives a nearly "
                    "still video, 1.5 a lot of motion and more artifacts. Ignored if there are several pictures.",
                ),
            ],
            outputs=[
                MotionModelSocket.Output(
                    display_name="MOTION_MODEL",
                    tooltip="The motion model with the picture, for Apply Motion Model.",
                )
            ],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        motion_model: HostMotion,
        image: torch.Tensor,
        vae: HostVAE,
        strength: float | Curve,
        motion: str = DEFAULT_MOTION,
        frame: int = 0,
        affinity: float | Curve | None = None,
        drift: float = TRAINED_DRIFT,
    ) -> io.NodeOutput | Told:
        picture = AnimatedPicture(image, vae, strength, motion, frame, affinity, drift)
        animated = animating(motion_model, picture)
        return Told(io.NodeOutput(animated), what_does_not_act(motion_model, picture))


def _pia_inputs() -> list[io.Input]:
    return [
        ExplainedCombo(
            "motion",
            words_of(MOTION_AMOUNTS),
            default=DEFAULT_MOTION,
            optional=True,
            tooltip="Only for PIA. How much motion there is, whether the video loops, and whether it keeps the style "
            "of the picture. The help page explains each option.",
        ),
        io.Int.Input(
            "frame",
            default=0,
            min=-100000,
            max=100000,
            optional=True,
            advanced=True,
            tooltip="Only for PIA. The frame that shows the picture: 0 is the first frame, -1 the last.",
        ),
        CurveSocket.Input(
            "affinity",
            optional=True,
            advanced=True,
            tooltip="Only for PIA. How much each frame resembles the picture; replaces the input motion. 1 is the "
            "picture itself, 0.2 the lowest value used in training.",
        ),
    ]


def what_does_not_act(motion_model: HostMotion, picture: AnimatedPicture) -> list[str]:
    """Sentences about what is set, but acts otherwise or not at all for `picture` with this motion model (MOTION_MODEL)."""
    sentences = []
    if motion_model.get_attachment(PICTURE_ATTACHMENT) is not None:
        sentences.append("This picture replaces that of the earlier Animate Picture node.")
    if motion_model.model.spec.picture == "mask+picture":
        return sentences + _with_pia(picture)
    return sentences + _with_i2v(picture)


def _with_pia(picture: AnimatedPicture) -> list[str]:
    sentences = []
    if picture.drift != TRAINED_DRIFT:
        sentences.append("drift has no effect: it is only for AnimateLCM-I2V, but the motion model is PIA.")
    if picture.count > 1:
        sentences.append(f"The {picture.count} pictures are spread from the first frame to the last.")
        if picture.frame != 0:
            sentences.append("frame has no effect: it is used only for a single picture.")
    elif picture.frame != 0 and picture.affinity is not None:
        sentences.append("frame has no effect, because affinity is connected.")
    if picture.motion != DEFAULT_MOTION and picture.affinity is not None:
        sentences.append("motion has no effect, because affinity is connected.")
    elif picture.motion != DEFAULT_MOTION and picture.count > 1:
        sentences.append(
            "motion has no effect with several pictures: the farther a frame is from the nearest picture, the less it "
            "resembles that picture."
        )
    return sentences


def _with_i2v(picture: AnimatedPicture) -> list[str]:
    sentences = []
    settings = {
        "motion": picture.motion != DEFAULT_MOTION,
        "frame": picture.frame != 0,
        "affinity": picture.affinity is not None,
    }
    for name, is_set in settings.items():
        if is_set:
            sentences.append(f"{name} has no effect: it is only for PIA, but the motion model is AnimateLCM-I2V.")
    if picture.count > 1:
        sentences.append(
            f"Each frame gets one of the {picture.count} pictures, in order. If there are fewer pictures than frames, the "
            "remaining frames keep the last picture; surplus pictures are not used."
        )
        if picture.drift != TRAINED_DRIFT:
            sentences.append("drift has no effect with several pictures: 0 is used instead.")
    return sentences
