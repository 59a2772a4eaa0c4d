"""What must hold whatever people wire together (design, section 5), with the host's real samplers."""

from functools import partial

import comfy.model_management
import comfy.samplers
import comfy.sd
import exact
import pytest
import tiny
import torch
from batching import one_by_one
from compare import assert_alike, assert_other
from loras import official
from watching import Stop, assert_untouched, calls_of, snapshot

from kinema.motion.load import load_motion_model
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.run.attach import attach


@pytest.fixture(scope="module", params=["v1", "v2", "v3"])
def motion(request, tmp_path_factory):
    return load(tiny.VERSIONS[request.param](seed=8), tmp_path_factory.mktemp("motion"))


@pytest.fixture(scope="module")
def v3(tmp_path_factory):
    return load(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("motion"))


def sample(model, frames=4, **more):
    return tiny.sample(model, frames, size=4, **more)


def load(weights, folder):
    return load_motion_model(tiny.save(weights, folder / "mm.safetensors"))


def test_base_model_is_untouched_after_sampling(motion):
    """After a whole run, and after those that an exception and an interrupt ended."""
    model = tiny.image_model()
    before, plain = snapshot(model), sample(model)
    animated = attach(model, motion, Applied())

    def fail(*_):
        raise Stop

    def interrupt(*_):
        comfy.model_management.interrupt_current_processing()

    assert not torch.allclose(sample(animated), plain, atol=1e-2)
    assert torch.equal(sample(model), plain)
    for callback, expected in ((fail, Stop), (interrupt, comfy.model_management.InterruptProcessingException)):
        with pytest.raises(expected):
            sample(animated, callback=callback)
            comfy.model_management.throw_exception_if_processing_interrupted()
        assert torch.equal(sample(model), plain)
        assert_untouched(model, before)


def test_exception_inside_the_unet_leaves_nothing(v3):
    model = tiny.image_model()
    before = snapshot(model)
    animated = attach(model, v3, Applied())

    def failing(q, k, v, extra_options):
        raise Stop

    animated.set_model_attn1_patch(failing)
    with pytest.raises(Stop):
        sample(animated)
    sample(model, steps=1)
    assert_untouched(model, before)


def test_keys_stay_while_motion_runs(v3):
    model = tiny.image_model()
    keys, seen = list(model.model.state_dict()), []
    animated = attach(model, v3, Applied())
    animated.set_model_attn1_patch(lambda q, k, v, extra: (seen.append(list(model.model.state_dict())), (q, k, v))[1])
    sample(animated, steps=1)
    assert seen and all(s == keys for s in seen)


def test_lora_of_another_clone_reaches_every_layer(v3):
    model = tiny.image_model()
    lora = tiny.lora(model)
    assert any("up_blocks_1_upsamplers_0_conv" in key for key in lora)  # output_blocks.5.2.conv
    expected = sample(comfy.sd.load_lora_for_models(model, None, lora, 1.0, 0.0)[0])
    animated = attach(model, v3, Applied())
    sample(animated, steps=1)  # and animated stays the loaded one
    loaded = comfy.sd.load_lora_for_models(animated.clone(), None, lora, 1.0, 0.0)[0]
    other = comfy.sd.load_lora_for_models(model, None, lora, 1.0, 0.0)[0]
    assert "diffusion_model.output_blocks.5.2.conv.weight" in loaded.patches
    assert loaded.patches.keys() == other.patches.keys()
    assert torch.equal(sample(other), expected)
    assert not torch.allclose(sample(loaded), expected, atol=1e-2)


@pytest.mark.parametrize("version", tiny.VERSIONS)
def test_zeroed_projection_or_strength_zero_changes_nothing(version, tmp_path):
    model = tiny.image_model()
    plain = sample(model)
    weights = tiny.VERSIONS[version]()
    off = attach(model, load(weights, tmp_path), Applied(strength=0.0), KEEP)
    assert torch.equal(sample(off), plain)
    if version != "v1":  # whose joint norms are part of its model
        zeroed = {k: torch.zeros_like(v) if ".proj_out." in k else v for k, v in weights.items()}
        (tmp_path / "zero").mkdir()
        assert torch.equal(sample(attach(model, load(zeroed, tmp_path / "zero"), Applied(), KEEP)), plain)


