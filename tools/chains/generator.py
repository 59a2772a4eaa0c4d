"""Draws chains of the pack's nodes by seed: every node from MODEL to MODEL, with inputs that change the sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from . import motion_inputs, run_inputs
from .chain import CONDS, Chain, Node
from .draw import FEWEST_FRAMES, MOST_FRAMES, Draw
from .guides import guided

INPUTS: dict[str, Callable[[Draw], dict[str, Any]]] = {  # node id: what draws its inputs
    "ApplyMotionModel": motion_inputs.apply_motion_model,
    "AnimateDiff": motion_inputs.animatediff,
    "ContextWindows": motion_inputs.context_windows,
    "MotionWindows": motion_inputs.motion_windows,
    "WindowReference": motion_inputs.window_reference,
    "FirstFrameAttention": motion_inputs.first_frame_attention,
    "EnhanceMotion": motion_inputs.enhance_motion,
    "MotionGuidance": motion_inputs.motion_guidance,
    "MotionFromVideo": run_inputs.motion_from_video,
    "AnimationGuidance": run_inputs.animation_guidance,
    "FastSampling": run_inputs.fast_sampling,
    "AnimationNoise": run_inputs.animation_noise,
    "RefineNoise": run_inputs.refine_noise,
    "InjectImage": run_inputs.inject_image,
    "Text2VideoZero": run_inputs.text2video_zero,
    "NoiseSchedule": run_inputs.noise_schedule,
}
MOTION = ("ApplyMotionModel", "AnimateDiff")
NEED_MOTION = ("EnhanceMotion", "MotionFromVideo", "MotionGuidance", "MotionWindows")
FIRST_FRAME = ("FirstFrameAttention", "Text2VideoZero")  # whose frames attend to the first one
REPEATABLE = ("AnimationNoise", "ContextWindows", "InjectImage", "WindowReference", "ApplyMotionModel")  # act together
SAMPLERS = (
    *("euler", "heun", "dpmpp_2m", "ddim", "uni_pc", "res_multistep", "lms"),
    *("euler_ancestral", "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde", "ddpm", "lcm", "er_sde"),
)
SCHEDULERS = ("normal", "normal", "karras", "sgm_uniform", "simple", "ddim_uniform", "beta")
NATIVE = 16  # frames that a motion model learned; longer videos get windows by themselves


def chain(seed: int) -> Chain:
    """A chain of 2 to 7 nodes. Almost all of them can be sampled, and almost every node changes the result."""
    random = Random(seed)
    return _drawn(_ids(random), seed, random)


def chain_of(ids: Sequence[str], seed: int) -> Chain:
    """A chain of the nodes `ids` (without the pack's prefix) in this order, with inputs drawn by `seed`."""
    return _drawn(tuple(ids), seed, Random(seed))


def _ids(random: Random) -> tuple[str, ...]:
    """Which nodes, in which order."""
    count = random.choices((2, 3, 4, 5, 6, 7), (3, 5, 5, 4, 2, 1))[0]
    chosen = [random.choices(MOTION, (3, 1))[0]] if random.random() < 0.88 else []
    while len(chosen) < count:
        name = random.choice([name for name in INPUTS if name not in MOTION or (chosen and random.random() < 0.3)])
        if random.random() < 0.05 or not vain(name, chosen):
            chosen.append(name)
    random.shuffle(chosen)
    if "NoiseSchedule" in chosen and random.random() < 0.9:  # before a motion model, that one chooses the schedule
        chosen.sort(key=lambda name: name == "NoiseSchedule")
    return tuple(chosen)


def vain(name: str, others: Sequence[str]) -> str:
    """Why the node `name` would be refused, hidden or without effect in a chain with `others`; empty: it acts."""
    motion = any(other in MOTION for other in others)
    match name:
        case "Text2VideoZero" | "FirstFrameAttention" if set(FIRST_FRAME) & set(others) - {name}:
            return "all frames already attend to the first"
        case "WindowReference" if "ContextWindows" not in others and (not motion or "MotionWindows" in others):
            return "no windows: automatic ones need a motion model, and there are none with Motion Windows"
        case "MotionWindows" if "WindowReference" in others and "ContextWindows" not in others:
            return "it would take the automatic windows away, which Window Reference needs"
        case _ if name in NEED_MOTION and not motion:
            return "it acts on the motion modules of a motion model"
    if others.count(name) >= (2 if name in REPEATABLE else 1):
        return "another node of its kind would replace it, or make it hard to see"
    return ""


def idle(chain: Chain) -> dict[str, str]:
    """Those nodes of `chain` that are refused, hidden or without effect, and why."""
    others = {name: chain.ids[:place] + chain.ids[place + 1 :] for place, name in enumerate(chain.ids)}
    found = {name: vain(name, rest) for name, rest in others.items() if vain(name, rest)}
    if "FastSampling" in chain.ids and "AnimationGuidance" not in chain.ids and chain.cfg == 1:
        found["FastSampling"] = "at cfg 1 the negative prompt, which it would skip, is not computed anyway"
    return found


def _drawn(ids: tuple[str, ...], seed: int, random: Random) -> Chain:
    windows_by_themselves = "WindowReference" in ids and "ContextWindows" not in ids
    frames = random.randint(NATIVE + 1 if windows_by_themselves else FEWEST_FRAMES, MOST_FRAMES)
    height, width = random.choice(((8, 8), (8, 8), (8, 12), (12, 8), (16, 8))) if frames < 14 else (8, 8)
    longest = min(NATIVE, frames - 1)
    windows = tuple(random.randint(4, longest) for name in ids if name == "ContextWindows")
    whole = "Text2VideoZero" in ids or random.random() < 0.8
    run = Chain(
        seed,
        (),
        frames,
        height,
        width,
        steps=random.choice((2, 3, 3, 4)),
        cfg=round(random.uniform(1.5, 6.0), 1) if random.random() < 0.9 else 1.0,
        sampler=random.choice(SAMPLERS),
        scheduler=random.choice(SCHEDULERS),
        denoise=1.0 if whole else round(random.uniform(0.5, 0.9), 2),
        conds=random.choice(("plain", "plain", "plain", *CONDS[1:])),
        inpaints=random.random() < 0.1,
    )
    version = random.choice(("v1", "v2", "v3", "v3"))
    nodes = []
    for place, name in enumerate(ids):
        draw = Draw(random, _options, version, frames, height, width, run.denoise, windows, ids, place)
        nodes.append(Node(name, tuple(INPUTS[name](draw).items())))
    return guided(Chain(**{**vars(run), "nodes": tuple(nodes)}), version)


def _options(node: str, name: str) -> list[str]:
    """The values that the input `name` of `node` offers, as its schema says."""
    from .registry import schemas

    (found,) = (each for each in schemas()[node].inputs if each.id == name)
    return [str(option) for option in found.options]
