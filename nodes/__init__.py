"""The nodes: schemas and a few lines each. The only place that knows the host's node API and folders."""

from comfy_api.latest import ComfyExtension, io

from .animatediff import AnimateDiff
from .animation_guidance import AnimationGuidance
from .animation_metrics import AnimationMetrics
from .animation_noise import AnimationNoise
from .apply_motion_model import ApplyMotionModel
from .blend_sigmas import BlendSigmas
from .combine_curves import CombineCurves
from .context_windows import ContextWindows
from .curve import Curve
from .curve_from_floats import CurveFromFloats
from .curve_from_mask import CurveFromMask
from .curve_over_blocks import CurveOverBlocks
from .curve_over_steps import CurveOverSteps
from .enhance_motion import EnhanceMotion
from .first_frame_attention import FirstFrameAttention
from .inject_image import InjectImage
from .inputs.motion_files import register_folders
from .load_clips import LoadClips
from .load_miniature import LoadMiniature
from .load_motion_lora import LoadMotionLora
from .load_motion_model import LoadMotionModel
from .merge_motion_models import MergeMotionModels
from .metrics_plot import MetricsPlot
from .motion_guidance import MotionGuidance
from .motion_windows import MotionWindows
from .noise_schedule import NoiseSchedule
from .plot_curve import PlotCurve
from .prompt_travel import PromptTravel
from .refine_noise import RefineNoise
from .save_motion_model import SaveMotionModel
from .sigma_schedule import SigmaSchedule
from .text2video_zero import Text2VideoZero
from .train_motion_lora import TrainMotionLora
from .train_motion_model import TrainMotionModel
from .window_plan import WindowPlan
from .window_reference import WindowReference

NODES: list[type[io.ComfyNode]] = [
    LoadMotionModel,
    LoadMotionLora,
    ApplyMotionModel,
    AnimateDiff,
    MergeMotionModels,
    SaveMotionModel,
    NoiseSchedule,
    SigmaSchedule,
    BlendSigmas,
    AnimationNoise,
    RefineNoise,
    InjectImage,
    ContextWindows,
    MotionWindows,
    PromptTravel,
    Curve,
    CurveFromFloats,
    CurveFromMask,
    CurveOverSteps,
    CurveOverBlocks,
    CombineCurves,
    PlotCurve,
    AnimationGuidance,
    MotionGuidance,
    EnhanceMotion,
    WindowPlan,
    WindowReference,
    FirstFrameAttention,
    Text2VideoZero,
    AnimationMetrics,
    MetricsPlot,
    LoadMiniature,
    LoadClips,
    TrainMotionModel,
    TrainMotionLora,
]


class Kinema(ComfyExtension):
    async def on_load(self) -> None:
        register_folders()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
