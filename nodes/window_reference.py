from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.call.moment import Curve
from ..sampling.run.animation import animation_of
from ..sampling.run.attach import refer_windows
from ..sampling.windows.window_reference import REFERENCE_MODES, ReferenceMode, WindowReference
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, number_or_curve
from .inputs.values import OpenFloat, Told, reads_numbers
from .inputs.without_effect import NEVER_ACTS


class WindowReferenceNode(io.ComfyNode):
    IDLE = (NEVER_ACTS,)

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaWindowReference",
            display_name="Window Reference",
            category=f"{CATEGORY}/windows",
            description="Makes the later context windows of a long video resemble the first window: they attend to "
            "it, or start from its result. You can combine two of these nodes, one in each mode.",
            search_aliases=[
                "contextref",
                "context ref",
                "naivereuse",
                "naive reuse",
                "context extras",
                "reference only",
                *EVOLVED_NAMES["Window Reference"],
            ],
            inputs=[
                io.Model.Input("model", tooltip="The model, before or after Apply Motion Model and Context Windows."),
                io.Combo.Input(
                    "mode",
                    options=list(REFERENCE_MODES),
                    default="attend",
                    tooltip="attend: frames of later windows attend to the frames of the first window, so people and things "
                    "keep their appearance; self-attention takes twice as long. reuse: later windows "
                    "start with the layout and motion of the first; at strength 1 they are not computed until "
                    "end_percent, which saves time.",
                ),
                number_or_curve(
                    "strength",
                    "How strongly the first window is used: at 1 fully, at 0 not at all.",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                ),
                _percent("start_percent", 0.0, "When the reference starts to act, as a fraction of the sampling run."),
                _percent(
                    "end_percent",
                    0.25,
                    "When the reference stops acting, as a fraction of the sampling run. Early steps decide the "
                    "layout: 0.15 suits reuse, 0.25 to 1 suits attend.",
                ),
            ],
            outputs=[
                io.Model.Output(tooltip="The model, set up so that later context windows refer to the first window.")
            ],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        mode: ReferenceMode,
        strength: float | Curve,
        start_percent: float = 0.0,
        end_percent: float = 0.25,
    ) -> io.NodeOutput | Told:
        reference = WindowReference(mode, strength, start_percent, end_percent)
        replaces = any(other.mode == mode for other in animation_of(model.model_options).references)
        sentences = (
            [f'This node replaces the earlier Window Reference node with the mode "{mode}".'] if replaces else []
        )
        return Told(io.NodeOutput(refer_windows(model, reference)), sentences)


def _percent(name: str, default: float, tooltip: str) -> io.Input:
    return OpenFloat(name, default=default, min=0.0, max=1.0, step=0.01, optional=True, tooltip=tooltip)
