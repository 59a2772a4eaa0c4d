"""The noise levels (SIGMAS) of a run: from a noise schedule, or of two others."""

import torch
from comfy.model_sampling import ModelSamplingDiscrete
from comfy.samplers import SCHEDULER_NAMES, calculate_sigmas

from ...motion.host import HostSampling
from ..curves.easings import WAYS

AUTHORS_DDIM = "authors' DDIM"
SCHEDULERS: tuple[str, ...] = (*SCHEDULER_NAMES, AUTHORS_DDIM)

TIMESTEPS = 1000
"""How many timesteps the models were trained with."""


def run_sigmas(sampling: HostSampling, scheduler: str, steps: int, denoise: float = 1.0) -> torch.Tensor:
    """The falling noise levels (steps + 1) that `scheduler`, one of SCHEDULERS, finds in a ModelSampling; with `denoise`
    below 1 the last of a longer run, as in the host, with 0 none."""
    if denoise <= 0.0:
        return torch.zeros(0)
    whole = int(steps / denoise)
    if scheduler == AUTHORS_DDIM:
        return _authors_ddim(sampling, whole)[-(steps + 1) :]
    sigmas: torch.Tensor = calculate_sigmas(sampling, scheduler, whole).cpu()
    return sigmas[-(steps + 1) :]


def _authors_ddim(sampling: HostSampling, steps: int) -> torch.Tensor:
    """The noise levels (steps + 1) of DDIM as the AnimateDiff authors run it: leading timesteps with an offset of 1, such
    as 961, 921, ..., 1 for 25 steps. Raises ValueError where there are no such timesteps."""
    if not isinstance(sampling, ModelSamplingDiscrete):
        raise ValueError(
            f'The scheduler "{AUTHORS_DDIM}" is made for {TIMESTEPS} discrete training timesteps, but the connected '
            "model has continuous noise levels. Choose another scheduler."
        )
    if steps >= TIMESTEPS:
        raise ValueError(
            f'The scheduler "{AUTHORS_DDIM}" has at most {TIMESTEPS - 1} steps, but steps divided by denoise is '
            f"{steps}. Use fewer steps, or a higher denoise."
        )
    timesteps = torch.arange(steps - 1, -1, -1) * (TIMESTEPS // steps) + 1
    return torch.cat([sampling.sigma(timesteps).cpu(), torch.zeros(1)])


def blend(first: torch.Tensor, second: torch.Tensor, start: float, end: float, easing: str = "linear") -> torch.Tensor:
    """`first` and `second` (s + 1) mixed: of the second a share that goes from `start` to `end` over the run by `easing`.

    Raises ValueError for runs of different lengths, and when the mix does not fall all the way.
    """
    _check_lengths(first, second)
    parts = torch.linspace(0, 1, len(first)).tolist()
    share = torch.tensor([start + (end - start) * WAYS[easing].curve(part) for part in parts]).to(first)
    return _falling(first + (second.to(first) - first) * share)


def split(first: torch.Tensor, second: torch.Tensor, at: float) -> torch.Tensor:
    """`first` up to the part `at` (0..1) of the steps, `second` from there on. Raises ValueError as `blend`."""
    _check_lengths(first, second)
    step = round(at * (len(first) - 1))
    return _falling(torch.cat([first[:step], second[step:].to(first)]))


def _check_lengths(first: torch.Tensor, second: torch.Tensor) -> None:
    if len(first) != len(second):
        raise ValueError(
            f"sigmas_1 has {len(first) - 1} steps, but sigmas_2 has {len(second) - 1}. Give both the same number of steps."
        )


def _falling(sigmas: torch.Tensor) -> torch.Tensor:
    rises = (sigmas[1:] > sigmas[:-1]).nonzero().flatten().tolist()
    if rises:
        step = rises[0]
        raise ValueError(
            f"The noise would rise from {float(sigmas[step]):.3f} to {float(sigmas[step + 1]):.3f} at step {step + 1}, but "
            "samplers only remove noise. Swap sigmas_1 and sigmas_2, or change split_at, weight or weight_end."
        )
    return sigmas
