from comfy_api.latest import io

from ..sampling.curves.curve_keys import OverFrames
from ..sampling.curves.curve_text import read_keys
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, curve_output, easing_input
from .inputs.texts import check_text

CURVE_EXAMPLE = "0: 1.0, 24: 0.3"


class CurveNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaCurve",
            display_name="Curve",
            category=f"{CATEGORY}/curves",
            description="A value that changes over the frames. Write frames and the values that are reached at "
            "these frames, e.g. 0: 1.0, 24: 0.3. Connect the curve to any input that accepts a curve.",
            search_aliases=[
                "ease",
                "easing",
                "interpolate",
                "value schedule",
                "keyframes",
                "float to floats",
                "float schedule",
                "automation",
                *EVOLVED_NAMES["Curve"],
            ],
            inputs=[
                io.String.Input(
                    "values",
                    default=CURVE_EXAMPLE,
                    multiline=True,
                    dynamic_prompts=False,
                    tooltip="Pairs of frame: value, separated by commas or line breaks. Negative frame numbers "
                    "count from the end; 0.5 or 50% is the middle of the video. An easing after a value applies to "
                    "the change towards that value, e.g. 24: 0.3 ease in.",
                ),
                easing_input(),
            ],
            outputs=[
                curve_output(
                    "The curve over the frames. Each context window uses the section of the curve "
                    "that covers its frames."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, values: str | None = None) -> bool | str:
        return check_keys(values)

    @classmethod
    def execute(cls, values: str, easing: str = "linear") -> io.NodeOutput:
        return io.NodeOutput(OverFrames(read_keys(values, easing)))


def check_keys(values: str | None) -> bool | str:
    """What is wrong with `values` (None: not known yet), or True."""
    return check_text(read_keys, CURVE_EXAMPLE if values is None else values)
