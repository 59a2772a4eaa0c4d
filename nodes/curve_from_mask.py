import torch
from comfy_api.latest import io

from ..sampling.curves.curve import OverPicture
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.options import ExplainedCombo
from .inputs.sockets import CATEGORY, curve_output
from .inputs.values import OpenFloat, reads_numbers

PURE = "black to white"
STRETCHED = "darkest to brightest"
MASK_SCALINGS = {
    PURE: "Pure black gets the value of black, and pure white gets the value of white.",
    STRETCHED: "The darkest pixel of all masks gets the value of black, and the brightest gets the value of white. Use it for "
    "masks with little contrast, such as depth maps.",
}


class CurveFromMaskNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaCurveFromMask",
            display_name="Curve from Mask",
            category=f"{CATEGORY}/curves",
            description="A value for each position in the picture, e.g. for more motion where the mask is white. "
            "With a batch of masks, each frame has its own values.",
            search_aliases=[
                "masked motion",
                "regional",
                "motion mask",
                "effect mask",
                *EVOLVED_NAMES["Curve from Mask"],
            ],
            inputs=[
                io.Mask.Input(
                    "mask",
                    tooltip="One mask for all frames, or a batch with one mask per frame; "
                    "further frames use the last mask. Masks can have any size.",
                ),
                _value_input("black", 0.0),
                _value_input("white", 1.0),
                ExplainedCombo(
                    "scaling",
                    MASK_SCALINGS,
                    default=PURE,
                    optional=True,
                    advanced=True,
                    tooltip="Whether the values of black and white are assigned to pure black and pure white, or to the "
                    "darkest and brightest pixels found across all the masks.",
                ),
            ],
            outputs=[curve_output("The curve over the picture and, with several masks, over the frames.")],
        )

    @classmethod
    @reads_numbers
    def execute(cls, mask: torch.Tensor, black: float, white: float, scaling: str = PURE) -> io.NodeOutput:
        masks = mask.reshape(-1, *mask.shape[-2:]).float().cpu()
        if scaling == STRETCHED:
            masks = (masks - masks.min()) / (masks.max() - masks.min()).clamp(min=1e-6)
        return io.NodeOutput(OverPicture(black + (white - black) * masks))


def _value_input(name: str, default: float) -> OpenFloat:
    return OpenFloat(
        name, default=default, min=-100.0, max=100.0, step=0.01, tooltip=f"The value where the mask is {name}."
    )