def test_percent_range_is_exact_to_the_step(v3):
    model = tiny.image_model()
    module = v3.model.at("up_blocks.1.motion_modules.2")
    active = []
    for start, end in ((0.0, 1.0), (0.5, 1.0), (0.0, 0.5), (0.25, 0.75), (0.75, 0.25)):
        animated = attach(model, v3, Applied(1.0, start, end), KEEP)
        active.append(calls_of(module, lambda step, m=animated: sample(m, 2, steps=8, cfg=1.0, callback=step)))
    sampling = model.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, "normal", 8)[:-1]
    middle, first, last = (sampling.percent_to_sigma(percent) for percent in (0.5, 0.25, 0.75))
    assert active[0] == [1] * 8 and active[4] == [0] * 8
    assert active[1] == [int(sigma <= middle) for sigma in sigmas]
    assert active[2] == [int(sigma >= middle) for sigma in sigmas]
    assert active[3] == [int(last <= sigma <= first) for sigma in sigmas]


def test_batching_of_the_host_does_not_matter(motion, monkeypatch):
    animated = attach(exact.image_model(), motion, Applied())
    together = sample(animated)
    wrapped = animated.clone()
    wrapped.set_model_unet_function_wrapper(one_by_one)
    assert_alike(sample(wrapped), together)
    monkeypatch.setattr(animated.model, "memory_required", lambda *a, **k: 1e30)  # the host then runs one by one
    assert_alike(sample(animated), together)


def test_wrapper_that_splits_frames_is_refused(v3):
    animated = attach(tiny.image_model(), v3, Applied())

    def split(apply_model, params):
        c = {k: v[:3] if isinstance(v, torch.Tensor) else v for k, v in params["c"].items()}
        return apply_model(params["input"][:3], params["timestep"][:3], **c)

    animated.set_model_unet_function_wrapper(split)
    with pytest.raises(ValueError, match="split the 4 frames of the animation into batches of 3"):
        sample(animated)


@pytest.mark.parametrize(
    ("sampler", "cfg"),
    [("euler_ancestral", 1.0), ("dpmpp_2s_ancestral", 4.0), ("dpmpp_2m_sde", 4.0), ("heun", 1.0), ("lcm", 1.0)],
)
def test_samplers(v3, sampler, cfg):
    run = partial(sample, frames=2, sampler=sampler, cfg=cfg, steps=3)
    model = tiny.image_model()
    out = run(attach(model, v3, Applied()))
    assert torch.isfinite(out).all()
    assert not torch.allclose(out, run(attach(model, v3, Applied(0.0))))


def test_custom_sampler_equals_ksampler(v3):
    import comfy_extras.nodes_custom_sampler as custom

    animated = attach(tiny.image_model(), v3, Applied())
    noise, sampler = custom.RandomNoise.execute(5)[0], custom.KSamplerSelect.execute("euler")[0]
    guider = custom.CFGGuider.execute(animated, tiny.conditioning(3), tiny.conditioning(4), 4.0)[0]
    sigmas = custom.BasicScheduler.execute(animated, "normal", 2, 1.0)[0]
    empty = {"samples": torch.zeros(4, 4, 4, 4)}
    out = custom.SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, empty)[0]["samples"]
    assert torch.equal(out, sample(animated))


def test_stacked_motion_models_act_one_after_the_other(tmp_path):
    model = tiny.image_model()
    first, second = (load(tiny.motion_weights(seed=s), _folder(tmp_path, s)) for s in (1, 2))
    one = attach(model, first, Applied(), KEEP)
    both = attach(one, second, Applied(), KEEP)
    results = [sample(m) for m in (model, one, both, attach(model, second, Applied(), KEEP))]
    for i, a in enumerate(results):
        for b in results[i + 1 :]:
            assert not torch.allclose(a, b, atol=1e-2)
    assert torch.equal(sample(attach(one, second, Applied(0.0), KEEP)), results[1])
    assert torch.equal(sample(one), results[1])


def _folder(path, name):
    folder = path / str(name)
    folder.mkdir()
    return folder


def test_two_clones_sampled_alternately(tmp_path, v3):
    model = tiny.image_model()
    other = load(tiny.VERSIONS["v1"](seed=9), tmp_path)
    clones = [model, attach(model, v3, Applied()), attach(model, other, Applied(0.5)), attach(model, v3, Applied(0.3))]
    expected = [sample(clone) for clone in clones]
    for i in (3, 1, 0, 2):
        assert torch.equal(sample(clones[i]), expected[i])


