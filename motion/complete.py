"""Whether the weights of a file are those of the model that it is taken for."""

from collections.abc import Iterable, Mapping

from .files import MotionFileError, TensorInfo
from .stored import shown

ADVICE = "Download it again, or pick another file."


def check_shapes(
    expected: Mapping[str, tuple[int, ...]], shapes: Mapping[str, tuple[int, ...]], kind: str, name: str
) -> None:
    """Raises MotionFileError unless the weights of the file `name`, with these `shapes`, are the `expected` ones of a `kind`
    of model, neither fewer nor more."""
    if missing := sorted(expected.keys() - shapes.keys()):
        raise MotionFileError(f'"{name}" is incomplete: it lacks {some(missing)}. {ADVICE}')
    if unexpected := sorted(shapes.keys() - expected.keys()):
        raise unknown_keys(unexpected, kind, name)
    for key, shape in expected.items():
        if shapes[key] != shape:
            raise MotionFileError(
                f'"{name}": "{key}" has shape {list(shapes[key])}, but {list(shape)} is needed. {ADVICE}'
            )


def unknown_keys(keys: Iterable[str], kind: str, name: str) -> MotionFileError:
    """What is said of `keys` of the file `name` that belong to nothing."""
    keys = list(keys)
    what = "a key" if len(keys) == 1 else "keys"
    return MotionFileError(f'"{name}" has {what} that no known {kind} has: {some(keys)}. {ADVICE}')


def check_dtypes(header: Mapping[str, TensorInfo], keys: Mapping[str, str], name: str) -> None:
    """Raises MotionFileError unless the weights `keys`, {name: key in the file}, are floating point numbers."""
    for key, file_key in keys.items():
        dtype = header[file_key].dtype
        if not dtype.is_floating_point:
            numbers = str(dtype).removeprefix("torch.")
            raise MotionFileError(f'"{name}": "{key}" contains {numbers} numbers, not weights. {ADVICE}')


def some(keys: Iterable[str]) -> str:
    """The first three of `keys`, and how many more there are."""
    keys = list(keys)
    first = ", ".join(f'"{shown(key)}"' for key in keys[:3])
    return first if len(keys) <= 3 else f"{first} and {len(keys) - 3} more"
