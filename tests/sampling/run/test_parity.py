"""The whole UNet against diffusers' with the same weights: every family, batched and apart; other programs' norms."""

from dataclasses import replace

import families
import oracle
import pytest
import tiny
import torch

from kinema.motion.families import FAMILIES
from kinema.motion.load import load_motion_model
from kinema.motion.spec import NormPolicy
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.hooks import motion_inside, plain_motion
from kinema.sampling.run.attach import attach

FRAMES = 6
SIZE = 16  # at 8 the deepest norms see two numbers each, and make the rounding of any program ten times larger
TIMESTEP = 321
ORIGINAL = {  # for the oracle: a weight set in AnimateDiff's own names, of families whose files have others, or more
    "animatelcm_i2v": lambda: tiny.motion_weights(mid=True, positions=None),
    "pia": lambda: tiny.motion_weights(),
    "hotshotxl": lambda: families.sdxl(24),
}
# What the authors of each family normalise jointly over frames, stated here once more (published model code)
AUTHORS = {
    "v1": NormPolicy(resnet="joint"), "pia": NormPolicy(resnet="joint"), "hotshotxl": NormPolicy(resnet="joint"),
    "sdxl": NormPolicy(module="joint"),
}  # fmt: skip


def kind_of(family):
    return next(kind for kind in families.KINDS.values() if kind.family == family)


def original(family):
    return ORIGINAL.get(family, kind_of(family).make)()


def load(family, folder):
    kind = kind_of(family)
    return load_motion_model(tiny.save(kind.make(), folder / kind.file)).model, kind.base


def videos_and_contexts():
    return [tiny.latents(FRAMES, SIZE, seed=s) for s in (1, 2)], [tiny.conditioning(s)[0][0] for s in (3, 4)]


@pytest.mark.parametrize("family", FAMILIES)
def test_equals_the_authors(family, tmp_path):
    model, base = load(family, tmp_path)
    image_model = tiny.image_model(base, seed=7)
    assert model.spec.family.name == family
    theirs = oracle.build(image_model, original(family), AUTHORS.get(family, NormPolicy()), frames=FRAMES)
    videos, contexts = videos_and_contexts()
    expected = [oracle.predict(theirs, x, TIMESTEP, c) for x, c in zip(videos, contexts, strict=True)]

    apart = [run(image_model, plain_motion(model), [x], [c]) for x, c in zip(videos, contexts, strict=True)]
    together = run(image_model, plain_motion(model), videos, contexts).split(FRAMES)
    for result in (apart, together):
        for ours, reference in zip(result, expected, strict=True):
            assert (ours - reference).abs().max() <= 1e-5 * reference.abs().max()
    still = run(image_model, replace(plain_motion(model), controls={}), videos[:1], contexts[:1])
    assert (still - expected[0]).abs().max() > 0.05 * expected[0].abs().max()


@pytest.mark.parametrize("family", ["v1", "v2", "v3"])
@pytest.mark.parametrize("batched", [True, False])
def test_a_step_of_the_hosts_sampler_equals_the_authors(family, batched, tmp_path, monkeypatch):
    """From pure noise in one step of Euler with CFG, cond and uncond in one call or in two."""
    file = tiny.save(original(family), tmp_path / f"{family}.safetensors")
    animated = attach(tiny.image_model(seed=7), load_motion_model(file), Applied())
    theirs = oracle.build(animated, original(family), AUTHORS.get(family, NormPolicy()), frames=FRAMES)
    noise = tiny.latents(FRAMES, SIZE)
    cond, uncond = (oracle.predict(theirs, noise, 999, tiny.conditioning(seed)[0][0]) for seed in (3, 4))
    sigma = animated.get_model_object("model_sampling").sigma_max
    expected = noise * (1 + sigma**2) ** 0.5 - sigma * (uncond + 4.0 * (cond - uncond))
    if not batched:
        monkeypatch.setattr(animated.model, "memory_required", lambda *a, **k: 1e30)
    out = tiny.sample(animated, FRAMES, steps=1, cfg=4.0, latent=torch.zeros_like(noise), noise=noise) * 0.18215
    assert (out - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("family", ["v1", "v2", "sdxl", "hotshotxl"])
@pytest.mark.parametrize("implementation", ["diffusers", "AnimateDiff-Evolved"])
def test_equals_other_programs(family, implementation, tmp_path):
    model, base = load(family, tmp_path)
    image_model = tiny.image_model(base, seed=7)
    joint = implementation == "AnimateDiff-Evolved" and family != "v2"
    policy = (
        NormPolicy(module="joint")
        if implementation == "diffusers"
        else NormPolicy(*3 * ("joint" if joint else "frame",))
    )
    theirs = oracle.build(image_model, original(family), policy, frames=FRAMES)
    videos, contexts = videos_and_contexts()
    ours = run(image_model, plain_motion(model, FAMILIES[family].norms_like(implementation)), videos, contexts)
    reference = torch.cat([oracle.predict(theirs, x, TIMESTEP, c) for x, c in zip(videos, contexts, strict=True)])
    assert (ours - reference).abs().max() <= 1e-5 * reference.abs().max()


def test_which_families_the_peer_normalises_over_all_frames():
    joint = {name for name, family in FAMILIES.items() if family.evolved == "joint"}
    assert joint == {"v1", "long", "pia", "sdxl", "hotshotxl"}  # those that it takes for v1, by mid block and positions


def run(model, motion, videos, contexts):
    unet = model.model.diffusion_model
    x = torch.cat(videos)
    context = torch.cat([c.expand(FRAMES, -1, -1) for c in contexts])
    with torch.no_grad(), motion_inside(unet, [motion], FRAMES):
        return unet(x, torch.full((len(x),), float(TIMESTEP)), context=context)
