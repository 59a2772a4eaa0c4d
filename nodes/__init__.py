"""The nodes: schemas and a few lines each. The only place that knows the host's node API and folders."""

from comfy_api.latest import ComfyExtension, io

from .animatediff import AnimateDiff
from .animation_metrics import AnimationMetrics
from .apply_motion_model import ApplyMotionModel
from .context_windows import ContextWindows
from .first_frame_attention import FirstFrameAttention
from .load_clips import LoadClips
from .load_motion_lora import LoadMotionLora
from .load_motion_model import LoadMotionModel
from .merge_motion_models import MergeMotionModels
from .metrics_plot import MetricsPlot
from .motion_files import register_folders
from .motion_windows import MotionWindows
from .noise_schedule import NoiseSchedule
from .prompt_travel import PromptTravel
from .save_motion_model import SaveMotionModel
from .text2video_zero import Text2VideoZero
from .train_motion_lora import TrainMotionLora
from .train_motion_model import TrainMotionModel
from .window_plan import WindowPlan

NODES: list[type[io.ComfyNode]] = [
    LoadMotionModel,
    LoadMotionLora,
    ApplyMotionModel,
    AnimateDiff,
    MergeMotionModels,
    SaveMotionModel,
    NoiseSchedule,
    ContextWindows,
    MotionWindows,
    PromptTravel,
    WindowPlan,
    FirstFrameAttention,
    Text2VideoZero,
    AnimationMetrics,
    MetricsPlot,
    LoadClips,
    TrainMotionModel,
    TrainMotionLora,
]


class Kinema(ComfyExtension):
    async def on_load(self) -> None:
        register_folders()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
