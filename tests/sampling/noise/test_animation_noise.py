"""The noise of animations: its statistics, its seeds, its layers, and how samplers get it."""

import comfy.sample
import comfy.samplers
import pytest
import tiny
import torch
from comfy_extras.nodes_custom_sampler import Guider_Basic, Noise_RandomNoise, SamplerCustomAdvanced
from compare import assert_alike

from kinema.sampling.latents.text2video_zero import MotionField
from kinema.sampling.noise.animation_noise import AnimationNoise, lay
from kinema.sampling.noise.noise_layers import MODES, NoiseLayer
from kinema.sampling.noise.noise_pattern import KINDS, NoisePattern
from kinema.sampling.noise.noise_seeds import FrameSeeds, read_seeds
from kinema.sampling.run.animation import Animation, animation_of
from kinema.sampling.run.attach import changed

PLAIN = FrameSeeds(7)


def of(kind="independent", correlation=0.0, length=16, overlap=4, seeds=PLAIN, **more):
    return NoiseLayer(NoisePattern(kind, correlation, length, overlap), seeds, **more)


def drawn(noise, frames=24, size=32, **latent):
    return noise.generate_noise({"samples": torch.zeros(frames, 4, size, size), **latent})


def only(*args, **kwargs):
    return lay(of(*args, **kwargs), None)


def correlations(noise):
    """Of the frames with each other, (f, f)."""
    return torch.corrcoef(noise.flatten(1))


def is_unit(noise):
    """4096 numbers a frame: the standard error of a mean is 0.016, of a variance 0.022."""
    means, variances = noise.flatten(1).mean(1), noise.flatten(1).var(1)
    return bool(means.abs().max() < 0.08 and (variances - 1).abs().max() < 0.12)


@pytest.mark.parametrize("correlation", [0.0, 0.5])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "empty"])
def test_every_pattern_is_unit_noise(kind, correlation):
    assert is_unit(drawn(only(kind, correlation)))


def test_empty_noise_is_none(model):
    assert not drawn(only("empty", 0.5)).any()
    zeros = torch.zeros(4, 4, 4, 4)
    assert torch.equal(sample(changed(model, noise=only("empty"))), sample(model, noise=zeros))


def test_independent_is_the_hosts_noise():
    assert torch.equal(drawn(only()), comfy.sample.prepare_noise(torch.zeros(24, 4, 32, 32), 7))


def test_independent_frames_do_not_correlate():
    assert (correlations(drawn(only())) - torch.eye(24)).abs().max() < 0.09


def test_constant_and_repeated():
    constant, repeated = drawn(only("constant")), drawn(only("repeated", length=10))
    assert torch.equal(constant, constant[:1].expand_as(constant))
    assert torch.equal(repeated[10:20], repeated[:10]) and torch.equal(repeated[20:], repeated[:4])
    assert (correlations(repeated[:10]) - torch.eye(10)).abs().max() < 0.09


def test_freenoise_gives_later_windows_the_noise_of_the_first():
    noise = drawn(only("FreeNoise", length=8, overlap=2), frames=14)
    first = {frame.sum().item() for frame in noise[:8]}
    assert len(first) == 8 and all(frame.sum().item() in first for frame in noise[8:])


@pytest.mark.parametrize("correlation", [0.3, 0.8, 1.0])
def test_neighbours_correlate_as_asked(correlation):
    found = correlations(drawn(only(correlation=correlation)))
    apart = (torch.arange(24)[:, None] - torch.arange(24)).abs()
    assert (found - correlation**apart).abs().max() < 0.09


@pytest.mark.parametrize("kind", ["independent", "constant", "repeated"])
@pytest.mark.parametrize("seeds", [PLAIN, FrameSeeds(7, per_frame=True), FrameSeeds(own=(3, 1))])
def test_a_longer_video_begins_like_a_shorter_one(kind, seeds):
    noise = only(kind, 0.4, seeds=seeds)
    assert torch.equal(drawn(noise, 20)[:11], drawn(noise, 11))


def test_freenoise_is_stable_up_to_the_last_whole_stretch():
    noise = only("FreeNoise", length=8, overlap=2)
    assert torch.equal(drawn(noise, 26)[:20], drawn(noise, 20))
    assert not torch.equal(drawn(noise, 25)[:24], drawn(noise, 24))


