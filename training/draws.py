"""Random numbers that depend only on the seed and the place in the run, so that a run can continue without stored states."""

import hashlib

import torch


def generator(seed: int, *place: str | int) -> torch.Generator:
    """A CPU generator for one purpose at one place of the run, e.g. `generator(seed, "clip", 17)`."""
    digest = hashlib.blake2b(repr((seed, *place)).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little"))


def clip_at(position: int, clips: int, seed: int) -> int:
    """The clip that the run trains at `position`: every epoch goes through all `clips` in another order."""
    epoch, place = divmod(position, clips)
    return int(torch.randperm(clips, generator=generator(seed, "epoch", epoch))[place])


def draw_timestep(random: torch.Generator, bias: float) -> int:
    """A timestep 0..999: uniform for `bias` 1, more often small above it."""
    return timestep_at(float(torch.rand((), generator=random, dtype=torch.float64)), bias)


def timestep_at(u: float, bias: float) -> int:
    """The timestep 0..999 for a number `u` from 0 to 1 that is uniformly random: 1000 · u^bias."""
    return min(int(1000 * u**bias), 999)
