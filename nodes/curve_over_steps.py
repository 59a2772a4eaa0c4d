from comfy_api.latest import io

from ..sampling.curves.curve_keys import OverRun
from ..sampling.curves.curve_text import read_keys
from .curve import check_keys
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, curve_output, easing_input


class CurveOverStepsNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaCurveOverSteps",
            display_name="Curve over Steps",
            category=f"{CATEGORY}/curves",
            description="A value that changes over the sampling run. Write steps or percentages and the values "
            "that are reached there, e.g. 0%: 8, 50%: 4. Layout and motion are decided early, details late.",
            search_aliases=["step schedule", "timestep", "value schedule", *EVOLVED_NAMES["Curve over Steps"]],
            inputs=[
                io.String.Input(
                    "values",
                    default="0%: 1.0, 100%: 0.3",
                    multiline=True,
                    dynamic_prompts=False,
                    tooltip="Pairs of position: value, separated by commas or line breaks. 50% or 0.5 is halfway "
                    "through the run, as in start_percent of other nodes; whole numbers are sampler steps; "
                    "negative numbers count from the end.",
                ),
                easing_input(),
            ],
            outputs=[
                curve_output(
                    "The curve over the sampling run. To multiply it by a curve over frames, use Combine Curves."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, values: str | None = None) -> bool | str:
        return check_keys(values)

    @classmethod
    def execute(cls, values: str, easing: str = "linear") -> io.NodeOutput:
        return io.NodeOutput(OverRun(read_keys(values, easing)))