@pytest.mark.parametrize("kind", KINDS)
def test_batch_index_names_frames(kind):
    """As in the host: LatentFromBatch hands single frames to a second sampler, and they keep their noise."""
    noise = only(kind, 0.4, length=4, overlap=1)
    picked = [5, 6, 9]
    assert torch.equal(drawn(noise, 3, batch_index=picked), drawn(noise, 10)[picked])
    plain = Noise_RandomNoise(7).generate_noise({"samples": torch.zeros(3, 4, 32, 32), "batch_index": picked})
    assert torch.equal(drawn(only(), 3, batch_index=picked), plain)


def test_first_frame_continues_a_video():
    assert torch.equal(drawn(only(correlation=0.4, first_frame=16), 8), drawn(only(correlation=0.4), 24)[16:])


def test_a_seed_for_each_frame():
    def alone(seed):
        return comfy.sample.prepare_noise(torch.zeros(1, 4, 32, 32), seed)

    counted = drawn(only(seeds=FrameSeeds(40, per_frame=True)), 3)
    assert torch.equal(counted, torch.cat([alone(40), alone(41), alone(42)]))
    listed = drawn(only(seeds=FrameSeeds(own=(42, 42, 7))), 4)
    assert torch.equal(listed, torch.cat([alone(42), alone(42), alone(7), alone(8)]))


def test_seeds_as_people_write_them():
    assert read_seeds(" 42, 42,7 8 ") == (42, 42, 7, 8) and read_seeds("") == ()
    with pytest.raises(ValueError, match=r'^"-3" is not a seed. Write whole numbers of 0 or more, separated by commas'):
        read_seeds("1, -3")


def test_an_overlap_that_cannot_be():
    with pytest.raises(ValueError, match="An overlap of 16 is not smaller than the window of 16 frames"):
        NoisePattern("FreeNoise", length=16, overlap=16)


# Layers


def half(size=32):
    mask = torch.zeros(1, size * 8, size * 8)
    mask[:, :, size * 4 :] = 1.0
    return mask


@pytest.mark.parametrize("beneath", [only("constant"), Noise_RandomNoise(7), None])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_layers_keep_unit_variance(mode, masked, beneath):
    soft = torch.linspace(0, 1, 32).expand(1, 32, 32) if masked else None
    assert is_unit(drawn(lay(of(mode=mode, weight=0.3, mask=soft), beneath)))


def test_replace_under_a_mask():
    beneath, above = only("constant"), of(seeds=FrameSeeds(9), mask=half())
    noise = drawn(lay(above, beneath))
    assert torch.equal(noise[..., :15], drawn(beneath)[..., :15])
    assert (correlations(noise[..., 17:]) - torch.eye(24)).abs().max() < 0.12


def test_masks_may_differ_from_frame_to_frame():
    masks = torch.stack([torch.full((8, 8), float(frame % 2)) for frame in range(6)])
    beneath = Noise_RandomNoise(3)
    noise = drawn(lay(of(mask=masks), beneath), 6)
    same = [torch.equal(a, b) for a, b in zip(noise, drawn(beneath, 6), strict=True)]
    assert same == [True, False] * 3


@pytest.mark.parametrize(("mode", "shares"), [("blend", (0.7, 0.3)), ("add", (1.0, 0.3))])
def test_blend_and_add_in_numbers(mode, shares):
    beneath = Noise_RandomNoise(3)
    noise, old = drawn(lay(of(mode=mode, weight=0.3), beneath)), drawn(beneath)
    norm = (shares[0] ** 2 + shares[1] ** 2) ** 0.5
    own = (noise * norm - shares[0] * old) / shares[1]
    assert is_unit(own)
    assert abs(torch.corrcoef(torch.stack([own.flatten(), old.flatten()]))[0, 1]) < 0.02
    assert abs(torch.corrcoef(torch.stack([noise.flatten(), old.flatten()]))[0, 1] - shares[0] / norm) < 0.02


