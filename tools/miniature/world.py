"""The miniature's world: pictures and clips of fish drawn by code, with captions and ground truth.

A scene is a set of numbers (`Scene`), drawn by signed distances with soft edges, so the same scene can be drawn in
two styles ("day": filled shapes, "neon": glowing outlines at night), and by a camera that moves. All follows from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .scenery import background_layers

Style = Literal["day", "neon"]
Floats = NDArray[np.floating[Any]]

SIZE = 128  # pixels, both ways
COLOURS = ("red", "yellow", "green", "blue", "purple", "white")
BACKGROUNDS = ("coral reef", "deep sea", "sandy lagoon", "kelp forest")
DIRECTIONS = ("left", "right")
TEMPLATES = (
    "a {colour} fish swimming {direction}, {background}",
    "{background}, a {colour} fish swimming {direction}",
    "{colour} fish facing {direction} in the {background}",
)
FISH_RGB: dict[str, dict[str, tuple[int, int, int]]] = {
    "day": {
        "red": (222, 40, 44), "yellow": (252, 212, 36), "green": (50, 196, 76),
        "blue": (40, 70, 230), "purple": (160, 54, 206), "white": (246, 246, 242),
    },
    "neon": {
        "red": (255, 58, 74), "yellow": (255, 232, 66), "green": (66, 255, 118),
        "blue": (66, 118, 255), "purple": (216, 86, 255), "white": (246, 246, 252),
    },
}  # fmt: skip
SOFTNESS = 1.5  # pixels an edge takes from 0 to 1: smooth edges are cheap for a small autoencoder
HALF_LENGTH = 32.0  # pixels from the fish's centre to its tail's end at scale 1, wagging included
HALF_HEIGHT = 19.0
MIDDLE = 0.3  # the part of the room that "middle height" means


@dataclass(frozen=True)
class Scene:
    """What a clip shows. Positions are pixels of the picture before the camera zooms."""

    colour: str  # of the fish, one of COLOURS
    direction: str  # where the fish faces and swims: "left" or "right"
    background: str  # one of BACKGROUNDS
    caption: str  # what a prompt says about it
    scale: float  # of the fish: at 1 it is twice HALF_LENGTH pixels long
    variation: tuple[float, ...]  # 4 numbers in [0, 1): where the background's features stand
    x: Floats  # (frames,): the fish's centre, pixels
    y: Floats  # (frames,): the fish's centre, pixels, downwards
    tail: Floats  # (frames,): angle of the tail, radians
    zoom: Floats = field(default_factory=lambda: np.ones(1, np.float32))  # (frames,): the camera's magnification
    style: Style = "day"  # how the scene is painted
    pan: Floats = field(  # (frames, 2), or (1, 2) for a still camera: its offset x, y in pixels
        default_factory=lambda: np.zeros((1, 2), np.float32)
    )

    @property
    def frames(self) -> int:
        return len(self.x)

    def at(self, frame: int) -> Scene:
        """The same scene with one frame only."""
        one = slice(frame, frame + 1)
        moved = replace(self, x=self.x[one], y=self.y[one], tail=self.tail[one])
        return replace(moved, zoom=self.zoom[one], pan=self.pan[one] if len(self.pan) > 1 else self.pan)

    def seen(self) -> Floats:
        """The fish's centre in the drawn picture, pixels, shape (frames, 2) as x, y."""
        middle = SIZE / 2
        away = np.stack([self.x, self.y], 1) - self.pan - np.float32(middle)
        centre: Floats = away * self.zoom[:, None] + np.float32(middle)
        return centre


def caption_of(colour: str, direction: str, background: str, template: int = 0) -> str:
    return TEMPLATES[template].format(colour=colour, direction=direction, background=background)


