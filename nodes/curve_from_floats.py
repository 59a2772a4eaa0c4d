import math
from collections.abc import Iterable
from typing import Any

from comfy_api.latest import io

from ..sampling.curves.curve import Listed
from .inputs.sockets import CATEGORY, curve_output

SCALINGS = ["as they are", "lowest to highest"]


class CurveFromFloatsNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaCurveFromFloats",
            display_name="Curve from Floats",
            category=CATEGORY,
            description="A number for each frame from a list of another node, e.g. the loudness of audio.",
            search_aliases=[
                "multival float list",
                "multival floats",
                "audio reactive",
                "list to curve",
                "floats",
                "amplitude",
            ],
            is_input_list=True,
            inputs=[
                io.Float.Input(
                    "values",
                    default=1.0,
                    force_input=True,
                    tooltip="One number for each frame, as a list or as a list inside one output. The last one goes on.",
                ),
                io.Combo.Input(
                    "scaling",
                    options=SCALINGS,
                    default=SCALINGS[0],
                    optional=True,
                    tooltip="as they are: the numbers themselves. lowest to highest: the lowest number becomes low, the "
                    "highest becomes high.",
                ),
                _bound_input("low", 0.0, "lowest"),
                _bound_input("high", 1.0, "highest"),
            ],
            outputs=[curve_output("The curve over frames; windows see their own part of it.")],
        )

    @classmethod
    def execute(
        cls,
        values: list[Any],
        scaling: list[str] | None = None,
        low: list[float] | None = None,
        high: list[float] | None = None,
    ) -> io.NodeOutput:
        numbers = list(_numbers(values))
        if not numbers:
            raise ValueError(
                "The list of numbers is empty, and a curve needs one number. Connect a node that gives some."
            )
        if (scaling or SCALINGS)[0] == SCALINGS[1]:
            start, end = (low or [0.0])[0], (high or [1.0])[0]
            least, range_ = min(numbers), max(numbers) - min(numbers) or 1.0
            numbers = [start + (end - start) * (number - least) / range_ for number in numbers]
        return io.NodeOutput(Listed(tuple(numbers)))


def _bound_input(name: str, default: float, which: str) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=default,
        min=-1000.0,
        max=1000.0,
        step=0.01,
        optional=True,
        tooltip=f"With scaling: what the {which} number becomes.",
    )


def _numbers(values: Iterable[Any]) -> Iterable[float]:
    """All numbers in lists, arrays and tensors within each other, in their order."""
    for value in values:
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if isinstance(value, str):
            raise ValueError(f'"{value}" is no number. Connect a list of numbers.')
        if getattr(value, "ndim", None) == 0 or not isinstance(value, Iterable):
            if not math.isfinite(float(value)):
                raise ValueError(f"The list holds {float(value)}, which is no value. Connect a list of finite numbers.")
            yield float(value)
        else:
            yield from _numbers(value)
