"""What a picture adds inside the UNet in one model call: to its first layer (PIA), or to the last layer of each level on
the way down (AnimateLCM-I2V)."""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import nn

from ...motion.control import PerLatent, as_tensor, fitted
from ...motion.layers import MotionModel
from ...motion.picture_parts import CONV_IN, ENCODER
from ...motion.positions import sinusoid
from ..call.feature_cache import FeatureCache, Features
from ..call.moment import Curve, Moment, Part
from ..curves.curve import limited
from ..pictures.affinity import affinities, between, nearest, spread
from ..pictures.animated_picture import AnimatedPicture
from ..pictures.encoding import of_size
from .applied import Applied
from .controls import Shared, Values, is_zero
from .hooks import Addition, Motion


def with_picture(motion: Motion, how: Applied, shared: Shared, cache: FeatureCache | None) -> Motion:
    """`motion` with what the picture of `how` adds, where it has one that acts now."""
    picture, values = how.picture, shared.values
    if picture is None or picture.latents is None:
        return motion
    strength = limited(picture.strength, how.start_percent, how.end_percent, values.moment)
    like = torch.empty(0, dtype=shared.dtype, device=values.device)
    if motion.model.spec.picture == "mask+picture":
        return replace(motion, pictures=_masked(motion.model, picture, strength, values, like))
    frames = FramePictures(motion.model, picture, picture.latents, values.moment, like, cache or FeatureCache())
    return replace(motion, pictures=_encoded(frames, strength, values))


def _masked(
    model: MotionModel, picture: AnimatedPicture, asked: float | Curve, values: Values, like: torch.Tensor
) -> dict[str, Addition]:
    """For PIA: a mask with the affinity of each frame and the latent of its picture are more channels of the UNet's input,
    so that they add to what the image model's own first layer gives."""
    strength = values.of(asked, Part(CONV_IN))
    if is_zero(strength) or picture.latents is None:
        return {}
    indices = values.moment.frames.indices
    rows, of_frames = _by_frame(picture.count, picture.frame, picture.motion, values.moment.frames.total)
    if picture.affinity is not None:
        affinity = values.of(picture.affinity, Part(CONV_IN))
    else:
        affinity = torch.tensor([of_frames[frame] for frame in indices])[:, None, None, None]  # (f, 1, 1, 1)
    seen = values.seen(of_size(picture.latents, values.moment.size)[[rows[frame] for frame in indices]])
    return {CONV_IN: Masked(model.get_submodule(CONV_IN), seen.to(like), affinity, strength)}


@lru_cache(maxsize=8)
def _by_frame(count: int, frame: int, motion: str, total: int) -> tuple[list[int], list[float]]:
    """For each of `total` frames, which of `count` pictures is nearest, and the affinity with it. A single picture is at a
    `frame`, with one of MOTION_AMOUNTS as `motion`."""
    places = [frame % total] if count == 1 else spread(count, total)
    affinity = affinities(motion, total, places[0]) if count == 1 else between(places, total)
    return nearest(places, total), affinity


@dataclass(frozen=True)
class Masked:
    """What PIA adds to the output of the UNet's first layer."""

    conv_in: nn.Module  # the part of that layer for the mask and the picture
    latents: torch.Tensor  # (f, 4, h, w), of the picture of each frame
    affinity: PerLatent  # of each frame with its picture, which is all that the mask says
    strength: PerLatent  # of what is added

    def __call__(self, output: torch.Tensor) -> torch.Tensor:
        mask = torch.ones_like(self.latents[:, :1]) * fitted(self.affinity, self.latents)
        seen = torch.cat([mask, self.latents], 1) * fitted(self.strength, self.latents)
        added: torch.Tensor = self.conv_in(seen)
        return fitted(added, output)

    def in_tensors(self, frames: int, device: torch.device) -> "Masked":
        affinity = as_tensor(self.affinity, frames, device)
        return replace(self, affinity=affinity, strength=as_tensor(self.strength, frames, device))


