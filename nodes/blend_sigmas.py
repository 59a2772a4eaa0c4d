import torch
from comfy_api.latest import io

from ..sampling.noise.sigmas import blend, split
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, easing_input
from .inputs.values import reads_numbers
from .inputs.without_effect import Idle

BLENDS = ["blend", "split"]


class BlendSigmasNode(io.ComfyNode):
    IDLE = (
        *(
            Idle(name, lambda values: values["mode"] == "split", ' with the mode "split".')
            for name in ("weight", "weight_end", "easing")
        ),
        Idle(
            "easing",
            lambda values: values["mode"] == "blend" and values["weight"] == values["weight_end"],
            ", because weight and weight_end are the same.",
        ),
        Idle("split_at", lambda values: values["mode"] == "blend", ' with the mode "blend".'),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaBlendSigmas",
            display_name="Blend Sigmas",
            category=f"{CATEGORY}/noise",
            description="Combines two sequences of noise levels (sigmas), either as a weighted mean, with a "
            "weight that can change over the run, or as the start of one sequence followed by the end of the other.",
            search_aliases=["average sigmas", "mix sigmas", *EVOLVED_NAMES["Blend Sigmas"]],
            inputs=[
                io.Sigmas.Input("sigmas_1", tooltip="Noise levels (sigmas), e.g. from Sigma Schedule."),
                io.Sigmas.Input(
                    "sigmas_2", tooltip="Another set of noise levels (sigmas) with the same number of steps."
                ),
                io.Combo.Input(
                    "mode",
                    options=BLENDS,
                    default="blend",
                    tooltip="blend: (1 - weight) × sigmas_1 + weight × sigmas_2. split: sigmas_1 until split_at, "
                    "then sigmas_2.",
                ),
                _part("weight", 0.5, "The weight of sigmas_2 at the first step, in blend mode.", optional=False),
                _part(
                    "weight_end",
                    0.5,
                    "The weight of sigmas_2 at the last step, in blend mode. For a constant mix, set it to the "
                    "value of weight.",
                ),
                easing_input(),
                _part("split_at", 0.5, "The fraction of the steps that is taken from sigmas_1, in split mode."),
            ],
            outputs=[
                io.Sigmas.Output(tooltip="The combined noise levels in decreasing order, as many as in each input.")
            ],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        sigmas_1: torch.Tensor,
        sigmas_2: torch.Tensor,
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
