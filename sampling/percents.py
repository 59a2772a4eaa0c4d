"""Parts of a sampling run: 0 is its start, 1 its end."""

from typing import Any


def is_within(start: float, end: float, sigma: Any, model_sampling: Any) -> bool:
    """Whether the noise level `sigma` lies in the part `start` to `end` of the run, by the host's rule."""
    if start <= 0.0 and end >= 1.0:  # comparing would wait for the GPU
        return True
    first, last = (model_sampling.percent_to_sigma(percent) for percent in (start, end))
    return bool(last <= float(sigma) <= first)