def test_area_and_mask_conditioning(v3):
    animated = attach(tiny.image_model(), v3, Applied())
    left = [tiny.conditioning(7)[0][0], {"area": (4, 2, 0, 0), "strength": 1.0}]
    mask = torch.zeros(1, 4, 4)
    mask[:, :2] = 1
    top = [tiny.conditioning(8)[0][0], {"mask": mask, "mask_strength": 1.0}]
    out = sample(animated, positive=[*tiny.conditioning(3), left, top])
    assert torch.isfinite(out).all() and not torch.allclose(out, sample(animated), atol=1e-2)


def test_attention_patches_beside_motion(v3):
    animated = attach(tiny.image_model(), v3, Applied())
    patched = animated.clone()
    patched.set_model_attn2_output_patch(lambda x, extra: x * 0.9)
    out = sample(patched)
    assert torch.isfinite(out).all() and not torch.allclose(out, sample(animated), atol=1e-2)


def test_prediction_type_is_kept(v3):
    model = tiny.image_model(v_prediction=True)
    animated = attach(model, v3, Applied(0.0), "AnimateDiff")
    sampling = animated.get_model_object("model_sampling")
    x, v = torch.randn(2, 1, 4, 8, 8, generator=tiny.generator(0))
    sigma = torch.tensor([2.0])
    expected = model.get_model_object("model_sampling").calculate_denoised(sigma, v, x)
    assert torch.equal(sampling.calculate_denoised(sigma, v, x), expected)
    assert sampling.sigma_max > model.get_model_object("model_sampling").sigma_max


@pytest.mark.parametrize("storage", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_unets_that_cast_their_weights(v3, storage):
    """The host keeps such weights as they are and computes in another type ("manual cast"): bit for bit as if they had
    been stored in that one."""
    cast = tiny.image_model(storage=storage)
    rounded = tiny.image_model()
    weights = cast.model.diffusion_model.state_dict()
    assert weights["input_blocks.1.0.in_layers.2.weight"].dtype == storage
    rounded.model.diffusion_model.load_state_dict({key: weight.float() for key, weight in weights.items()})
    expected = sample(attach(rounded, v3, Applied()))
    assert torch.equal(sample(attach(cast, v3, Applied())), expected)
    assert_other(sample(cast), expected, by=0.5)


def test_motion_weights_take_no_more_than_their_file(v3):
    model = v3.model
    stored = sum(22 * w * w + 21 * w for _, w in model.spec.modules) * 4
    assert stored <= v3.model_size() <= 1.05 * stored
    first, second = (attach(tiny.image_model(), v3, Applied()) for _ in range(2))
    weights = {
        p.data_ptr() for m in (first, second) for p in m.get_additional_models_with_key("kinema")[0].model.parameters()
    }
    assert len(weights) == len(list(model.parameters()))


def test_another_pack_on_the_same_layers(v3):
    """A pack with its own wrapper, additional model and forward hook on a layer that Kinema uses, too."""
    from comfy.patcher_extension import WrappersMP

    model = tiny.image_model()
    layer, seen = model.model.diffusion_model.input_blocks[1][1], []

    def theirs(executor, *args, **kwargs):
        handle = layer.register_forward_hook(lambda _layer, _inputs, output: output * 0.5)
        try:
            return executor(*args, **kwargs)
        finally:
            handle.remove()

    animated = attach(model, v3, Applied())
    alone = sample(animated)
    both = animated.clone()
    both.set_additional_models("another", [tiny.image_model(seed=9)])
    both.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "another", theirs)
    both.set_model_attn1_output_patch(lambda x, extra: (seen.append(1), x)[1])
    assert not torch.allclose(sample(both), alone, atol=1e-2) and seen
    assert torch.equal(sample(animated), alone)
    assert not layer._forward_hooks


def test_a_trained_model_can_be_stacked_with_its_lora(tmp_path):
    """Motion models that come from no file have nothing to be loaded from again."""
    from kinema.motion.lora import load_motion_lora

    motion = load(tiny.motion_weights(seed=8), tmp_path)
    motion.cached_patcher_init = None
    zoom = load_motion_lora(motion, tiny.save(official(), tmp_path / "zoom.safetensors"), 0.5)
    model = tiny.image_model()
    plain = attach(model, motion, Applied(), KEEP)
    twice, mixed = attach(plain, motion, Applied(), KEEP), attach(plain, zoom, Applied(), KEEP)
    assert not torch.allclose(sample(mixed), sample(twice), atol=1e-2)
    assert torch.equal(sample(mixed), sample(mixed))
