"""What the nodes ask of a run: one frozen value on the MODEL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...motion.host import HostGuider, HostModel, HostMotion
from ..guidance.animation_guidance import Guidance
from ..guidance.guidance_reuse import GuidanceReuse
from ..guidance.motion_from_video import MotionFromVideo, prepared
from ..guidance.motion_guidance import MotionGuidance
from ..latents.inject_image import Injection
from ..latents.text2video_zero import MotionField
from ..modules.applied import Applied, encoded
from ..modules.enhance_motion import Enhance
from ..noise.animation_noise import AnimationNoise
from ..noise.model_sampling import OwnSampling, ScheduleChoice
from ..noise.refine_noise import NoiseRefinement
from ..windows.context_windows import ContextWindows
from ..windows.cut import WindowSpec
from ..windows.motion_windows import MotionWindows
from ..windows.window_reference import WindowReference

ANIMATION = "kinema"
"""The key of the Animation in `transformer_options`, of the wrappers that carry it out, and of the motion models."""


@dataclass(frozen=True)
class Animation:
    """One field per feature; the order in which the nodes of different features were wired does not matter.

    Fields with several entries hold what several nodes of one kind ask for, in the order of the nodes.
    """

    motions: tuple[Applied, ...] = ()  # motion models, in the order in which they act
    noise_schedule: ScheduleChoice | None = None  # takes precedence over the schedules of motion models
    sampling: OwnSampling | None = None  # what the schedules came to
    noise: AnimationNoise | None = None  # what the run starts from, and adds at its steps
    refinement: NoiseRefinement | None = None  # of the noise that it starts from
    motion_field: MotionField | None = None  # Text2Video-Zero
    injections: tuple[Injection, ...] = ()  # pictures put in during the run; they all act
    windows: tuple[ContextWindows, ...] = ()  # the later takes precedence where they overlap in the run
    motion_windows: MotionWindows | None = None  # windows inside the motion modules; None: off
    references: tuple[WindowReference, ...] = ()  # at most one of each mode
    first_frame: bool = False  # whether every frame attends to the first
    guidance: Guidance | None = None  # in place of the sampler's cfg
    motion_guidance: MotionGuidance | None = None  # guidance by the difference that motion makes; None: off
    from_video: MotionFromVideo | None = None  # guidance towards the motion of a reference video; None: off
    reuse: GuidanceReuse | None = None  # of the direction of guidance at later steps; None: off
    enhance: Enhance | None = None  # of the attentions over frames
    preview_plays: bool = False  # whether the sampler's preview shows another frame at every step

    @property
    def freenoise_windows(self) -> WindowSpec | None:
        """The windows for which the noise of a run is rescheduled; None: it keeps its order."""
        inside = self.motion_windows
        if inside is not None and inside.freenoise:
            return WindowSpec(inside.length, inside.overlap)
        return next((windows.spec for windows in self.windows if windows.freenoise), None)


def animation_of(model_options: Mapping[str, Any]) -> Animation:
    """The Animation in the host's `model_options`."""
    return animation_in(model_options.get("transformer_options", {}))


def animation_in(transformer_options: Mapping[str, Any]) -> Animation:
    """The Animation in the host's `transformer_options`."""
    animation: Animation = transformer_options.get(ANIMATION, Animation())
    return animation


def motion_models(patcher: HostModel | None) -> list[HostMotion]:
    """The motion models (MOTION_MODEL) of a MODEL's `patcher`, to whose places Applied refers.

    They are looked up on the patcher in use and never captured, because the host deep-copies models for several GPUs.
    """
    if patcher is None:
        raise RuntimeError(
            "A MODEL with a motion model was called outside ComfyUI's samplers. Connect the MODEL to a sampler node."
        )
    return list(patcher.get_additional_models_with_key(ANIMATION))


def with_encoded_pictures(animation: Animation, guider: HostGuider, shape: Sequence[int], seed: int) -> Animation:
    """`animation` for a run of `seed` with latents of `shape` (f, c, h, w) by the host's `guider`: with the latents of its
    pictures, which are encoded before the models are loaded, so that the VAE has the memory for itself."""
    models = motion_models(guider.model_patcher)
    motions = tuple(encoded(how, models, guider, shape) for how in animation.motions)
    video = animation.from_video
    followed = None if video is None else prepared(video, guider, shape, seed)
    return replace(animation, motions=motions, from_video=followed)
