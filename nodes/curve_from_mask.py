import torch
from comfy_api.latest import io

from ..sampling.curves.curve import OverPicture
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, curve_output
from .inputs.values import OpenFloat, reads_numbers

MASK_SCALINGS = ["black to white", "darkest to brightest"]


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
                io.Combo.Input(
                    "scaling",
                    options=MASK_SCALINGS,
                    default=MASK_SCALINGS[0],
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
    def execute(cls, mask: torch.Tensor, black: float, white: float, scaling: str = MASK_SCALINGS[0]) -> io.NodeOutput:
        masks = mask.reshape(-1, *mask.shape[-2:]).float().cpu()
        if scaling == MASK_SCALINGS[1]:
            masks = (masks - masks.min()) / (masks.max() - masks.min()).clamp(min=1e-6)
        return io.NodeOutput(OverPicture(black + (white - black) * masks))


def _value_input(name: str, default: float) -> OpenFloat:
    return OpenFloat(
        name, default=default, min=-100.0, max=100.0, step=0.01, tooltip=f"The value where the mask is {name}."
    )
