"""What is asked for but does not act, as sentences for the node: an input that another input overrides, or leaves unread."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comfy_api.latest import io

from ...motion.host import HostModel
from ...sampling.run.animation import Animation, animation_of

InputValues = Mapping[str, Any]
"""The values of a node's inputs by their ids, None where nothing is connected."""


@dataclass(frozen=True)
class Idle:
    """When an input of a node does not act."""

    name: str  # id of the input
    when: Callable[[InputValues], bool]  # whether it does not act
    why: str  # the end of its sentence after "NAME has no effect", with the inputs' ids in braces for their values
    always: bool = False  # whether it is said of the input's default, too

    def sentence(self, values: InputValues, default: Any) -> str:
        """What to say of `values`; empty: nothing, because the input acts or nobody set it."""
        value = values[self.name]
        is_set = self.always or (value is not default and value != default)
        return f"{self.name} has no effect{self.why.format_map(values)}" if is_set and self.when(values) else ""


NEVER_ACTS = Idle(
    "start_percent",
    lambda values: values["start_percent"] >= values["end_percent"],
    ": it is {start_percent:g} and end_percent is {end_percent:g}, so this node never acts.",
    always=True,
)
"""For nodes that act in a part of the run."""


def idle_inputs(rows: Sequence[Idle], values: InputValues, sockets: Mapping[str, io.Input]) -> list[str]:
    """The sentences of those `rows` that hold for `values`."""
    sentences = (row.sentence(values, default_of(sockets[row.name])) for row in rows)
    return [sentence for sentence in sentences if sentence]


def default_of(socket: Any) -> Any:
    """The value that the widget of an input starts with; None where it has none."""
    return getattr(getattr(socket, "input_override", socket), "default", None)


def replaced(model: HostModel, node: type[io.ComfyNode], field: str) -> list[str]:
    """A sentence where `model` (MODEL) has another node's `field` of the Animation, which that of `node` replaces."""
    if getattr(animation_of(model.model_options), field) == getattr(Animation(), field):
        return []
    return [f"This node replaces the earlier {node.define_schema().display_name} node."]
