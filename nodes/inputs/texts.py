"""Texts that nodes read, checked before a run."""

from collections.abc import Callable

from ...sampling.curves.timeline import TextError


def check_text(read: Callable[[str], object], text: str) -> bool | str:
    """For `validate_inputs`: True, or what `read` finds wrong with `text`."""
    try:
        read(text)
    except TextError as error:
        return str(error)
    return True
