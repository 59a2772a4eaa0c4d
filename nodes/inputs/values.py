"""What arrives through the sockets of numbers, read by one rule for all nodes."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from numbers import Real
from typing import Any

from comfy_api.latest import io

from ...sampling.call.moment import Curve
from ...sampling.curves.curve import Listed
from ...sampling.run.on_node import say
from .without_effect import idle_inputs

Number = io.Float.Input | io.Int.Input


class OpenFloat(io.Float.Input):
    """A number whose formula works outside the widget's range too: a connected number may be outside."""


class OpenInt(io.Int.Input):
    """A whole number that has a least value, but no largest one for a connected number."""


@dataclass(frozen=True)
class Told:
    """What a node returns, with sentences that it shows on itself."""

    output: io.NodeOutput  # its outputs
    sentences: Sequence[str]  # none: there is nothing to say


def reads_numbers(execute: Callable[..., io.NodeOutput | Told]) -> Callable[..., io.NodeOutput]:
    """Has the numbers and curves among a node's values read by `read_value` before its `execute` gets them, and has the
    node show what it does with them: numbers outside of an input's range, inputs that do not act by the rows of its IDLE,
    and what `execute` tells."""
    parameters = list(inspect.signature(execute).parameters.values())[1:]
    names = [parameter.name for parameter in parameters]
    defaults = {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}

    @wraps(execute)
    def with_numbers(cls: type[io.ComfyNode], *in_order: Any, **by_name: Any) -> io.NodeOutput:
        values = dict(zip(names, in_order, strict=False)) | by_name
        sockets = {socket.id: socket for socket in cls.define_schema().inputs}
        given = {name: socket for name, socket in sockets.items() if name in values}
        for name, socket in given.items():
            values[name] = read_value(socket, values[name])
        outside = (beyond_widget(socket, values[name]) for name, socket in given.items())
        sentences = [sentence for sentence in outside if sentence]
        sentences += idle_inputs(getattr(cls, "IDLE", ()), defaults | values, sockets)
        if sentences:
            say(" ".join(sentences))
        returned = execute(cls, **values)
        if isinstance(returned, io.NodeOutput):
            return returned
        if returned.sentences:
            say(" ".join([*sentences, *returned.sentences]))
        return returned.output

    return with_numbers


def read_value(socket: io.Input, value: Any) -> Any:
    """`value` as the input `socket` takes it, which is unchanged where that is neither a number nor a curve.

    A whole number in an input for numbers, and a scalar of NumPy or torch, becomes a number. Raises ValueError for other
    values, for numbers that are not finite, and for those below or above what the formula allows.
    """
    name = socket.display_name or socket.id
    if isinstance(socket, Number):
        return _in_range(name, socket, _number(name, value))
    if socket.io_type == "KINEMA_CURVE" or isinstance(socket, io.MultiType.Input):
        return _number_or_curve(name, value)
    return value


def beyond_widget(socket: io.Input, value: Any) -> str:
    """A sentence where `value`, as `read_value` gives it, is a number outside the range of the input's widget, else none."""
    widget = socket.input_override if isinstance(socket, io.MultiType.Input) else socket
    if not isinstance(widget, Number) or not isinstance(value, int | float):
        return ""
    below = widget.min is not None and value < widget.min
    above = widget.max is not None and value > widget.max
    if not below and not above:
        return ""
    name = socket.display_name or socket.id
    limits = f"its range of {widget.min:g} to {widget.max:g}"
    return f"{name} is {value:g}, which is outside {limits}; this value is used unchanged."


def finite(name: str, value: Any) -> float:
    """`value`, a number. Raises ValueError with the `name` of where it is if it is something else, or not finite."""
    if not isinstance(value, Real):
        raise ValueError(f"{name} must be a number, but it is {_what(value)}. Connect a number.")
    if not math.isfinite(value):
        raise ValueError(f"{name} is {float(value)}, which is not a finite number. Connect a finite number.")
    return float(value)


def _number_or_curve(name: str, value: Any) -> float | Curve | None:
    """A curve, a number, or a list of numbers with one for each frame, which is a curve over the frames."""
    if isinstance(value, Curve):
        return value
    plain = _plain(value)
    if not isinstance(plain, list | tuple):
        if not isinstance(plain, Real):
            raise ValueError(
                f"{name} must be a number, a curve or a list of numbers, but it is {_what(value)}. Connect one of these."
            )
        return finite(name, plain)
    if not plain:
        raise ValueError(f"{name} is an empty list, but needs at least one number. Connect a list of numbers.")
    items = [_plain(item) for item in plain]
    for index, item in enumerate(items):
        if isinstance(item, list | tuple):
            raise ValueError(
                f"{name} must be a plain list with one number per frame, but item {index} is {_what(item)}. Connect "
                "nested lists through Curve from Floats, and pictures through Curve from Mask."
            )
    numbers = [finite(f"{name}, item {index},", item) for index, item in enumerate(items)]
    return numbers[0] if len(numbers) == 1 else Listed(tuple(numbers))


def _number(name: str, value: Any) -> Real:
    plain = _plain(value)
    if isinstance(plain, list | tuple | Curve):
        raise ValueError(
            f"{name} must be one number, but it is {_what(plain)}. Connect a single number; only inputs that accept "
            "a curve can vary over frames."
        )
    finite(name, plain)
    return plain  # type: ignore[no-any-return]


def _in_range(name: str, socket: Any, number: Any) -> int | float:
    whole = isinstance(socket, io.Int.Input)
    if whole and number != int(number):
        raise ValueError(f"{name} must be a whole number, but it is {number}. Connect a whole number.")
    least = None if isinstance(socket, OpenFloat) else socket.min
    most = None if isinstance(socket, OpenFloat | OpenInt) else socket.max
    if least is not None and number < least:
        raise ValueError(f"{name} is {number}, but must be at least {least}. Connect a larger number.")
    if most is not None and number > most:
        raise ValueError(f"{name} is {number}, but must be at most {most}. Connect a smaller number.")
    return int(number) if whole else float(number)


def _plain(value: Any) -> Any:
    """Arrays and tensors as the numbers or lists of Python; other values unchanged."""
    return value.tolist() if hasattr(value, "tolist") else value


def _what(value: Any) -> str:
    """What `value` is, for a sentence."""
    if value is None:
        return "empty (None)"
    if isinstance(value, str):
        return f'the text "{value if len(value) <= 40 else value[:40] + "..."}"'
    if isinstance(value, list | tuple):
        return f"a list of length {len(value)}"
    return "a curve" if isinstance(value, Curve) else f"a value of type {type(value).__name__}"
