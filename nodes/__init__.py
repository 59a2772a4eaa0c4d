"""The nodes: schemas and a few lines each. The only place that knows the host's node API and folders."""

from comfy_api.latest import ComfyExtension, io

from .animatediff import AnimateDiffNode
from .animation_guidance import AnimationGuidanceNode
from .animation_metrics import AnimationMetricsNode
from .animation_noise import AnimationNoiseNode
from .apply_motion_model import ApplyMotionModelNode
from .blend_sigmas import BlendSigmasNode
from .combine_curves import CombineCurvesNode
from .context_windows import ContextWindowsNode
from .curve import CurveNode
from .curve_from_floats import CurveFromFloatsNode
from .curve_from_mask import CurveFromMaskNode
from .curve_over_blocks import CurveOverBlocksNode
from .curve_over_steps import CurveOverStepsNode
from .enhance_motion import EnhanceMotionNode
from .first_frame_attention import FirstFrameAttentionNode
from .inject_image import InjectImageNode
from .inputs.motion_files import register_folders
from .load_clips import LoadClipsNode
from .load_miniature import LoadMiniatureNode
from .load_motion_lora import LoadMotionLoraNode
from .load_motion_model import LoadMotionModelNode
from .merge_motion_models import MergeMotionModelsNode
from .metrics_plot import MetricsPlotNode
from .motion_guidance import MotionGuidanceNode
from .motion_windows import MotionWindowsNode
from .noise_schedule import NoiseScheduleNode
from .plot_curve import PlotCurveNode
from .prompt_travel import PromptTravelNode
from .refine_noise import RefineNoiseNode
from .save_motion_model import SaveMotionModelNode
from .sigma_schedule import SigmaScheduleNode
from .text2video_zero import Text2VideoZeroNode
from .train_motion_lora import TrainMotionLoraNode
from .train_motion_model import TrainMotionModelNode
from .window_plan import WindowPlanNode
from .window_reference import WindowReferenceNode

NODES: list[type[io.ComfyNode]] = [
    LoadMotionModelNode,
    LoadMotionLoraNode,
    ApplyMotionModelNode,
    AnimateDiffNode,
    MergeMotionModelsNode,
    SaveMotionModelNode,
    NoiseScheduleNode,
    SigmaScheduleNode,
    BlendSigmasNode,
    AnimationNoiseNode,
    RefineNoiseNode,
    InjectImageNode,
    ContextWindowsNode,
    MotionWindowsNode,
    PromptTravelNode,
    CurveNode,
    CurveFromFloatsNode,
    CurveFromMaskNode,
    CurveOverStepsNode,
    CurveOverBlocksNode,
    CombineCurvesNode,
    PlotCurveNode,
    AnimationGuidanceNode,
    MotionGuidanceNode,
    EnhanceMotionNode,
    WindowPlanNode,
    WindowReferenceNode,
    FirstFrameAttentionNode,
    Text2VideoZeroNode,
    AnimationMetricsNode,
    MetricsPlotNode,
    LoadMiniatureNode,
    LoadClipsNode,
    TrainMotionModelNode,
    TrainMotionLoraNode,
]


class Kinema(ComfyExtension):
    async def on_load(self) -> None:
        register_folders()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
