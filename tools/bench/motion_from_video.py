"""Motion from Video on the miniature: how many clips of other fish on other backgrounds swim as a reference does, with
prompts that do not say where, with the node and without; and what the node costs.

References swim to the left and to the right by turns. Prompts and seeds are fixed beforehand.
"""

from collections.abc import Iterator
from functools import partial
from itertools import count
from statistics import mean
from typing import Any

import comfy.sample
import torch

from kinema.miniature import models
from kinema.sampling.guidance.motion_from_video import MotionFromVideo
from kinema.sampling.run.attach import changed
from tools.bench.measure import Options, Result, interleaved
from tools.miniature import detector, judge, world
from tools.miniature.series import animated, base
from tools.miniature.world import DIRECTIONS, Scene

STEPS = 8
LEVEL = "fine"  # pictures of 128 pixels have a quarter of the detail of those of 512
FIRST_SEED = 91_000
FIRST_SCENE = 500
GOAL = 0.9


@torch.inference_mode()
def run(options: Options) -> Iterator[Result]:
    """`options.rounds` clips with the node and as many without."""
    _, clip, vae = models.load_miniature()
    model = animated(base())
    guided: dict[str, list[detector.Swim]] = {direction: [] for direction in DIRECTIONS}
    free: dict[str, list[detector.Swim]] = {direction: [] for direction in DIRECTIONS}
    for number, words in enumerate(judge.prompts(options.rounds)):
        direction = DIRECTIONS[number % 2]
        following = changed(model, from_video=MotionFromVideo(_reference(words, direction, number), vae, level=LEVEL))
        for which, swims in ((following, guided), (model, free)):
            swims[direction].append(detector.watch(_clip(which, clip, vae, words, FIRST_SEED + number)))
    for name, swims in (("with the node", guided), ("without", free)):
        for direction, seen in swims.items():
            if seen:
                yield Result(
                    f"{name}: swim {direction} as the reference", mean(s.moving == direction for s in seen), ""
                )
        both = [swim for seen in swims.values() for swim in seen]
        yield Result(f"{name}: jitter", mean(swim.jitter for swim in both), "px")
        yield Result(f"{name}: frames with a fish", mean(swim.found for swim in both), "")
    things = {
        name: partial(_clip, which, clip, vae, words, FIRST_SEED)
        for name, which in (("with", following), ("without", model))
    }
    seconds = interleaved(things, 1)
    yield Result(f"a run of {STEPS} steps: with ÷ without", seconds["with"] / seconds["without"])


def _reference(words: judge.Words, direction: str, number: int) -> torch.Tensor:
    """Pictures (f, 128, 128, 3) of a fish of another colour on another background than `words` say."""
    return torch.from_numpy(world.draw(_scene(words, direction, number))).float() / 255


def _scene(words: judge.Words, direction: str, number: int) -> Scene:
    colour, _, background = words
    for seed in count(FIRST_SCENE + 50 * number):
        shown = world.scene(seed, judge.FRAMES, across=True)
        if shown.direction == direction and shown.colour != colour and shown.background != background:
            return shown
    raise AssertionError


def _clip(model: Any, clip: Any, vae: Any, words: judge.Words, seed: int) -> judge.Pictures:
    """A clip (f, 128, 128, 3) of a prompt that says what swims, but not where."""
    colour, _, background = words
    noise = comfy.sample.prepare_noise(torch.zeros(judge.FRAMES, 4, 16, 16), seed)
    positive = clip.encode_from_tokens_scheduled(clip.tokenize(f"a {colour} fish, {background}"))
    negative = clip.encode_from_tokens_scheduled(clip.tokenize(""))
    latent = comfy.sample.sample(
        model, noise, STEPS, judge.CFG, judge.SAMPLER, judge.SCHEDULER, positive, negative, torch.zeros_like(noise),
        seed=seed, disable_pbar=True,
    )  # fmt: skip
    pictures: judge.Pictures = (vae.decode(latent).clamp(0, 1) * 255).round().byte().cpu().numpy()
    return pictures