def scene(seed: int, frames: int = 16, style: Style = "day", zoom: float = 1.0, across: bool = False) -> Scene:
    """Draw a scene's numbers from `seed`.

    Args:
        frames: length; the fish crosses at most the room there is, so longer clips show a slower fish.
        zoom: the camera's final magnification, 1 for a still camera; the fish stays inside the zoomed picture too.
        across: the fish swims from one side to the other at middle height, not from anywhere to anywhere.
    """
    rng = np.random.default_rng([seed, frames])
    colour = str(rng.choice(COLOURS))
    background = str(rng.choice(BACKGROUNDS))
    direction = str(rng.choice(DIRECTIONS))
    template = int(rng.choice(len(TEMPLATES), p=(0.6, 0.2, 0.2)))
    scale = float(rng.uniform(0.9, 1.1)) * (1.0 if zoom <= 1.0 else 0.85)
    zooms = np.linspace(1.0, zoom, frames, dtype=np.float32)
    room = SIZE / 2 / max(zoom, 1.0) - HALF_LENGTH * scale - 1  # how far the centre may be from the middle at the end
    room_y = SIZE / 2 / max(zoom, 1.0) - HALF_HEIGHT * scale - 3
    span = rng.uniform(0.9 if across else 0.65, 1.0) * 2 * room if zoom <= 1.0 else rng.uniform(0.8, 1.0) * (room + 28)
    sign = 1.0 if direction == "right" else -1.0
    end = rng.uniform(-room + span, room) if zoom <= 1.0 else rng.uniform(max(span - 30, 0), max(room, 0))
    along = np.linspace(end - span, end, frames) if frames > 1 else np.array([rng.uniform(-room, room)])
    bob = rng.uniform(0, 4) * np.sin(rng.uniform(0, 6.28) + np.arange(frames) * 6.28 / rng.uniform(14, 24))
    height = rng.uniform(-room_y, room_y) * (MIDDLE if across else 1.0)
    y = np.clip(height + bob, -room_y, room_y)
    wag = rng.uniform(0, 6.28) + np.arange(frames) * 6.28 / rng.uniform(5, 8)
    return Scene(
        colour=colour,
        direction=direction,
        background=background,
        caption=caption_of(colour, direction, background, template),
        scale=scale,
        variation=tuple(float(v) for v in rng.random(4)),
        x=(SIZE / 2 + sign * along).astype(np.float32),
        y=(SIZE / 2 + y).astype(np.float32),
        tail=(0.5 * np.sin(wag)).astype(np.float32),
        zoom=zooms,
        style=style,
    )


def clip(
    seed: int, frames: int = 16, style: Style = "day", zoom: float = 1.0, across: bool = False
) -> tuple[NDArray[np.uint8], Scene]:
    """A clip (frames, 128, 128, 3) and what it shows."""
    shown = scene(seed, frames, style, zoom, across)
    return draw(shown), shown


def still(seed: int, style: Style = "day") -> tuple[NDArray[np.uint8], Scene]:
    """One picture (128, 128, 3), a random moment of the clip of the same seed, and what it shows."""
    shown = moment(seed, style)
    return draw(shown)[0], shown


def moment(seed: int, style: Style = "day") -> Scene:
    """What the still of the same seed shows."""
    return scene(seed, 16, style).at(int(np.random.default_rng(seed).integers(16)))


def draw(shown: Scene) -> NDArray[np.uint8]:
    """Paint a scene, (frames, 128, 128, 3)."""
    axis = np.arange(SIZE, dtype=np.float32) + 0.5
    middle = np.float32(SIZE / 2)
    zoom = shown.zoom[:, None, None]
    pan_x, pan_y = shown.pan[:, 0, None, None], shown.pan[:, 1, None, None]
    px = (axis[None, None, :] - middle) / zoom + middle + pan_x  # (f, 1, w) world coordinates of the pixels
    py = (axis[None, :, None] - middle) / zoom + middle + pan_y  # (f, h, 1)
    still_camera = bool(np.all(shown.zoom == shown.zoom[0]) and np.all(shown.pan == shown.pan[0]))
    one = slice(0, 1) if still_camera else slice(None)
    picture = background_layers(shown.background, shown.variation, px[one], py[one], shown.style, SOFTNESS)
    picture = np.broadcast_to(picture, (shown.frames, SIZE, SIZE, 3)).copy()
    paint = _paint_day if shown.style == "day" else _paint_neon
    paint(picture, shown, px, py)
    painted: NDArray[np.uint8] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return painted


