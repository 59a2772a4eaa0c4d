"""Draws the inputs of the nodes that give or change motion."""

from __future__ import annotations

from typing import Any

from .chain import Node
from .draw import Draw
from .run_inputs import MEANS

Inputs = dict[str, Any]
EVOLVED = ("AnimateDiff-Evolved, v2 as v1", "AnimateDiff-Evolved, as the last motion model")
FILES = {
    "v1": ("tiny_v1.safetensors",),
    "v2": ("tiny_v2.safetensors",),
    "v3": ("tiny_v3.safetensors", "tiny_v3_other.safetensors"),
}


def apply_motion_model(draw: Draw) -> Inputs:
    motion = _motion_model(draw)
    beyond = draw.option("beyond_table")
    inputs = {
        "motion_model": motion,
        "strength": draw.value(0.5, 1.3, blocks=True),
        "noise_schedule": "automatic"
        if draw.often(0.6)
        else draw.option("noise_schedule", "as AnimateDiff-Evolved", *MEANS),
        **draw.part(),
        "match": "authors" if draw.often(0.6) else draw.option("match", *EVOLVED),
        "beyond_table": beyond,
        "position_offset": draw.whole(0, 3 if beyond == "refuse" else 20) if draw.often(0.3) else 0,
        "preview_plays": draw.often(0.8),
    }
    return inputs | ({"attention": draw.value(0.6, 1.4, blocks=True)} if draw.often(0.4) else {})


def _motion_model(draw: Draw) -> Node:
    """A motion model of the chain's version: as loaded, merged of two, with one motion LoRA or two."""
    first, *others = draw.random.sample(FILES[draw.version], len(FILES[draw.version]))
    motion = Node("LoadMotionModel", (("motion_model", first),))
    if others and draw.often(0.2):
        other = Node("LoadMotionModel", (("motion_model", others[0]),))
        weights = tuple((side, draw.number(0.1, 0.9)) for side in ("down", "mid", "up"))
        motion = Node("MergeMotionModels", (("first", motion), ("second", other), *weights))
    lora = "tiny_lora_with_mid.safetensors" if draw.version == "v2" else "tiny_lora.safetensors"
    for _ in range(draw.one_of([0, 0, 1, 1, 2])):
        inputs = (("motion_model", motion), ("lora", lora), ("strength", draw.value(0.3, 1.2, blocks=True)))
        motion = Node("LoadMotionLora", inputs)
    return motion


def animatediff(draw: Draw) -> Inputs:
    return {"motion_model": draw.one_of(FILES[draw.version]), "strength": draw.value(0.5, 1.3, blocks=True)}


def enhance_motion(draw: Draw) -> Inputs:
    return {"weight": draw.value(1.0, 6.0, blocks=True), **draw.part()}


def motion_guidance(draw: Draw) -> Inputs:
    without_mid = ("mid",) if draw.version != "v2" else ()
    inputs = {"scale": draw.value(0.5, 2.0), "skip": draw.option("skip", *without_mid), **draw.part()}
    if draw.often(0.4):
        inputs["rescale"] = draw.value(0.2, 0.9)
    if draw.often(0.25):
        inputs["kept"] = draw.curve(0.0, 0.6, blocks=True)
    return inputs


def motion_windows(draw: Draw) -> Inputs:
    length = draw.whole(2, draw.seen - 1)
    inputs = {
        "length": length,
        "overlap": draw.whole(0, length - 1),
        "closed_loop": not draw.windows and draw.often(0.3),
        "freenoise": _reschedules(draw),
        "fuse_method": draw.option("fuse_method"),
    }
    if not inputs["closed_loop"] and draw.often(0.3):
        inputs["global_attention"] = draw.one_of([0.1, 0.25, 1.0])
    return inputs


def context_windows(draw: Draw) -> Inputs:
    length, schedule = draw.windows[draw.turn], draw.option("schedule")
    inputs = {
        "length": length,
        "overlap": draw.whole(1, length // 2),
        "schedule": schedule,
        "closed_loop": schedule in ("looped", "shifting") and draw.often(0.5),
        "freenoise": _reschedules(draw),
        "fuse_method": draw.option("fuse_method"),
        "stride": draw.whole(1, 2),
        "windows_at_once": draw.whole(1, 4),
    }
    if len(draw.windows) > 1:  # each for a part of the run, or the second over the first
        middle = draw.percent(0.41)
        parts = {"start_percent": middle} if draw.turn else draw.one_of([{}, {"end_percent": middle}])
    else:  # all of the run for Window Reference, which may end before these windows would begin
        parts = {} if "WindowReference" in draw.ids else draw.part()
    return inputs | parts


def _reschedules(draw: Draw) -> bool:
    """FreeNoise, rarely where Animation Noise draws the noise: how the two act together depends on their order."""
    return draw.often(0.1 if "AnimationNoise" in draw.ids else 0.3)


def window_reference(draw: Draw) -> Inputs:
    both = draw.options(draw.id, "mode")
    mode = draw.one_of(both) if draw.ids.count(draw.id) == 1 else both[draw.turn % len(both)]
    strength = draw.value(0.4, 1.0)
    return {
        "mode": mode,
        "strength": strength,
        "start_percent": 0.0,
        "end_percent": draw.percent(draw.number(0.4, 1.0)),
    }


def first_frame_attention(draw: Draw) -> Inputs:
    return {}