def test_layers_of_one_seed_are_independent():
    blended = drawn(lay(of(mode="blend", weight=0.5), only()))
    assert is_unit(blended) and not torch.allclose(blended, drawn(only()))


# On a MODEL


def sample(model, frames=4, **more):
    """Two steps of a small video, without guidance."""
    return tiny.sample(model, frames, **{"size": 4, "cfg": 1.0, **more})


def test_independent_on_a_model_changes_nothing(model):
    for sampler in ("euler", "dpmpp_2m"):
        assert torch.equal(
            sample(changed(model, noise=only(seeds=FrameSeeds())), sampler=sampler),
            sample(model, sampler=sampler),
        )


def test_the_sampler_starts_from_the_noise(model):
    model = changed(model, noise=only("constant", seeds=FrameSeeds()))
    result = sample(model)
    assert_alike(result, result[:1].expand_as(result))
    assert not torch.allclose(sample(model, seed=6), result, atol=1e-2)


def test_noise_and_model_agree(model):
    """A seed of 5 in the node and 0 in the sampler is a seed of 0 in the node and 5 in the sampler, and the NOISE of 5."""
    empty = torch.zeros(4, 4, 4, 4)
    layer = of("FreeNoise", 0.3, 2, 1, FrameSeeds(5))
    by_node = sample(changed(model, noise=lay(layer, None)), seed=0)
    by_sampler = sample(changed(model, noise=only("FreeNoise", 0.3, 2, 1, FrameSeeds())), seed=5)
    by_noise = sample(model, noise=lay(layer, None).generate_noise({"samples": empty}))
    assert torch.equal(by_node, by_noise)
    assert torch.equal(by_node, by_sampler)


def test_batch_index_reaches_the_model(model):
    model = changed(model, noise=only(seeds=FrameSeeds()))
    empty = torch.zeros(2, 4, 4, 4)
    few = sample(model, 2, noise=comfy.sample.prepare_noise(empty, 5, [1, 3]))
    both = sample(model, 4)[[1, 3]]
    assert_alike(few, both)


def test_samplers_that_add_no_noise_get_none(model):
    zeros, latent = torch.zeros(4, 4, 4, 4), tiny.latents(4, 4)
    plain = sample(model, noise=zeros, latent=latent)
    assert torch.equal(sample(changed(model, noise=only("constant")), noise=zeros, latent=latent), plain)


def test_noise_connected_twice_is_arranged_once(model):
    noise = only(correlation=0.6)
    sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "normal", 2)
    results = []
    for patched in (model, changed(model, noise=noise)):
        guider = Guider_Basic(patched)
        guider.set_conds(tiny.conditioning())
        latent = {"samples": torch.zeros(4, 4, 4, 4)}
        sampler = comfy.samplers.sampler_object("euler")
        results.append(SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, latent)[0]["samples"])
    assert torch.equal(*results)


ANCESTRAL = ["euler_ancestral", "dpm_2_ancestral", "dpmpp_2s_ancestral", "ddpm", "lcm"]
SDE = ["dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde"]


@pytest.mark.parametrize("sampler", [*ANCESTRAL, *SDE])
def test_steps_get_the_same_noise(model, sampler):
    """With constant noise at the start and at all steps, frames that do not know each other stay equal."""
    result = sample(changed(model, noise=only("constant")), sampler=sampler, steps=3)
    assert_alike(result, result[:1].expand_as(result))
    assert not torch.allclose(result, sample(model, sampler=sampler, steps=3), atol=1e-2)


@pytest.mark.parametrize("sampler", ["euler_ancestral", "dpmpp_sde"])
def test_start_only_leaves_the_steps_to_the_sampler(model, sampler):
    start = lay(of("FreeNoise", length=2, overlap=1), None, start_only=True)
    by_hand = start.noise(5, {"samples": torch.zeros(4, 4, 4, 4)}, range(4))
    assert torch.equal(
        sample(changed(model, noise=start), seed=5, sampler=sampler, steps=3),
        sample(model, noise=by_hand, seed=5, sampler=sampler, steps=3),
    )


