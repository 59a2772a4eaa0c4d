"""How much noise a run starts with: the host's amount, or that of the AnimateDiff authors' DDIM.

At noise level s the host starts an empty video from s * noise, below the highest level of the schedule. The authors start
from noise of unit variance in variance-preserving terms, whatever the first timestep; that is sqrt(1 + s²) * noise.
"""

from dataclasses import is_dataclass, replace

import torch
from comfy.samplers import KSAMPLER

from ...motion.host import HostGuider, HostSampler


def start_as_authors(sampler: HostSampler, start: torch.Tensor) -> HostSampler:
    """The host's `sampler`, starting as the authors do where it begins at noise level `start`.

    Raises ValueError for samplers that are not made of the host's.
    """
    if isinstance(sampler, KSAMPLER):
        return _AuthorsStart(sampler, start)
    if is_dataclass(sampler) and not isinstance(sampler, type) and hasattr(sampler, "sampler"):
        return replace(sampler, sampler=start_as_authors(sampler.sampler, start))
    raise ValueError(
        f"The authors' start noise works with ComfyUI's samplers, but this sampler is {type(sampler).__name__}. Use one of "
        "ComfyUI's samplers, or turn authors_start off in Animation Noise."
    )


class _AuthorsStart(KSAMPLER):  # type: ignore[misc]
    def __init__(self, sampler: KSAMPLER, start: torch.Tensor) -> None:
        super().__init__(sampler.sampler_function, sampler.extra_options, sampler.inpaint_options)
        self._start = float(start)

    def max_denoise(self, guider: HostGuider, sigmas: torch.Tensor) -> bool:
        """Whether the host starts from sqrt(1 + s²) * noise, which it does by itself at the highest noise level."""
        return float(sigmas[0]) == self._start or super().max_denoise(guider, sigmas)
