"""A sampling step whose strength, attention, guidance and enhancement are curves over all they can vary over ÷ numbers."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import comfy.sample
import torch

from kinema.sampling.call.frames import Frames
from kinema.sampling.call.moment import Curve, Moment
from kinema.sampling.call.progress import Progress
from kinema.sampling.curves.curve import Blocks, Combined, Constant, OverBlocks, OverPicture, as_curve
from kinema.sampling.curves.curve_keys import OverFrames, OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.guidance.animation_guidance import Guidance
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.controls import Shared, Values, motion_of
from kinema.sampling.modules.enhance_motion import Enhance
from kinema.sampling.run.animation import animation_of
from kinema.sampling.run.attach import attach, changed
from tools.bench import windows
from tools.bench.measure import Options, Result, interleaved, peak_bytes

STRENGTH, ATTENTION, CFG, WEIGHT = 0.9, 1.1, 3.0, 2.0


@torch.inference_mode()
def run(options: Options) -> Iterator[Result]:
    image_model, motion = windows.models()
    places = _places(options.size)
    strength = _varied(STRENGTH, places, blocks=True)
    attention = _varied(ATTENTION, places, blocks=True)

    def made(how: Applied, cfg: float | Curve, weight: float | Curve) -> Any:
        return changed(changed(attach(image_model, motion, how), guidance=Guidance(cfg)), enhance=Enhance(weight))

    numbers = made(Applied(STRENGTH, attention=ATTENTION), CFG, WEIGHT)
    how = Applied(strength, attention=attention)
    curves = made(how, _varied(CFG, places), _varied(WEIGHT, places))
    step = partial(_step, frames=options.frames, size=options.size)
    things: dict[str, Callable[[], object]] = {"numbers": lambda: step(numbers), "curves": lambda: step(curves)}
    seconds = interleaved(things, options.rounds)
    what = f"{options.frames} frames of {options.size}², cfg"
    yield Result(f"{what}: a step with numbers", seconds["numbers"], "s")
    yield Result(f"{what}: curves on everything ÷ numbers", seconds["curves"] / seconds["numbers"], target=1.01)
    books = interleaved({"books": partial(_books, curves, motion, how, options)}, 20)["books"]
    yield Result(f"{what}: working out the curves ÷ a step", books / seconds["numbers"], target=0.005)
    for name, thing in things.items():
        yield Result(f"{what}: peak memory with {name}", peak_bytes(thing) / 2**20, "MiB")


def _places(size: int) -> Curve:
    ramp = torch.linspace(0.9, 1.1, size // 8)
    return OverPicture(ramp.expand(1, size // 8, size // 8))


def _varied(value: float, places: Curve, blocks: bool = False) -> Curve:
    """A curve around `value` over frames, steps and places, and over `blocks`."""
    parts: list[Curve] = [
        OverFrames(read_keys("0: 0.9, -1: 1.1 ease in")),
        OverRun(read_keys("0%: 1.1, 100%: 0.9")),
        places,
    ]
    if blocks:
        parts.append(OverBlocks(((Blocks("up"), Constant(1.1)), (Blocks("up", 1, 2, 1), Constant(0.9)))))
    curve = as_curve(value)
    for part in parts:
        curve = Combined("multiply", curve, part)
    return curve


def _step(model: Any, frames: int, size: int) -> None:
    """One step of the host's sampler, with guidance."""
    empty = torch.zeros(frames, 4, size // 8, size // 8)
    text = [[torch.zeros(1, 77, 768), {}]]
    noise = torch.randn_like(empty)
    comfy.sample.sample(model, noise, 1, CFG, "euler", "normal", text, text, empty, disable_pbar=True, seed=1)


def _books(model: Any, motion: Any, how: Applied, options: Options) -> None:
    """What a model call does for curves before the UNet begins."""
    sampling, size = model.get_model_object("model_sampling"), (options.size // 8, options.size // 8)
    sigma = sampling.sigma_max
    moment = Moment(
        Frames(options.frames, tuple(range(options.frames)), options.frames), size,
        Progress(sigma, sampling, torch.stack([sigma, sigma * 0])),
    )  # fmt: skip
    enhance = animation_of(model.model_options).enhance
    motion_of(motion, how, Shared(Values(moment, sigma.device, size), enhance=enhance))
