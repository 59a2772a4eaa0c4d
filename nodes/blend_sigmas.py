from typing import Any

from comfy_api.latest import io

from ..sampling.noise.sigmas import blend, split
from .inputs.sockets import CATEGORY, easing_input

BLENDS = ["blend", "split"]


class BlendSigmasNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaBlendSigmas",
            display_name="Blend Sigmas",
            category=CATEGORY,
            description="Makes one run of the noise levels of two: their mean, with a weight that may change over the run, or "
            "the beginning of one and the end of the other.",
            search_aliases=[
                "sigma schedule weighted mean",
                "sigma schedule interp mean",
                "sigma schedule split combine",
                "average sigmas",
                "mix sigmas",
            ],
            inputs=[
                io.Sigmas.Input("sigmas_1", tooltip="Noise levels, e.g. of Sigma Schedule."),
                io.Sigmas.Input("sigmas_2", tooltip="Noise levels of as many steps."),
                io.Combo.Input(
                    "mode",
                    options=BLENDS,
                    default="blend",
                    tooltip="blend: (1 - weight) x sigmas_1 + weight x sigmas_2. split: sigmas_1 before the part of the steps "
                    "that split_at says, sigmas_2 after it.",
                ),
                _part("weight", 0.5, "blend: the share of sigmas_2 at the first step.", optional=False),
                _part(
                    "weight_end",
                    0.5,
                    "blend: the share of sigmas_2 at the last step; the same as weight for an even mean.",
                ),
                easing_input(),
                _part("split_at", 0.5, "split: the part of the steps that sigmas_1 makes."),
            ],
            outputs=[io.Sigmas.Output(tooltip="The falling noise levels, as many as of either.")],
        )

    @classmethod
    def execute(
        cls,
        sigmas_1: Any,
        sigmas_2: Any,
        mode: str,
        weight: float,
        weight_end: float = 0.5,
        easing: str = "linear",
        split_at: float = 0.5,
    ) -> io.NodeOutput:
        if mode == "split":
            return io.NodeOutput(split(sigmas_1, sigmas_2, split_at))
        return io.NodeOutput(blend(sigmas_1, sigmas_2, weight, weight_end, easing))


def _part(name: str, default: float, tooltip: str, optional: bool = True) -> io.Float.Input:
    return io.Float.Input(name, default=default, min=0.0, max=1.0, step=0.001, optional=optional, tooltip=tooltip)
