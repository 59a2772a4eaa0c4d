from comfy_api.latest import io

from ..sampling.call.moment import Curve
from ..sampling.curves.curve import Blocks, OverBlocks, as_curve
from ..sampling.curves.curve_text import read_blocks
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, curve_output, number_or_curve
from .inputs.texts import check_text
from .inputs.values import reads_numbers


class CurveOverBlocksNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaCurveOverBlocks",
            display_name="Curve over Blocks",
            category=f"{CATEGORY}/curves",
            description="A value for each group of UNet blocks that has motion modules. The down and mid blocks "
            "handle coarse motion, the last up blocks fine detail. Only for inputs that act on motion modules.",
            search_aliases=["per block", "block weight", "layer weights", *EVOLVED_NAMES["Curve over Blocks"]],
            inputs=[
                _side_input("down", "down blocks"),
                _side_input("mid", "mid block, which only models with v2's structure have"),
                _side_input("up", "up blocks"),
                io.String.Input(
                    "single",
                    default="",
                    multiline=True,
                    dynamic_prompts=False,
                    optional=True,
                    advanced=True,
                    tooltip="Overrides for individual levels, modules or attentions, e.g. up 1: 0.5 (level 1 of the "
                    "up blocks), up 1.2: 0 (module 2 of that level), down attn2: 0.3 (the second attention of all modules "
                    "in the down blocks). Levels and modules are counted from 0. Separate several with commas.",
                ),
            ],
            outputs=[
                curve_output(
                    "The curve over the blocks. To multiply it by a curve over frames or steps, use Combine Curves."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, single: str | None = None) -> bool | str:
        return check_text(read_blocks, single or "")

    @classmethod
    @reads_numbers
    def execute(cls, down: float | Curve, mid: float | Curve, up: float | Curve, single: str = "") -> io.NodeOutput:
        sides = ((Blocks("down"), as_curve(down)), (Blocks("mid"), as_curve(mid)), (Blocks("up"), as_curve(up)))
        return io.NodeOutput(OverBlocks((*sides, *read_blocks(single).rules)))


def _side_input(name: str, blocks: str) -> io.Input:
    return number_or_curve(
        name, f"The value for all motion modules of the {blocks}.", default=1.0, min=-100.0, max=100.0, step=0.01
    )
