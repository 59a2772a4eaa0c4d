from comfy_api.latest import io

from ..sampling.call.moment import Curve
from ..sampling.curves.curve import OPERATIONS, Combined, as_curve
from .inputs.options import ExplainedCombo, words_of
from .inputs.sockets import CATEGORY, curve_output, number_or_curve
from .inputs.values import reads_numbers


class CombineCurvesNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaCombineCurves",
            display_name="Combine Curves",
            category=f"{CATEGORY}/curves",
            description="Combines two curves, or a curve and a number, into one curve, e.g. by multiplying a curve "
            "over frames by a curve over steps.",
            search_aliases=["multiply curves", "multival math", "curve math", "add curves", "mix curves"],
            inputs=[
                _curve_input("a", "first"),
                _curve_input("b", "second"),
                ExplainedCombo(
                    "operation",
                    words_of(OPERATIONS),
                    default="multiply",
                    tooltip="How the two operands are combined at each frame, step, position in the picture and "
                    "block. subtract: the value of a minus the value of b.",
                ),
            ],
            outputs=[curve_output("The combined curve. It varies over everything that either input varies over.")],
        )

    @classmethod
    @reads_numbers
    def execute(cls, a: float | Curve, b: float | Curve, operation: str) -> io.NodeOutput:
        return io.NodeOutput(Combined(operation, as_curve(a), as_curve(b)))


def _curve_input(name: str, which: str) -> io.Input:
    return number_or_curve(name, f"The {which} operand.", default=1.0, min=-100.0, max=100.0, step=0.01)