def _encoded(frames: "FramePictures", asked: float | Curve, values: Values) -> dict[str, Addition]:
    """For AnimateLCM-I2V: the features of its encoder, by the place of the last motion module of each level."""
    strengths = {place: values.of(asked, Part(place)) for place in _last_places(frames.model)}
    if all(is_zero(strength) for strength in strengths.values()):
        return {}
    return {
        place: Encoded(values.seen(features, level), strength)
        for level, ((place, strength), features) in enumerate(zip(strengths.items(), frames.features(), strict=True))
        if not is_zero(strength)
    }


@dataclass(frozen=True)
class Encoded:
    """What AnimateLCM-I2V adds to the output of a level."""

    features: torch.Tensor  # (f, c, h, w), of the picture of each frame
    strength: PerLatent  # of what is added

    def __call__(self, output: torch.Tensor) -> torch.Tensor:
        return fitted(self.features, output) * fitted(self.strength, output)

    def in_tensors(self, frames: int, device: torch.device) -> "Encoded":
        return replace(self, strength=as_tensor(self.strength, frames, device))


def _last_places(model: MotionModel) -> list[str]:
    downs = (place for place, _ in model.spec.modules if place.startswith("down_blocks."))
    return list({place.split(".")[1]: place for place in downs}.values())


@dataclass(frozen=True)
class FrameKey:
    """What the features of a frame depend on."""

    picture: AnimatedPicture  # of the run; also tells two applications apart
    row: int  # which of its pictures
    position: int  # of the frame in its window; 0 where the picture does not drift
    size: tuple[int, int]  # of the whole picture's latents
    device: torch.device  # of the features
    dtype: torch.dtype  # of the features


class FramePictures:
    """What the encoder of `model` makes of the pictures of the frames in one model call, with the device and type of
    `like`."""

    def __init__(
        self, model: MotionModel, picture: AnimatedPicture, latents: torch.Tensor, moment: Moment, like: torch.Tensor,
        cache: FeatureCache,
    ) -> None:  # fmt: skip
        self.model = model
        self._picture = picture
        self._latents = latents
        self._moment = moment
        self._like = like
        self._cache = cache

    def features(self) -> list[torch.Tensor]:
        """The features of whole pictures for each level, (f, c, h, w)."""
        keys = self._keys()
        known = self._known(list(dict.fromkeys(keys)))
        return [torch.cat(level) for level in zip(*(known[key] for key in keys), strict=True)]

    def _keys(self) -> list[FrameKey]:
        frames, last = self._moment.frames, len(self._latents) - 1
        moves = self._drift != 0
        return [
            FrameKey(
                self._picture,
                row=min(index, last),
                position=place % frames.count if moves else 0,
                size=self._moment.size,
                device=self._like.device,
                dtype=self._like.dtype,
            )
            for place, index in enumerate(frames.indices)
        ]

    def _known(self, keys: list[FrameKey]) -> dict[FrameKey, Features]:
        """The features of `keys`, each (1, c, h, w); those that are not in the cache are encoded."""
        found = {key: self._cache.get(key) for key in keys}
        known = {key: features for key, features in found.items() if features is not None}
        missing = [key for key in keys if key not in known]
        if missing:
            levels = self._encode(missing)
            for number, key in enumerate(missing):
                known[key] = tuple(level[number : number + 1].clone() for level in levels)
                self._cache.keep(key, known[key])
        return known

    def _encode(self, keys: list[FrameKey]) -> list[torch.Tensor]:
        latents = of_size(self._latents, self._moment.size)[[key.row for key in keys]]
        width = self.model.spec.level_widths[0]
        table = sinusoid(self._moment.frames.count, width)
        shifts = self._drift * table[[key.position for key in keys]]  # (f, c)
        encoder = self.model.get_submodule(ENCODER)
        features: list[torch.Tensor] = encoder(latents.to(self._like), shifts.to(self._like))
        return features

    @property
    def _drift(self) -> float:
        """Pictures that belong to one frame each move by themselves."""
        return self._picture.drift if self._picture.count == 1 else 0.0
