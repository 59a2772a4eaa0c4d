"""One model call, cond and uncond together: with motion ÷ without."""

from collections.abc import Callable, Iterator, Sequence
from statistics import median

import torch
from torch import nn

from kinema.sampling.modules.hooks import motion_inside, plain_motion
from tools.bench import full_size
from tools.bench.measure import Options, Result, interleaved, peak_bytes


@torch.inference_mode()
def run(options: Options) -> Iterator[Result]:
    unet = full_size.unet()
    motion = full_size.motion_model()
    theirs = full_size.diffusers_unet(unet, motion)
    x, timesteps, context = full_size.inputs(options.frames, options.size)
    frames = options.frames

    def plain() -> None:
        unet(x, timesteps, context=context)

    def with_motion() -> None:
        with motion_inside(unet, [plain_motion(motion)], frames):
            unet(x, timesteps, context=context)

    def with_diffusers() -> None:
        video = x.unflatten(0, (-1, frames)).transpose(1, 2)  # (v, c, f, h, w)
        theirs(video, timesteps[:1], context)

    ours_alone = _alone([motion.at(place) for place, _ in motion.spec.modules], with_motion, lambda m, x: m(x, frames))
    modules = full_size.diffusers_modules(theirs)
    theirs_alone = _alone(modules, with_diffusers, lambda m, x: m(x, num_frames=frames))
    floor = full_size.flops(with_motion) / full_size.flops(plain)
    seconds = interleaved({"plain": plain, "motion": with_motion, "diffusers": with_diffusers}, options.rounds)
    ratio = seconds["motion"] / seconds["plain"]
    what = f"{frames} frames of {options.size}²"
    cuda = torch.cuda.is_available()
    yield Result(f"{what}: without motion", seconds["plain"], "s")
    yield Result(f"{what}: floor by FLOPs", floor)
    yield Result(f"{what}: with motion ÷ without", ratio)
    yield Result(f"{what}: that ÷ floor", ratio / floor, target=1.10 if cuda else 1.05)
    yield Result(f"{what}: with motion ÷ diffusers", seconds["motion"] / seconds["diffusers"], target=1.0)
    seconds = interleaved({"ours": ours_alone, "theirs": theirs_alone}, options.rounds)
    yield Result(f"{what}: motion modules alone ÷ diffusers'", seconds["ours"] / seconds["theirs"], target=1.0)
    calls = {"without motion": plain, "with motion": with_motion, "diffusers": with_diffusers}
    for name, call in calls.items():
        peaks = [peak_bytes(call) for _ in range(options.rounds)]  # the allocator keeps more or less from before
        yield Result(f"{what}: peak memory {name}", median(peaks) / 2**20, "MiB")


def _alone(
    modules: Sequence[nn.Module], run: Callable[[], None], call: Callable[[nn.Module, torch.Tensor], object]
) -> Callable[[], None]:
    """The motion modules by themselves, each by `call`, on inputs of the shapes that `run` gives them."""
    shapes = dict[nn.Module, torch.Size]()

    def note(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        shapes[module] = inputs[0].shape

    hooks = [module.register_forward_pre_hook(note) for module in modules]
    run()
    for hook in hooks:
        hook.remove()
    like = next(modules[0].parameters())
    inputs = {shape: torch.randn(shape, dtype=like.dtype, device=like.device) for shape in shapes.values()}

    def alone() -> None:
        for module, shape in shapes.items():
            call(module, inputs[shape])

    return alone
