"""Values per block: Curve over Blocks, one for the strength and one for the attention."""

from collections.abc import Mapping
from dataclasses import dataclass

from .multivals import curve_text, multival, times
from .option_nodes import OptionNode
from .plan import LOSS, Plan, Value

BLOCK_SIDES = ("down", "mid", "up")


@dataclass(frozen=True)
class BlockValues:
    """The values of one block or one side."""

    effect: Value  # of the whole block
    scales: tuple[Value, ...]  # one for both attentions, or one each


def per_block(plan: Plan, option: OptionNode | None) -> tuple[Value, Value]:
    """The strength and the attention of a PER_BLOCK node; 1 where there is none."""
    if option is None:
        return 1.0, 1.0
    if option.type.endswith("FromFloats"):
        if any(option.is_linked(name) for name in option.definition.sockets):
            text = "Lists of numbers for the blocks are left out, because they are known only while the workflow runs."
            plan.remark(LOSS, option.node, text, "Write the numbers into the input single of Curve over Blocks.")
        return 1.0, 1.0
    blocks = {name: values for name in option.definition.sockets if (values := _block(plan, option.option(name)))}
    strength = _over_blocks(plan, option, {name: (values.effect,) for name, values in blocks.items()})
    attention = _over_blocks(plan, option, {name: values.scales for name, values in blocks.items()})
    return strength, attention


def _block(plan: Plan, option: OptionNode | None) -> BlockValues | None:
    if option is None:
        return None
    names = ["scale"] if option.type == "ADE_ADBlockCombo" else ["scale_0", "scale_1"]
    scales = tuple(multival(plan, option.option(name)) for name in names)
    return BlockValues(multival(plan, option.option("effect")), scales)


def _over_blocks(plan: Plan, option: OptionNode, values: Mapping[str, tuple[Value, ...]]) -> Value:
    if all(value == 1 for several in values.values() for value in several):
        return 1.0
    sides: dict[str, Value] = dict.fromkeys(BLOCK_SIDES, 1.0)
    single = []
    for name, several in values.items():
        if name in BLOCK_SIDES and len(set(map(id, several))) == 1:
            sides[name] = several[0]
            continue
        for attention, value in enumerate(several, 1):
            if not isinstance(value, int | float):
                text = f"The value of the block {name} is left out: it varies, but only the values of whole sides can vary."
                plan.remark(LOSS, option.node, text, "Connect the curve to down, mid or up of Curve over Blocks.")
                continue
            place = _place(name) + (f" attn{attention}" if len(several) > 1 else "")
            single.append(f"{place}: {curve_text(value)}")
    inputs: dict[str, Value] = {**sides, "single": ", ".join(single)}
    return plan.output("KinemaCurveOverBlocks", option.node, inputs)


def _place(name: str) -> str:
    """ "down_1__0" as Curve over Blocks writes it: "down 1.0"."""
    side, _, numbers = name.partition("_")
    return f"{side} {numbers.replace('__', '.')}".strip()


def product(plan: Plan, values: tuple[Value, ...], option: OptionNode) -> Value:
    """All of `values`, multiplied."""
    total: Value = 1.0
    for value in values:
        total = times(plan, total, value, option.node)
    return total
