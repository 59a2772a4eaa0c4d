"""Keyframes of AnimateDiff-Evolved: values of motion, camera and picture that change at percentages of the run."""

from collections.abc import Callable, Mapping, Sequence

from ..graph.workflow_graph import ACTIVE
from .multivals import Held, held, multival
from .option_nodes import OptionNode
from .per_block import per_block, product
from .plan import Plan, Value


def keyframes_of(holder: OptionNode) -> list[OptionNode]:
    """The active keyframes of an Apply node or a loader, in the order of the run."""
    if "ad_keyframes" not in holder.definition.sockets:
        return []
    row = [option for option in holder.row("ad_keyframes", "prev_ad_keyframes") if option.mode == ACTIVE]
    return sorted(row, key=lambda option: option.number("start_percent"))


def motion_over_steps(plan: Plan, holder: OptionNode) -> Mapping[str, Value]:
    """The factors that the keyframes set on effect_multival and scale_multival; 1 without any."""
    row = keyframes_of(holder)
    blocks = {option.node.id: _block_factors(plan, option) for option in row}

    def read(name: str) -> Callable[[OptionNode], Value | None]:
        def factor(option: OptionNode) -> Value | None:
            linked = option.option(name)
            replaced = blocks[option.node.id]
            if linked is None and replaced is None and option.switch("inherit_missing"):
                return None
            return product(plan, (multival(plan, linked), replaced[name] if replaced else 1.0), option)

        return factor

    return {name: _over_steps(plan, holder, row, read(name)) for name in ("effect_multival", "scale_multival")}


def camera_over_steps(plan: Plan, holder: OptionNode) -> Value:
    """The factor that the keyframes set on cameractrl_multival; 1 without any."""

    def factor(option: OptionNode) -> Value | None:
        name = "cameractrl_multival"
        linked = option.option(name) if name in option.definition.sockets else None
        return None if linked is None and option.switch("inherit_missing") else multival(plan, linked)

    return _over_steps(plan, holder, keyframes_of(holder), factor)


def _over_steps(
    plan: Plan, holder: OptionNode, row: Sequence[OptionNode], factor: Callable[[OptionNode], Value | None]
) -> Value:
    """What `factor` gives for each of `row`, held until the next; None keeps the factor before."""
    entries: list[Held] = []
    now: Value = 1.0
    for option in row:
        found = factor(option)
        now = now if found is None else found
        percent = option.number("start_percent")
        if now != (entries[-1].value if entries else 1.0):
            entries.append(Held(percent, 1 if percent == 0 else int(option.number("guarantee_steps")), now))
    return held(plan, entries, 1.0, row[-1].node if row else holder.node)


def _block_factors(plan: Plan, option: OptionNode) -> dict[str, Value] | None:
    blocks = option.option("per_block_replace") if "per_block_replace" in option.definition.sockets else None
    if blocks is None:
        return None
    strength, attention = per_block(plan, blocks)
    return {"effect_multival": strength, "scale_multival": attention}