def test_start_only_leaves_the_steps_to_the_layers_beneath():
    beneath, above = only("constant"), of("repeated", length=2, overlap=1, mode="blend")
    assert lay(above, beneath, start_only=True).step_layers == beneath.layers
    assert lay(above, lay(of(), None, start_only=True)).step_layers == lay(above, None).layers
    assert lay(of(), beneath, start_only=True).step_layers == beneath.layers
    assert lay(above, beneath).step_layers == lay(above, beneath).layers


@pytest.mark.parametrize("sampler", ["euler_ancestral", "dpmpp_sde"])
def test_frames_of_a_longer_video_get_the_same_steps(model, sampler):
    model = changed(model, noise=only(correlation=0.3))
    long, short = (sample(model, frames, sampler=sampler) for frames in (6, 4))
    assert_alike(long[:4], short)


@pytest.mark.parametrize("path", [None, (torch.tensor(0.1), torch.tensor(10.0))])
def test_noise_of_steps_is_unit_noise_in_the_pattern(path):
    source = only(correlation=0.8).at_steps(3, torch.zeros(12, 4, 32, 32), path)
    levels = torch.tensor([8.0, 4.0, 2.0])
    one, two = source(levels[0], levels[1]), source(levels[1], levels[2])
    for noise in (one, two):
        apart = (torch.arange(12)[:, None] - torch.arange(12)).abs()
        assert is_unit(noise) and (correlations(noise) - 0.8**apart).abs().max() < 0.09
    assert torch.corrcoef(torch.stack([one.flatten(), two.flatten()]))[0, 1].abs() < 0.03


def test_steps_of_layers_keep_their_masks():
    noise = lay(of("constant", mask=half()), Noise_RandomNoise(3))
    step = noise.at_steps(0, torch.zeros(6, 4, 32, 32), None)(torch.ones(()), torch.ones(()))
    right = step[..., 17:]
    assert torch.equal(right, right[:1].expand_as(right)) and not torch.equal(step[0, ..., :15], step[1, ..., :15])


def test_nothing_is_left_behind(model):
    sampler = comfy.samplers.sampler_object("euler_ancestral")
    animated = changed(model, noise=only("constant"))
    empty = torch.zeros(4, 4, 4, 4)
    sigmas = torch.tensor([5.0, 1.0, 0.0])
    run = lambda patched: comfy.sample.sample_custom(  # noqa: E731
        patched, tiny.latents(4, 4), 1.0, sampler, sigmas, tiny.conditioning(), tiny.conditioning(), empty, seed=1
    )
    before = run(model)
    run(animated)
    assert sampler.extra_options == {} and torch.equal(run(model), before)
    assert animation_of(model.model_options) == Animation()
    assert animation_of(animated.clone().model_options) == Animation(noise=only("constant"))


@pytest.mark.parametrize("first", ["noise", "zero"])
def test_beside_text2video_zero(model, first):
    field = MotionField(0.0, 0.0)
    constant = only("constant")
    if first == "noise":
        model = changed(changed(model, noise=constant), motion_field=field, first_frame=True)
    else:
        model = changed(changed(model, motion_field=field, first_frame=True), noise=constant)
    result = sample(model, sampler="euler_ancestral", steps=12)
    moved = result[1:]  # frame 0 is what they were moved from
    assert_alike(moved, moved[:1].expand_as(moved))


@pytest.mark.parametrize("kind", ["independent", "FreeNoise"])  # whose order has a seed, too
def test_seeds_go_round_at_the_largest_one(model, kind):
    """Of KSampler, of Animation Noise, of a second layer and of the second part of a run."""
    highest = 2**64 - 1

    def result(seed, own, **more):
        layers = lay(of(kind, 0.3, 2, 1, FrameSeeds(own, **more), mode="blend"), only(kind, 0.3, 2, 1, FrameSeeds(own)))
        noisy = changed(model, noise=layers, motion_field=MotionField(high=800, low=700))
        return sample(noisy, 2, seed=seed, sampler="euler_ancestral", steps=4)

    for more in ({}, {"per_frame": True}):
        assert torch.equal(result(highest, 6, **more), result(5, 0, **more))
    result(highest, 0)


def test_the_seed_that_samplers_are_told():
    assert AnimationNoise((of(),), (of(),), 7) == lay(of(), None)
