"""Graphs written as nested calls, for the pictures of the help pages: all of them end in IMAGE outputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..client import Prompt
from ..strips import width


@dataclass(frozen=True)
class Node:
    """A node of the host. As an input of another one it stands for its first output."""

    kind: str  # its class name
    inputs: tuple[tuple[str, Any], ...]  # input ids with their values, Nodes or Outputs

    def output(self, number: int) -> Output:
        return Output(self, number)


@dataclass(frozen=True)
class Output:
    """An output of a node, as an input of another one."""

    node: Node  # whose output it is
    number: int  # from 0


@dataclass(frozen=True)
class Row:
    """A row of a picture and what the detector should see in it, if it is an animation."""

    view: Node | Output  # an IMAGE
    prompts: tuple[str, ...]  # one of which each frame shows; empty: it is not judged
    swims: bool = True  # whether the fish keeps to a smooth path
    box: tuple[int, int, int, int] | None = None  # of a plot: the shown part, left, top, right and bottom in pixels


def node(kind: str, **inputs: Any) -> Node:
    return Node(kind, tuple(inputs.items()))


def to_prompt(ends: Iterable[Node]) -> tuple[Prompt, dict[Node, str]]:
    """One prompt for all of `ends`, and the id of each node. Nodes that are equal become one, so they run once."""
    prompt: Prompt = {}
    ids: dict[Node, str] = {}

    def value(given: Any) -> Any:
        if isinstance(given, Node):
            return [add(given), 0]
        return [add(given.node), given.number] if isinstance(given, Output) else given

    def add(wanted: Node) -> str:
        if wanted not in ids:
            inputs = {name: value(given) for name, given in wanted.inputs}
            ids[wanted] = str(len(ids) + 1)
            prompt[ids[wanted]] = {"class_type": wanted.kind, "inputs": inputs}
        return ids[wanted]

    for end in ends:
        add(end)
    return prompt, ids


MINIATURE = node("KinemaLoadMiniature", style="day")
CLIP = MINIATURE.output(1)
VAE = MINIATURE.output(2)
MOTION = node("KinemaLoadMotionModel", motion_model="miniature_mm.safetensors")
ZOOM = node("KinemaLoadMotionLora", motion_model=MOTION, lora="miniature_zoom.safetensors", strength=1.0)
FISH = "a red fish swimming right, coral reef"
BLUE = "a blue fish swimming right, deep sea"
YELLOW = "a yellow fish swimming left, kelp forest"
SILENT = "a red fish, sandy lagoon"
LAGOON = "a blue fish swimming right, sandy lagoon"
DEEP = "a purple fish swimming right, deep sea"
TRAVEL = (LAGOON, DEEP, "a blue fish swimming right, deep sea", "a blue fish swimming right, coral reef")
"""What is seen on the way from LAGOON to DEEP: the detector takes a lagoon that gets darker for a reef."""
LONG = 32  # frames in windows of 16
STEPS, CFG = 10, 2.0
SAMPLER, SCHEDULER = "dpmpp_2m", "karras"
SEED = 28  # of FISH: one of 43 without a fault among 100, and most rows with it have none
DEEP_SEED = 74  # of BLUE: the best of 100
ZOOM_SEED = 4  # of YELLOW with ZOOM: without a fault; where the detector found less of 100, the zoom shows less
SILENT_SEED = 91_002  # of SILENT: the fish swims to the right; the 20 most promising of 100 kept no direction
LONG_SEED = 73  # of FISH in windows: one of 6 without a fault among 100; seed 9 has less in all rows, but loses the eye
TRAVEL_SEED = 1  # of a prompt that changes; seed 8, the best of 100 in all rows, loses the fish's eye
SHOWN, SIDE = 5, 128  # frames of a strip, and pixels of each
WIDTH = width(SHOWN, SIDE)
PLOT = 384  # pixels of a plot, which is enlarged to WIDTH: its numbers are legible in the help panel, 282 pixels wide


def applied(motion: Node = MOTION, **settings: Any) -> Node:
    """The miniature with motion."""
    return node("KinemaApplyMotionModel", model=MINIATURE, motion_model=motion, **settings)


MOVING = applied()


def windows(**settings: Any) -> Node:
    return node("KinemaContextWindows", model=MOVING, length=16, **settings)


def text(prompt: str) -> Node:
    return node("CLIPTextEncode", clip=CLIP, text=prompt)


def latent(frames: int) -> Node:
    return node("EmptyLatentImage", width=SIDE, height=SIDE, batch_size=frames)


def animation(
    model: Any = MOVING, prompt: str | Node = FISH, frames: int = 16, seed: int = SEED, **sampler: Any
) -> Node:
    """IMAGE: the frames that KSampler makes of `model`."""
    settings = {"steps": STEPS, "cfg": CFG, "sampler_name": SAMPLER, "scheduler": SCHEDULER, "denoise": 1.0} | sampler
    positive = prompt if isinstance(prompt, Node) else text(prompt)
    ends = {"model": model, "positive": positive, "negative": text(""), "latent_image": latent(frames)}
    return decoded(node("KSampler", seed=seed, **ends, **settings))


def followed() -> tuple[Row, ...]:
    """A reference, an animation whose prompt does not say where the fish swims, and the same that follows the reference."""
    reference = animation(prompt=YELLOW, seed=ZOOM_SEED)
    following = node("KinemaMotionFromVideo", model=MOVING, images=reference, vae=VAE, level="fine")
    free = animation(prompt=SILENT, seed=SILENT_SEED)
    return Row(reference, (YELLOW,)), Row(free, ()), Row(animation(following, SILENT, seed=SILENT_SEED), ())


def sampled_at(sigmas: Node) -> Node:
    """IMAGE: the frames that SamplerCustom makes at these noise levels."""
    ends = {"model": MOVING, "positive": text(FISH), "negative": text(""), "latent_image": latent(16)}
    sampler = node("KSamplerSelect", sampler_name="euler")
    return decoded(
        node("SamplerCustom", add_noise=True, noise_seed=SEED, cfg=CFG, sampler=sampler, sigmas=sigmas, **ends)
    )


def travel(frames: int) -> Node:
    return node("KinemaPromptTravel", clip=CLIP, prompts=f"0: {LAGOON}\n-1: {DEEP}", frames=frames)


def decoded(samples: Node) -> Node:
    return node("VAEDecode", samples=samples, vae=VAE)


def endless(frames: int) -> Node:
    """IMAGE: the frames that Endless Animation makes, with a queue of one window."""
    ends = {"model": MOVING, "positive": text(FISH), "negative": text(""), "vae": VAE, "latent": latent(1)}
    queue = {"scheduler": "simple", "window_length": 16, "steps": 16, "lookahead": True}
    file = {"fps": 8.0, "filename_prefix": "help"}
    made = node("KinemaEndlessAnimation", frames=frames, seed=SEED, cfg=CFG, **ends, **queue, **file)
    return node("GetVideoComponents", video=made)


def floats(*numbers: float) -> Node:
    values = {f"inputs.input{i}": node("PrimitiveFloat", value=number) for i, number in enumerate(numbers)}
    return node("CreateList", **values)


def plotted(curve: Any, frames: int = 16) -> Node:
    """IMAGE: the curve as Plot Curve draws it."""
    return node("KinemaPlotCurve", curve=curve, frames=frames, steps=STEPS, scheduler=SCHEDULER, width=PLOT)


def measured(**animations: Node | Output) -> Node:
    """IMAGE: Metrics Plot of animations by their labels."""
    results = {
        f"results.metrics{number}": node("KinemaAnimationMetrics", images=images)
        for number, images in enumerate(animations.values())
    }
    labels = "\n".join(label.replace("_", " ") for label in animations)
    return node("KinemaMetricsPlot", labels=labels, width=PLOT, **results)


def seeds_in(prompt: Prompt) -> list[int]:
    """Those of the samplers, each once."""
    given = {each["inputs"].get(name) for each in prompt.values() for name in ("seed", "noise_seed")}
    return sorted(seed for seed in given if isinstance(seed, int))
