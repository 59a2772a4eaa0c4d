"""From seeds to noise that is independent from frame to frame, at the start of a run and at its steps."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from comfy.k_diffusion.sampling import BrownianTreeNoiseSampler

STEPS = 0x5DEECE66D
"""Added to a seed for the noise of the steps, so that no frame gets its initial noise a second time."""

StepNoise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""The noise (f, c, h, w) that a sampler adds between two noise levels."""

Path = tuple[torch.Tensor, torch.Tensor]
"""The lowest and the highest noise level of a run, scalars."""


@dataclass(frozen=True)
class FrameSeeds:
    """The seeds of the frames, each of whose noise is independent of the others'."""

    seed: int = 0  # added to the sampler's seed
    per_frame: bool = False  # frame k gets the noise of seed + k; else one seed draws all frames, as in the host
    own: tuple[int, ...] = ()  # seeds of the first frames, whatever the sampler's; later frames count up from the last

    def of_frames(self, seed: int, frames: int) -> list[int]:
        """A seed for each frame, where the sampler has `seed`."""
        own = self.own[:frames]
        first = own[-1] + 1 if own else seed + self.seed
        return [*own, *range(first, first + frames - len(own))]

    def draw(self, seed: int, like: torch.Tensor, frames: int) -> torch.Tensor:
        """Unit noise (frames, c, h, w) on the CPU for latents `like` (f, c, h, w); longer noise begins with shorter."""
        if self.per_frame or self.own:
            return torch.cat([_frame(like, _generator(one)) for one in self.of_frames(seed, frames)])
        one_for_all = _generator(seed + self.seed)
        return torch.cat([_frame(like, one_for_all) for _ in range(frames)])

    def at_steps(self, seed: int, like: torch.Tensor, frames: int, path: Path | None) -> StepNoise:
        """The same for the steps of a run. With a `path`, noise is the increments of one Brownian path
        between its ends: samplers that ask for overlapping parts of a step need that."""
        seeds = [(one + STEPS) % 2**64 for one in self.of_frames(seed, frames)]
        if path is not None:
            whole = like[:1].expand(frames, *like.shape[1:])
            tree: StepNoise = BrownianTreeNoiseSampler(whole, *path, seed=seeds, cpu=True)
            return tree
        generators = [_generator(one) for one in seeds]
        return lambda _level, _next: torch.cat([_frame(like, one) for one in generators])


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed % 2**64)


def _frame(like: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    return torch.randn((1, *like.shape[1:]), generator=random)


def read_seeds(text: str) -> tuple[int, ...]:
    """Seeds from "42, 42, 7". Raises ValueError for anything but whole numbers of 0 or more."""
    words = text.replace(",", " ").split()
    wrong = next((word for word in words if not word.isdecimal()), None)
    if wrong is not None:
        raise ValueError(
            f'"{wrong}" is not a seed. Write whole numbers of 0 or more, separated by commas, e.g. "42, 7".'
        )
    return tuple(int(word) for word in words)