@dataclass(frozen=True)
class _Parts:
    """Signed distances in pixels from the edges of a fish's parts, negative inside."""

    body: Floats  # (f, h, w)
    tail: Floats  # (f, h, w)
    fin: Floats  # (f, h, w)
    eye: Floats  # (f, h, w)
    pupil: Floats  # (f, h, w)
    v: Floats  # (f, h, w): height below the fish's axis, in fish units


def _parts(shown: Scene, px: Floats, py: Floats) -> _Parts:
    sign = 1.0 if shown.direction == "right" else -1.0
    u = sign * (px - shown.x[:, None, None]) / shown.scale - 4.0  # forward; the body sits ahead of the fish's middle
    v = (py - shown.y[:, None, None]) / shown.scale  # down
    cos, sin = np.cos(shown.tail)[:, None, None], np.sin(shown.tail)[:, None, None]
    back = -(u + 18.0) * cos + v * sin
    side = (u + 18.0) * sin + v * cos
    tail = np.maximum(np.abs(side) - (3.0 + 0.62 * back), back - 15.0 + 2.5 * np.exp(-((side / 5.0) ** 2)))
    tail = np.maximum(tail, -back - 3.0)
    body = _ellipse(u, v, 23.0, 13.5) * shown.scale
    tail = tail * shown.scale
    fin = _ellipse(u + 3.0, v + 11.0, 9.0, 7.5) * shown.scale
    eye = (np.hypot(u - 12.0, v + 3.5) - 5.2) * shown.scale
    pupil = (np.hypot(u - 13.0, v + 3.5) - 3.0) * shown.scale
    return _Parts(body, tail, fin, eye, pupil, np.broadcast_to(v, body.shape))


def _ellipse(u: Floats, v: Floats, a: float, b: float) -> Floats:
    """First-order signed distance to an ellipse."""
    k1 = np.sqrt((u / a) ** 2 + (v / b) ** 2) + 1e-6
    k2 = np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2) + 1e-6
    distance: Floats = k1 * (k1 - 1.0) / k2
    return distance


def _cover(distance: Floats) -> Floats:
    inside: Floats = np.clip(0.5 - distance / SOFTNESS, 0.0, 1.0)[..., None]
    return inside


def _blend(picture: Floats, rgb: Floats, cover: Floats) -> None:
    picture += (rgb - picture) * cover


def _paint_day(picture: Floats, shown: Scene, px: Floats, py: Floats) -> None:
    parts = _parts(shown, px, py)
    colour = np.array(FISH_RGB["day"][shown.colour], np.float32)
    belly_tone = np.float32(255.0) if shown.colour != "white" else np.float32(190.0)
    belly = np.clip((parts.v - 1.0) / 10.0, 0, 1)[..., None] * 0.45
    _blend(picture, colour * 0.78, _cover(np.minimum(parts.tail, parts.fin)))
    _blend(picture, colour + (belly_tone - colour) * belly, _cover(parts.body))
    _blend(picture, np.array([255, 255, 255], np.float32), _cover(parts.eye))
    _blend(picture, np.array([16, 16, 24], np.float32), _cover(parts.pupil))


def _paint_neon(picture: Floats, shown: Scene, px: Floats, py: Floats) -> None:
    parts = _parts(shown, px, py)
    colour = np.array(FISH_RGB["neon"][shown.colour], np.float32)
    shape = np.minimum(np.minimum(parts.body, parts.tail), parts.fin)
    glow = np.exp(-np.maximum(shape, 0.0) / 3.5)[..., None] * 0.4
    _blend(picture, colour, glow)
    _blend(picture, colour * 0.32, _cover(shape))
    _blend(picture, colour, _cover(np.abs(shape) - 1.8))
    _blend(picture, np.array([250, 250, 255], np.float32), _cover(parts.eye))
    _blend(picture, np.array([12, 8, 24], np.float32), _cover(parts.pupil))
