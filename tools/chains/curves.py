"""Draws curves of every kind."""

from __future__ import annotations

from .chain import Node
from .draw import Draw


def draw_curve(draw: Draw, low: float, high: float, blocks: bool) -> Node:
    """A node that gives a curve from `low` to `high`, over the blocks of the UNet only if `blocks`."""
    kinds = [_over_frames, _over_steps, _from_mask, _from_floats, _combined]
    if blocks:
        kinds += [_over_blocks, _combined_blocks]
    return draw.one_of(kinds)(draw, low, high)  # type: ignore[no-any-return]


def _over_frames(draw: Draw, low: float, high: float) -> Node:
    last = draw.whole(2, draw.frames - 1)
    end = draw.one_of([str(last), "-1", "50%"])
    keys = [f"0: {high}", f"{end}: {low}"]
    if draw.often(0.3):
        keys.append(f"1: {draw.number(low, high)} ease in")
    return Node("Curve", (("values", ", ".join(keys)), ("easing", _easing(draw, "Curve"))))


def _over_steps(draw: Draw, low: float, high: float) -> Node:
    start = f"{round(100 * draw.percent(0.0), 1)}%"
    keys = draw.one_of([f"0: {high}, 1: {low}", f"0: {low}, -1: {high}", f"{start}: {high}, 100%: {low}"])
    return Node("CurveOverSteps", (("values", keys), ("easing", _easing(draw, "CurveOverSteps"))))


def _easing(draw: Draw, node: str) -> str:
    return str(draw.one_of([each for each in draw.options(node, "easing") if each != "hold"]))


def _from_mask(draw: Draw, low: float, high: float) -> Node:
    mask = draw.mask(draw.one_of([1, draw.frames]))
    scaling = draw.one_of(draw.options("CurveFromMask", "scaling"))
    return Node("CurveFromMask", (("mask", mask), ("black", low), ("white", high), ("scaling", scaling)))


def _from_floats(draw: Draw, low: float, high: float) -> Node:
    values = tuple(draw.number(low, high) for _ in range(draw.frames))
    scaling = draw.one_of(draw.options("CurveFromFloats", "scaling"))
    return Node("CurveFromFloats", (("values", values), ("scaling", scaling), ("low", low), ("high", high)))


def _over_blocks(draw: Draw, low: float, high: float) -> Node:
    down = _over_frames(draw, low, high) if draw.often(0.3) else low
    single = draw.one_of(["", f"up 1: {low}", f"up 1.2: {high}, down attn2: {low}", f"down 0: {high}"])
    inputs = (("down", down), ("mid", draw.number(low, high)), ("up", high), ("single", single))
    return Node("CurveOverBlocks", inputs)


def _combined(draw: Draw, low: float, high: float) -> Node:
    """Of two curves, which are not combined themselves: the second changes the first a little."""
    kinds = (_over_frames, _over_steps, _from_mask, _from_floats)
    return _combine(draw, draw.one_of(kinds)(draw, low, high), draw.one_of(kinds), low, high)


def _combined_blocks(draw: Draw, low: float, high: float) -> Node:
    return _combine(draw, _over_blocks(draw, low, high), draw.one_of([_over_frames, _over_steps]), low, high)


def _combine(draw: Draw, first: Node, kind: object, low: float, high: float) -> Node:
    operation = draw.one_of(draw.options("CombineCurves", "operation"))
    factors, middle = (0.8, 1.2), (low + high) / 2
    ranges = {"multiply": factors, "add": (0.0, 0.2), "subtract": (0.0, 0.2)}
    other = kind(draw, *ranges.get(operation, (round(middle, 2), high)))  # type: ignore[operator]
    return Node("CombineCurves", (("a", first), ("b", other), ("operation", operation)))
