"""Inputs that the nodes for windows share."""

from comfy_api.latest import io

from ...sampling.windows.cut import WindowSpec
from ...sampling.windows.fuse import FUSES


def overlap_input(of: str) -> io.Int.Input:
    return io.Int.Input(
        "overlap",
        default=4,
        min=0,
        max=1023,
        tooltip=f"How many frames a window shares with the next one. {of}",
    )


def closed_loop_input(tooltip: str) -> io.Boolean.Input:
    return io.Boolean.Input("closed_loop", default=False, optional=True, tooltip=tooltip)


def fuse_input() -> io.Combo.Input:
    return io.Combo.Input(
        "fuse_method",
        options=list(FUSES),
        default="pyramid",
        optional=True,
        advanced=True,
        tooltip="How windows are blended where they overlap. pyramid: each frame follows most the window in whose middle "
        "it is. flat: all alike. overlap-linear: a cross-fade over the overlap only. relative: as pyramid, linear to "
        "almost nothing. delayed-reverse-sawtooth: the later frames of a window win. gauss-sigma and pyramid-sigma: wide "
        "while the picture is noise, narrow when it is clean; -inverse the other way round.",
    )


def freenoise_input() -> io.Boolean.Input:
    return io.Boolean.Input(
        "freenoise",
        default=False,
        optional=True,
        tooltip="FreeNoise: later frames start from the shuffled noise of earlier ones, so that windows resemble "
        "each other. Keeps long videos consistent; with a small overlap, motion tends to repeat.",
    )


def check_overlap(length: int | None, overlap: int | None) -> bool | str:
    """For `validate_inputs`, where inputs that are linked come as None."""
    try:
        WindowSpec(16 if length is None else length, 0 if length is None or overlap is None else overlap)
    except ValueError as error:
        return str(error)
    return True
