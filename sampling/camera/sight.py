"""What a motion model with CameraCtrl sees in one model call: the features of the camera's rays."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import comfy.model_management
import numpy as np
import torch

from ...motion.camera_layers import FRAMES, CameraCtrl, level_of
from ...motion.control import Merge, PerLatent
from ..call.areas import Areas
from ..call.feature_cache import FeatureCache, Features
from ..call.frames import Frames
from ..windows.cut import Window
from ..windows.motion_windows import MotionWindows
from .camera import Camera
from .path import CameraPath, track_of
from .rays import PictureCut, rays_of
from .track import Track

VIEWS = MotionWindows(FRAMES, FRAMES // 2, "pyramid")
"""How the encoder sees windows that are longer than its table of positions."""


@dataclass(frozen=True)
class Sight:
    """The parts of the video and of the picture that a model call computes."""

    windows: tuple[tuple[Window, ...], ...]  # motion windows in each window of the call, as frames of the video
    cuts: tuple[PictureCut, ...]  # of the conditionings, or one that all have
    total: int  # frames of the video
    device: torch.device  # of the latents
    dtype: torch.dtype  # of the latents
    cache: FeatureCache  # of the run


def sight_of(
    frames: Frames, inside: MotionWindows | None, step: int, size: tuple[int, int], areas: Areas | None,
    device: torch.device, dtype: torch.dtype, cache: FeatureCache | None,
) -> Sight:  # fmt: skip
    """The Sight of a model call of latents of `size` (h, w), with motion windows `inside` at a `step` of the run."""
    places = inside.cut(frames.count, frames.total, step) if inside else ()
    starts = range(0, len(frames.indices), frames.count)
    windows = [frames.indices[start : start + frames.count] for start in starts]
    seen = tuple(tuple(tuple(window[i] for i in place) for place in places) or (window,) for window in windows)
    whole = areas.whole if areas else size
    corners = areas.corners if areas else ((0, 0),)
    cuts = tuple(PictureCut(whole, corner, size) for corner in corners)
    return Sight(seen, cuts, frames.total, device, dtype, cache or FeatureCache())


@dataclass(frozen=True)
class CameraView:
    """How a motion model follows a camera in a model call. Features are computed when they are first needed."""

    model: CameraCtrl  # the camera encoder and its layers at the motion modules
    camera: Camera  # path and strength
    sight: Sight  # the frames and the part of the picture that the call computes

    def merge(self, place: str, strength: PerLatent) -> Merge | None:
        """What it adds in the motion module at `place`; None: nothing."""
        layer = self.model.merge(place)
        is_off = not isinstance(strength, torch.Tensor) and strength == 0
        if layer is None or is_off:
            return None
        return Merge(layer, self._features[level_of(place, len(self._features))], strength)

    @cached_property
    def _features(self) -> list[torch.Tensor]:
        """Of each level (r, h, w, n, l, c), as a Merge has them: r are the windows of each conditioning with a cut of its
        own, n the motion windows."""
        videos = [
            [self._of(window, cut) for window in windows] for cut in self.sight.cuts for windows in self.sight.windows
        ]
        levels = range(len(self.model.spec.widths))
        return [
            torch.stack([torch.stack([seen[level] for seen in video], dim=2) for video in videos]) for level in levels
        ]

    def _of(self, window: Window, cut: PictureCut) -> Features:
        """The features of a `window` of the video, of each level (h, w, l, c)."""
        sight = self.sight
        key = (self.camera.path, self.camera.index, window, sight.total, cut, sight.device, sight.dtype)
        known = sight.cache.get(key)
        if known is not None:
            return known
        features = self._encoded(window, cut)
        sight.cache.keep(key, features)
        return features

    def _encoded(self, window: Window, cut: PictureCut) -> Features:
        comfy.model_management.throw_exception_if_processing_interrupted()
        track = _track_of(self.camera.path, self.sight.total)
        check_camera(track, wraps=any(after < before for before, after in pairwise(window)))
        seen = track.at(np.array(window))
        device, dtype = self.sight.device, self.sight.dtype
        rays = (frame.to(dtype) for frame in rays_of(seen.places(), seen.lenses(), cut, device))
        return tuple(self.model.encoder(rays, VIEWS.of(len(window), len(window), device)))


@lru_cache(maxsize=8)
def _track_of(path: CameraPath, total: int) -> Track:
    return track_of(path, total)


def check_camera(track: Track, wraps: bool) -> None:
    """Raises ValueError where windows go on from the end of the video to its start and the camera does not."""
    if wraps and not track.closes():
        raise ValueError(
            f"The windows continue from the last of {len(track)} frames to the first, but the camera path does not end "
            'where it began. Use a schedule other than "looped" and turn closed_loop off, or use a camera path that '
            "returns to its start."
        )
