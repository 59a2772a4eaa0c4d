"""The whole UNet against diffusers' with the same weights: every family, batched and apart; other programs' norms."""

from dataclasses import replace

import exact
import families
import oracle
import pytest
import tiny
import torch
from authors import AUTHORS, FRAMES, ORIGINAL, SIZE, TIMESTEP, original, run, videos_and_contexts
from compare import ONE_CALL, ONE_CALL_IN_FLOAT32, assert_alike, assert_other

from kinema.motion.detect import detect
from kinema.motion.families import FAMILIES
from kinema.motion.files import TensorInfo
from kinema.motion.load import load_motion_model
from kinema.motion.spec import NormPolicy
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.hooks import plain_motion
from kinema.sampling.run.attach import attach


def kind_of(family):
    return next(kind for kind in families.KINDS.values() if kind.family == family)


def load(family, folder):
    kind = kind_of(family)
    return load_motion_model(tiny.save(kind.make(), folder / kind.file)).model, kind.base


@pytest.mark.parametrize(
    ("family", "models", "within"),
    [*((family, exact, ONE_CALL) for family in FAMILIES), ("v3", tiny, ONE_CALL_IN_FLOAT32)],
)
def test_equals_the_authors(family, models, within, tmp_path):
    model, base = load(family, tmp_path)
    image_model = models.image_model(base, seed=7)
    assert model.spec.family.name == family
    theirs = oracle.build(image_model, original(family), AUTHORS.get(family, NormPolicy()), frames=FRAMES)
    videos, contexts = videos_and_contexts()
    expected = [oracle.predict(theirs, x, TIMESTEP, c) for x, c in zip(videos, contexts, strict=True)]

    apart = [run(image_model, plain_motion(model), [x], [c]) for x, c in zip(videos, contexts, strict=True)]
    together = run(image_model, plain_motion(model), videos, contexts).split(FRAMES)
    for result in (apart, together):
        for ours, reference in zip(result, expected, strict=True):
            assert_alike(ours, reference, within)
    still = run(image_model, replace(plain_motion(model), controls={}), videos[:1], contexts[:1])
    assert_other(still, expected[0], by=0.05)


@pytest.mark.parametrize("family", ["v1", "v2", "v3"])
def test_a_step_of_the_hosts_sampler_equals_the_authors(family, tmp_path, monkeypatch):
    """From pure noise in one step of Euler with CFG, cond and uncond in one call or in two."""
    file = tiny.save(ORIGINAL[family](), tmp_path / f"{family}.safetensors")
    animated = attach(exact.image_model(seed=7), load_motion_model(file), Applied())
    theirs = oracle.build(animated, ORIGINAL[family](), AUTHORS.get(family, NormPolicy()), frames=FRAMES)
    noise = tiny.latents(FRAMES, SIZE)
    cond, uncond = (oracle.predict(theirs, noise, 999, tiny.conditioning(seed)[0][0]) for seed in (3, 4))
    sigma = animated.get_model_object("model_sampling").sigma_max
    expected = noise * (1 + sigma**2) ** 0.5 - sigma * (uncond + 4.0 * (cond - uncond))

    def out():
        return tiny.sample(animated, FRAMES, steps=1, cfg=4.0, latent=torch.zeros_like(noise), noise=noise) * 0.18215

    assert_alike(out(), expected, within=ONE_CALL)
    monkeypatch.setattr(animated.model, "memory_required", lambda *a, **k: 1e30)  # the host then runs one by one
    assert_alike(out(), expected, within=ONE_CALL)


@pytest.mark.parametrize("family", ["v1", "v2", "sdxl", "hotshotxl"])
@pytest.mark.parametrize("implementation", ["diffusers", "AnimateDiff-Evolved"])
def test_equals_other_programs(family, implementation, tmp_path):
    model, base = load(family, tmp_path)
    image_model = exact.image_model(base, seed=7)
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
    assert_alike(ours, reference, within=ONE_CALL)


@pytest.mark.parametrize("kind", families.KINDS.values(), ids=lambda kind: kind.file)
def test_which_files_the_peer_normalises_over_all_frames(kind):
    """To it a mid block is v2 and 32 positions without one are v3, of SD1.5. All else is v1 or PIA, and joint."""
    weights = kind.make()
    mid = any("mid_block" in key for key in weights)
    positions = {w.shape[-2] for key, w in weights.items() if key.endswith((".pe", ".positional_encoding"))}
    pia = kind.family == "pia"
    apart = kind.base == "sd15" and not pia and (mid or positions == {32})
    statistics = "frame" if apart else "joint"
    spec, _ = detect({key: TensorInfo(tuple(w.shape), w.dtype) for key, w in weights.items()}, kind.file)
    assert spec.norms_like("AnimateDiff-Evolved") == NormPolicy(*3 * (statistics,))
