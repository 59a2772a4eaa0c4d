"""The noise of an animation: as the host's NOISE, and for samplers, which start from it and add it at steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .noise_layers import LAYER, NoiseLayer
from .noise_seeds import FrameSeeds, Path, StepNoise

ARRANGED = "kinema_arranged"
"""The mark on noise that AnimationNoise made."""


@dataclass(frozen=True)
class AnimationNoise:
    """The host's NOISE."""

    layers: tuple[NoiseLayer, ...]  # from the lowest to the highest
    step_layers: tuple[NoiseLayer, ...]  # those that act at the steps too; none: the sampler's own noise does
    seed: int = 0  # what a sampler is told
    authors_start: bool = False  # whether a run starts from sqrt(1 + s²) * noise at every level s, see start_noise.py

    def generate_noise(self, latent: Mapping[str, Any]) -> torch.Tensor:
        """Unit noise (f, c, h, w) for a LATENT; frame k of a longer video has the noise of frame k of a shorter one, and
        `batch_index` says which frames these are, as in the host."""
        like = latent["samples"]
        noise = self.noise(0, latent, latent.get("batch_index") or range(like.shape[0]))
        setattr(noise, ARRANGED, True)
        return noise

    def noise(
        self, seed: int, latent: Mapping[str, Any], frames: Sequence[int], drawn: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The same for a sampler with `seed`; `drawn` is the independent noise that it has already."""
        like = latent["samples"]

        def own(depth: int, layer: NoiseLayer) -> torch.Tensor:
            if layer.given is not None:
                return layer.given.generate_noise(latent).to(like)  # type: ignore[no-any-return]
            below = seed + depth * LAYER
            if depth == 0 and drawn is not None and layer.draws_as_host:
                return layer.pattern.arrange(drawn, below)
            return layer.arranged(layer.seeds.draw(below, like, layer.reach(frames)), below, frames).to(like)

        return _stacked(self.layers, [own(depth, layer) for depth, layer in enumerate(self.layers)])

    def at_steps(self, seed: int, like: torch.Tensor, path: Path | None) -> StepNoise:
        """The same at the steps of a sampler, (f, c, h, w) as `like`; for `path` see FrameSeeds."""
        frames = range(like.shape[0])
        layers = self.step_layers
        seeds = [seed + depth * LAYER for depth in range(len(layers))]
        sources = [
            layer.seeds.at_steps(below, like, layer.reach(frames), path)
            for layer, below in zip(layers, seeds, strict=True)
        ]

        def noise(level: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
            each = zip(layers, sources, seeds, strict=True)
            own = [layer.arranged(source(level, following), below, frames) for layer, source, below in each]
            return _stacked(layers, [noise.to(like) for noise in own])

        return noise


def _stacked(layers: Sequence[NoiseLayer], own: Sequence[torch.Tensor]) -> torch.Tensor:
    """The noise of each of the `layers`, (f, c, h, w), over those beneath."""
    whole = own[0]
    for layer, above in zip(layers[1:], own[1:], strict=True):
        whole = layer.over(whole, above)
    return whole


def lay(layer: NoiseLayer, beneath: Any, authors_start: bool = False, start_only: bool = False) -> AnimationNoise:
    """The NOISE of `layer` over `beneath`: an AnimationNoise, another node's NOISE, or None for plain noise of its seed.
    It starts as the authors do if `authors_start`, or if what is seen `beneath` it does. With `start_only` the noise of the
    steps stays as it is beneath."""
    known = beneath if isinstance(beneath, AnimationNoise) else None
    steps = known.step_layers if known else ()
    seed = layer.seeds.seed
    if layer.hides_all:
        return AnimationNoise((layer,), steps if start_only else (layer,), seed, authors_start)
    plain = NoiseLayer(seeds=FrameSeeds(seed))
    given = plain if beneath is None else NoiseLayer(given=beneath)
    lower = known.layers if known else (given,)
    over = steps if start_only else (*(steps or (plain if known else given,)), layer)
    starts = authors_start or (known is not None and known.authors_start)
    return AnimationNoise((*lower, layer), over, seed, starts)


def noise_of_run(wanted: AnimationNoise, noise: torch.Tensor, seed: int) -> torch.Tensor:
    """What a run starts from in place of the sampler's `noise` (f, c, h, w). Noise that the NOISE output made is arranged
    already, and noise of zeros is that of a sampler that adds none: both stay."""
    if getattr(noise, ARRANGED, False) or torch.count_nonzero(noise) == 0:
        return noise
    own = noise.float()
    return wanted.noise(seed, {"samples": own}, range(noise.shape[0]), own).to(noise)
