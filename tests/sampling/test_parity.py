"""The whole UNet against diffusers' with the same weights, for every version, batched and apart."""

import pytest
import tiny
import torch
from kinema.motion.load import load_motion_model
from kinema.sampling.inside import Motion, motion_inside

import oracle

FRAMES = 6
TIMESTEP = 321


@pytest.mark.parametrize("version", tiny.VERSIONS)
def test_equals_the_authors_unet(version, tmp_path):
    model = tiny.image_model(seed=7)
    weights = tiny.VERSIONS[version](seed=8)
    motion = Motion(load_motion_model(tiny.save(weights, tmp_path / "mm.safetensors")).model)
    assert motion.model.spec.family.name == version
    theirs = oracle.build(model, weights, frames=FRAMES, joint_resnets=version == "v1")
    videos = [tiny.latents(FRAMES, seed=seed) for seed in (1, 2)]
    contexts = [tiny.conditioning(seed)[0][0] for seed in (3, 4)]
    expected = [oracle.predict(theirs, x, TIMESTEP, c) for x, c in zip(videos, contexts, strict=True)]

    apart = [run(model, motion, [x], [c]) for x, c in zip(videos, contexts, strict=True)]
    together = run(model, motion, videos, contexts).split(FRAMES)
    for result in (apart, together):
        for ours, reference in zip(result, expected, strict=True):
            assert (ours - reference).abs().max() <= 1e-5 * reference.abs().max()
    still = run(model, motion, videos[:1], contexts[:1], strength=0.0)
    assert (still - expected[0]).abs().max() > 0.05 * expected[0].abs().max()


def run(model, motion, videos, contexts, strength=1.0):
    unet = model.model.diffusion_model
    x = torch.cat(videos)
    context = torch.cat([c.expand(FRAMES, -1, -1) for c in contexts])
    with torch.no_grad(), motion_inside(unet, [Motion(motion.model, strength)], FRAMES):
        return unet(x, torch.full((len(x),), float(TIMESTEP)), context=context)
