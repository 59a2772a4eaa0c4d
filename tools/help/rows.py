"""Rows and graphs that several help pictures share: the miniature's animations without a node, with it, and as plots."""

from __future__ import annotations

from typing import Any

from .graphs import (
    BLUE,
    CLIP,
    DEEP_SEED,
    FISH,
    LONG,
    LONG_SEED,
    MINIATURE,
    MOTION,
    MOVING,
    SEED,
    VAE,
    YELLOW,
    ZOOM_SEED,
    Node,
    Output,
    Row,
    animation,
    applied,
    node,
    plotted,
    text,
    windows,
)

ROUGH_SEED = 1  # with two fish and a green one, which some nodes mend
PLAIN = animation()
RED_PICTURE = animation(MINIATURE, frames=1, seed=SEED + 1)
BLUE_PICTURE = animation(MINIATURE, BLUE, frames=1)
LOW_PICTURE = animation(MINIATURE, BLUE, frames=1, seed=10)  # of 24 seeds, the lowest fish that has room to swim
WINDOWS = windows(overlap=4)


def as_row(entry: Node | Output | Row) -> Row:
    """Without more words, a row shows FISH, which swims."""
    return entry if isinstance(entry, Row) else Row(entry, (FISH,))


def jumps(view: Node, *prompts: str) -> Row:
    """A row in which frames do not follow each other."""
    return Row(view, prompts or (FISH,), swims=False)


STILL = jumps(animation(MINIATURE))


def on_model(kind: str, model: Node = MOVING, frames: int = 16, seed: int = SEED, **inputs: Any) -> Node:
    """The animation of a model that the node `kind` changed."""
    return animation(node(kind, model=model, **inputs), frames=frames, seed=seed)


def with_strength(curve: Node) -> tuple[Node | Row, ...]:
    """Strength 1, the curve as strength, and the curve."""
    return PLAIN, jumps(animation(applied(strength=curve))), plotted(curve)


def mended(kind: str, **inputs: Any) -> tuple[Row, Node]:
    return Row(animation(seed=ROUGH_SEED), ()), on_model(kind, seed=ROUGH_SEED, **inputs)


def long(model: Node) -> Row:
    """In a longer video, the fish turns back here and there."""
    return jumps(animation(model, frames=LONG, seed=LONG_SEED))


def zooming(motion: Node) -> Row:
    return Row(animation(applied(motion), YELLOW, seed=ZOOM_SEED), (YELLOW,))


def sigmas(scheduler: str) -> Node:
    """Of few steps: with more of them, all schedulers give about the same."""
    return node("KinemaSigmaSchedule", model=MOVING, schedule="the model's", scheduler=scheduler, steps=4)


def right_half() -> Node:
    black = node("SolidMask", value=0.0, width=128, height=128)
    white = node("SolidMask", value=1.0, width=64, height=128)
    return node("MaskComposite", destination=black, source=white, x=64, y=0, operation="add")


def pictured(picture: Node) -> Row:
    """BLUE, with a picture at the first frame."""
    load = node("KinemaLoadSparseCtrl", sparsectrl="miniature_sparsectrl_rgb.safetensors", frames="0")
    ends = {"positive": text(BLUE), "negative": text(""), "image": picture, "vae": VAE}
    guide = node("ControlNetApplyAdvanced", control_net=load, strength=1.0, start_percent=0.0, end_percent=1.0, **ends)
    return Row(animation(prompt=guide, seed=DEEP_SEED), (BLUE,))


def camera(preset: str = "none", amount: float = 1.0, **more: Any) -> Node:
    return node("KinemaCameraPath", preset=preset, amount=amount, **more)


def seen(path: Node, **more: Any) -> Node:
    """IMAGE: the path as Plot Camera Path shows it."""
    return node("KinemaPlotCameraPath", camera=path, frames=16, **more)


def panel(path: Node, number: int = 0) -> Row:
    """One of the three views of that plot: from above, from the right, from behind."""
    left = 12 + 248 * number
    return Row(seen(path), (), box=(left, 44, left + 248, 316))


def training(kind: str, **inputs: Any) -> Output:
    """The training's plot, from the animation above it."""
    size = {"frames": 16, "stride": 1, "width": 128, "height": 128}
    clips = node("KinemaLoadClips", vae=VAE, clip=CLIP, folder="none", prompt=FISH, images=PLAIN, cache=False, **size)
    trained = node(kind, model=MINIATURE, clips=clips, motion_model=MOTION, name="help", sample_every=0, **inputs)
    return trained.output(1)
