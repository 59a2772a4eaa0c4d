"""One model call on videos by seed, and what the authors of every family compute in it, apart from Kinema's code."""

import families
import tiny
import torch

from kinema.motion.spec import NormPolicy
from kinema.sampling.modules.hooks import motion_inside

FRAMES = 6
SIZE = 16  # at 8 the deepest norms see two numbers each, and make the rounding of any program ten times larger
TIMESTEP = 321
ORIGINAL = {  # a weight set per family in AnimateDiff's own names, for the oracle
    "v1": lambda: tiny.motion_weights(positions=24),
    "v2": lambda: tiny.motion_weights(mid=True),
    "v3": lambda: tiny.motion_weights(),
    "long": lambda: tiny.motion_weights(mid=True, positions=128),
    "long32": lambda: tiny.motion_weights(mid=True, positions=64),
    "lightning": lambda: tiny.motion_weights(mid=True),
    "animatelcm": lambda: tiny.motion_weights(mid=True, positions=None),
    "animatelcm_i2v": lambda: tiny.motion_weights(mid=True, positions=None),
    "pia": lambda: tiny.motion_weights(),
    "sdxl": families.sdxl,
    "hotshotxl": lambda: families.sdxl(24),
}
# What the authors of each family normalise jointly over frames, stated here once more (published model code)
AUTHORS = {
    "v1": NormPolicy(resnet="joint"), "pia": NormPolicy(resnet="joint"), "hotshotxl": NormPolicy(resnet="joint"),
    "sdxl": NormPolicy(module="joint"),
}  # fmt: skip


def original(family):
    """A weight set of `family` in AnimateDiff's own names."""
    kind = next(kind for kind in families.KINDS.values() if kind.family == family)
    return ORIGINAL.get(family, kind.make)()


def videos_and_contexts():
    return [tiny.latents(FRAMES, SIZE, seed=s) for s in (1, 2)], [tiny.conditioning(s)[0][0] for s in (3, 4)]


def run(model, motion, videos, contexts):
    """The UNet's prediction for all `videos` together, in its own precision."""
    unet = model.model.diffusion_model
    x = torch.cat(videos).to(unet.dtype)
    context = torch.cat([c.expand(FRAMES, -1, -1) for c in contexts]).to(unet.dtype)
    with torch.no_grad(), motion_inside(unet, [motion], FRAMES):
        return unet(x, torch.full((len(x),), float(TIMESTEP)), context=context)
