"""Draws the inputs of the nodes that change the noise, the guidance or the run itself."""

from __future__ import annotations

from typing import Any

from .chain import Drawn, Node, Shared
from .draw import Draw

Inputs = dict[str, Any]
MEANS = ("mean of AnimateDiff and Stable Diffusion", "LCM mean of AnimateDiff and Stable Diffusion")
PIXELS = 8  # of a picture to one of its latent


def animation_noise(draw: Draw) -> Inputs:
    inputs = _noise(draw)
    if draw.turn or draw.often(0.3):  # over the noise beneath, which has to show through it
        limits = draw.one_of(["mask", "blend", "add"])
        if limits == "mask":
            inputs["mask"] = draw.mask(draw.one_of([1, draw.frames]))
        else:
            inputs |= {"mode": limits, "weight": draw.number(0.3, 0.8)}
    elif draw.often(0.15):
        beneath = Node("AnimationNoise", tuple(_noise(draw).items()))
        inputs |= {"noise": beneath, "mode": "blend", "weight": draw.number(0.3, 0.7)}
    return inputs


def _noise(draw: Draw) -> Inputs:
    """Noise that is another than the sampler's."""
    kind = draw.option("noise_type", "empty")
    length = draw.whole(2, draw.frames - 2)
    plain = kind == "independent"
    inputs = {
        "noise_type": kind,
        "seed": draw.whole(1 if plain else 0, 2**40),
        "correlation": draw.number(0.1, 0.9) if plain or draw.often(0.3) else 0.0,
        "length": length,
        "overlap": draw.whole(0, length - 1),
        "seed_per_frame": draw.often(0.3),
    }
    if draw.often(0.2):
        inputs["frame_seeds"] = draw.one_of(["42, 42, 7", "1, 2, 3, 4"])
    if draw.often(0.2):
        inputs["first_frame"] = draw.whole(1, 8)
    return inputs


def refine_noise(draw: Draw) -> Inputs:
    return {
        "method": draw.option("method"),
        "iterations": draw.one_of([2, 2, 2, 3]),
        "filter": draw.option("filter"),
        "space": draw.number(0.2, 0.9),
        "time": draw.number(0.2, 0.9),
        "coarse_to_fine": draw.often(0.4),
        "until": draw.percent(0.7) if draw.often(0.3) else 1.0,
        "new_noise": draw.often(0.4),
        "order": draw.whole(1, 6),
    }


def inject_image(draw: Draw) -> Inputs:
    inputs = {
        "percent": draw.percent(draw.number(0.1, 0.6)),
        "strength": draw.value(0.3, 1.0),
        "first_frame": draw.whole(0, draw.frames - 2) if draw.often(0.5) else 0,
        **_picture(draw),
    }
    if draw.often(0.4):
        inputs["mask"] = draw.mask(draw.one_of([1, 3]))
    if draw.often(0.4):
        offsets = {side: PIXELS * draw.whole(-2, 3) for side in ("x", "y")}
        inputs |= {"fit": False, **offsets}
    return inputs


def _picture(draw: Draw) -> Inputs:
    """An image of any size with the VAE, or a latent."""
    count = draw.one_of([1, 1, 3])
    height = draw.whole(4, 12)
    width = draw.whole(4, 12)
    if draw.often(0.5):
        return {"latent": Drawn("latent", count, height, width, draw.seed())}
    image = Drawn("image", count, PIXELS * height, PIXELS * width, draw.seed())
    return {"image": image, "vae": Shared("vae"), "space": draw.option("space")}


def text2video_zero(draw: Draw) -> Inputs:
    motion = {name: draw.one_of([-1, 1]) * draw.number(10.0, 60.0) for name in ("motion_x", "motion_y")}
    return {**motion, "high_timestep": draw.whole(900, 960), "low_timestep": draw.whole(780, 890)}


def animation_guidance(draw: Draw) -> Inputs:
    inputs = {"cfg": draw.value(1.0, 6.0)}
    if draw.often(0.4):
        inputs["rescale"] = draw.value(0.2, 0.9)
    # Which of two guidances comes first matters with PAG, so it is rare after Motion Guidance.
    if draw.often(0.3 if "MotionGuidance" in draw.ids[: draw.place] else 0.5):
        inputs["pag"] = draw.value(0.5, 2.0)
    return inputs


def motion_from_video(draw: Draw) -> Inputs:
    side = PIXELS * draw.whole(4, 12)
    return {
        "images": Drawn("image", draw.whole(2, 20), side, side, draw.seed()),
        "vae": Shared("vae"),
        "strength": draw.value(0.5, 3.0),
        "level": draw.option("level"),
        "end_percent": draw.percent(draw.number(0.3, 0.9)),
        "reference_noise": draw.number(0.2, 0.6),
    }


def fast_sampling(draw: Draw) -> Inputs:
    return {"guidance_interval": draw.whole(2, 4)}


def noise_schedule(draw: Draw) -> Inputs:
    schedule = draw.option("schedule", "AnimateDiff", *MEANS)
    inputs: Inputs = {"schedule": schedule}
    if schedule == "custom":
        inputs["betas"] = draw.option("betas", "sqrt")
        inputs |= {"first_beta": draw.one_of([0.0001, 0.0005]), "last_beta": draw.one_of([0.01, 0.015])}
    if draw.often(0.25):
        inputs["prediction"] = draw.option("prediction", "the checkpoint's")
    if draw.often(0.25):
        inputs["zero_snr"] = draw.option("zero_snr")
    return inputs
