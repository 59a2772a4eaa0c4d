from comfy_api.latest import io

from ..motion.adjust import PARTS, PositionAdjustment, WeightAdjustment, adjusted
from ..motion.host import HostMotion
from ..motion.load import FILE
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.options import ExplainedCombo, words_of
from .inputs.sockets import CATEGORY, MotionModelSocket
from .inputs.values import OpenFloat, OpenInt, Told, reads_numbers
from .inputs.without_effect import Idle


class AdjustMotionModelNode(io.ComfyNode):
    IDLE = (
        Idle(
            "weights",
            lambda values: values["add"] == 0 and values["multiply"] == 1,
            ", because add is 0 and multiply is 1.",
        ),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaAdjustMotionModel",
            display_name="Adjust Motion Model",
            category=f"{CATEGORY}/motion models",
            description="Changes the positional encodings and the weights of a motion model, as the motion model settings "
            "of AnimateDiff-Evolved do. For experiments, and for workflows that were made with such settings. Chain several "
            "of these nodes to make several changes, one after the other.",
            search_aliases=[
                "pe stretch",
                "motion model settings",
                "position encoding",
                "motion_pe_stretch",
                *EVOLVED_NAMES["Adjust Motion Model"],
            ],
            inputs=[
                MotionModelSocket.Input("motion_model", tooltip="The motion model to adjust."),
                *_position_inputs(),
                *_weight_inputs(),
            ],
            outputs=[MotionModelSocket.Output(display_name="MOTION_MODEL", tooltip="The adjusted motion model.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        motion_model: HostMotion,
        stretch: int = 0,
        initial_offset: int = 0,
        cap: int = 0,
        length: int = 0,
        final_offset: int = 0,
        weights: str = "all",
        add: float = 0.0,
        multiply: float = 1.0,
    ) -> io.NodeOutput | Told:
        positions = PositionAdjustment(stretch, initial_offset, cap, length, final_offset)
        change = WeightAdjustment(weights, add, multiply)
        sentences = []
        if (positions.changes_tables or change.changes_tables) and not motion_model.model.spec.stores_positions:
            file = motion_model.get_attachment(FILE)
            sentences.append(f'"{file}" stores no positional encodings, so there are none to change.')
        return Told(io.NodeOutput(adjusted(motion_model, positions, change)), sentences)


def _position_inputs() -> list[io.Input]:
    return [
        _rows(
            "stretch",
            "Stretches the positional encodings: adds this many by interpolation, which slows the motion.",
        ),
        _rows("initial_offset", "Leaves out this many positional encodings at the start. Applied after stretch."),
        _rows(
            "cap",
            "Keeps only this many positional encodings, the first of those left after initial_offset. 0: keeps all of them.",
        ),
        _rows(
            "length",
            "Interpolates the positional encodings that are left after cap, so that there are this many of them. A window "
            "can then have at most this many frames. 0: no interpolation.",
        ),
        _rows(
            "final_offset", "Leaves out this many positional encodings at the start. Applied after all other changes."
        ),
    ]


def _rows(name: str, tooltip: str) -> OpenInt:
    return OpenInt(name, default=0, min=0, max=1024, optional=True, tooltip=tooltip)


def _weight_inputs() -> list[io.Input]:
    return [
        ExplainedCombo(
            "weights",
            words_of(PARTS),
            default="all",
            optional=True,
            tooltip="Which weights are changed by add and multiply. The help page explains each option.",
        ),
        OpenFloat(
            "add",
            default=0.0,
            min=-10.0,
            max=10.0,
            step=0.0001,
            round=False,
            optional=True,
            tooltip="The number that is added to each of the selected weights.",
        ),
        OpenFloat(
            "multiply",
            default=1.0,
            min=-10.0,
            max=10.0,
            step=0.0001,
            round=False,
            optional=True,
            tooltip="The factor by which each of the selected weights is multiplied, after add.",
        ),
    ]
