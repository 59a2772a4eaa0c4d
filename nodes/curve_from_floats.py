from collections.abc import Iterable
from typing import Any

from comfy_api.latest import io

from ..sampling.curves.curve import Listed
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, curve_output
from .inputs.values import OpenFloat, finite

FLOAT_SCALINGS = ["as they are", "lowest to highest"]


class CurveFromFloatsNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaCurveFromFloats",
            display_name="Curve from Floats",
            category=f"{CATEGORY}/curves",
            description="Makes a curve from a list of numbers, one per frame, e.g. the loudness of an audio track.",
            search_aliases=[
                "audio reactive",
                "list to curve",
                "floats",
                "amplitude",
                *EVOLVED_NAMES["Curve from Floats"],
            ],
            is_input_list=True,
            inputs=[
                io.Float.Input(
                    "values",
                    default=1.0,
                    force_input=True,
                    tooltip="One number per frame, either as a ComfyUI list or as one output that contains a list. Further "
                    "frames use the last number.",
                ),
                io.Combo.Input(
                    "scaling",
                    options=FLOAT_SCALINGS,
                    default=FLOAT_SCALINGS[0],
                    optional=True,
                    tooltip="as they are: the numbers are used unchanged. lowest to highest: the numbers are "
                    "scaled so that the lowest becomes the value of low and the highest becomes the value of high.",
                ),
                _bound_input("low", 0.0, "lowest"),
                _bound_input("high", 1.0, "highest"),
            ],
            outputs=[
                curve_output(
                    "The curve over the frames. Each context window uses the section of the curve "
                    "that covers its frames."
                )
            ],
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
                "The list of numbers is empty, but a curve needs at least one. Connect a node that outputs numbers."
            )
        if (scaling or FLOAT_SCALINGS)[0] == FLOAT_SCALINGS[1]:
            start = finite("low", (low or [0.0])[0])
            end = finite("high", (high or [1.0])[0])
            least, range_ = min(numbers), max(numbers) - min(numbers) or 1.0
            numbers = [start + (end - start) * (number - least) / range_ for number in numbers]
        return io.NodeOutput(Listed(tuple(numbers)))


def _bound_input(name: str, default: float, which: str) -> OpenFloat:
    return OpenFloat(
        name,
        default=default,
        min=-1000.0,
        max=1000.0,
        step=0.01,
        optional=True,
        tooltip=f'The value that the {which} number becomes if scaling is set to "lowest to highest".',
    )


def _numbers(values: Iterable[Any]) -> Iterable[float]:
    """All numbers in lists, arrays and tensors within each other, in their order."""
    for value in values:
        plain = value.tolist() if hasattr(value, "tolist") else value
        if isinstance(plain, Iterable) and not isinstance(plain, str | bytes):
            yield from _numbers(plain)
        else:
            yield finite("A value in the list", plain)
