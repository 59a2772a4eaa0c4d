"""Text2Video-Zero in the host's samplers against diffusers' UNet, attention, warp and DDIM with the same weights."""

import comfy.context_windows
import comfy.latent_formats
import comfy.model_management
import comfy.sample
import comfy.samplers
import comfy.utils
import comfy_extras.nodes_context_windows
import diffusers
import exact
import pytest
import tiny
import torch
from batching import one_by_one
from compare import assert_alike
from diffusers.pipelines.deprecated.text_to_video_synthesis import pipeline_text_to_video_zero as authors

from kinema.sampling.latents.text2video_zero import MotionField, diffuse, warp
from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import attach, changed

FRAMES = 3
STEPS = 50
END = 12  # steps after which whole runs are compared, well after frames were moved
CFG = 4.0


def ddim(model, frames=FRAMES, steps=STEPS, seed=5, **more):
    """KSampler with the authors' settings. Their steps are 981, 961, ..., 1."""
    empty = torch.zeros(frames, 4, 8, 8)
    return comfy.sample.sample(
        model, comfy.sample.prepare_noise(empty, seed), steps, CFG, "ddim", "ddim_uniform", tiny.conditioning(3),
        tiny.conditioning(4), empty, disable_pbar=True, seed=seed, **more,
    )  # fmt: skip


def sample(model, frames=4, **more):
    """Two steps of a small video, without guidance."""
    return tiny.sample(model, frames, **{"size": 4, "cfg": 1.0, **more})


@pytest.fixture(scope="module")
def sampling():
    return tiny.image_model().get_model_object("model_sampling")


def test_numbers_of_the_authors(sampling):
    field = MotionField()
    assert (field.x, field.y, field.high, field.low) == (12.0, 12.0, 941, 881)
    high, low = (sampling.sigma(torch.tensor(float(t))) for t in (941, 881))
    steps = comfy.samplers.calculate_sigmas(sampling, "ddim_uniform", STEPS)
    assert len(steps) == STEPS + 1
    torch.testing.assert_close(steps[[2, 5]], torch.stack([high, low]))
    assert float((1 + low**2) / (1 + high**2)) == pytest.approx(0.530534, abs=1e-6)


def test_diffusing_is_the_forward_process(sampling):
    high, low = (sampling.sigma(torch.tensor(float(t))) for t in (941, 881))
    latent, noise = tiny.latents(2, seed=1), tiny.latents(2, seed=2)
    kept = 0.5305336
    preserving = latent * kept**0.5 + noise * (1 - kept) ** 0.5  # variance-preserving, as the authors write it
    result = diffuse(latent * (1 + low**2).sqrt(), noise, low, high) / (1 + high**2).sqrt()
    torch.testing.assert_close(result, preserving, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(64, 64), (8, 8), (48, 80)])
@pytest.mark.parametrize("motion", [(12.0, 12.0), (-7.5, 30.0), (0.0, 150.0)])
def test_warp_equals_diffusers(size, motion):
    latent = torch.randn(1, 4, *size, generator=tiny.generator(0))
    right, down = motion
    expected = authors.create_motion_field_and_warp_latents(right, down, list(range(8)), latent.repeat(8, 1, 1, 1))
    assert torch.equal(warp(latent, MotionField(*motion), 8), expected)


def test_the_view_moves_right_and_down():
    latent = torch.randn(1, 4, 8, 8, generator=tiny.generator(0))
    one = 512 / 8  # picture pixels per latent pixel
    right, down = warp(latent, MotionField(one, 0), 3), warp(latent, MotionField(0, one), 3)
    assert torch.equal(right[0], latent[0])
    assert torch.equal(right[2, :, :, :-2], latent[0, :, :, 2:])
    assert torch.equal(down[1, :, :-1], latent[0, :, 1:])


def diffusers_unet(model):
    unet = (
        diffusers.UNet2DConditionModel(
            block_out_channels=tiny.SD15_WIDTHS,
            layers_per_block=2,
            cross_attention_dim=tiny.CONTEXT,
            attention_head_dim=8,
        )
        .eval()
        .double()
    )
    state = model.model.diffusion_model.state_dict()
    names = comfy.utils.unet_to_diffusers(model.model.model_config.unet_config)
    unet.load_state_dict({theirs: state[ours] for theirs, ours in names.items() if ours in state})
    unet.set_attn_processor(authors.CrossFrameAttnProcessor2_0(batch_size=2))
    return unet


@torch.no_grad()
def reference(model, noise):
    """The paper's section 3.3 in variance-preserving terms and float64; its result, after END steps, in the host's."""
    unet = diffusers_unet(model)
    noise = noise.double()
    positive, negative = (tiny.conditioning(seed)[0][0].double() for seed in (3, 4))
    scheduler = diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    )
    scheduler.set_timesteps(STEPS)
    kept = scheduler.alphas_cumprod

    def denoise(x, timesteps):
        for t in timesteps:
            context = torch.cat([c.expand(len(x), -1, -1) for c in (negative, positive)])
            uncond, cond = unet(torch.cat([x, x]), t, context).sample.chunk(2)
            x = scheduler.step(uncond + CFG * (cond - uncond), t, x).prev_sample
        return x

    times = scheduler.timesteps.tolist()
    first = denoise(noise[:1] * (1 - kept[981]).sqrt(), times[: times.index(941)])
    later = denoise(first, times[times.index(941) : times.index(881)])
    moved = torch.cat([authors.create_motion_field_and_warp_latents(12.0, 12.0, [k], later) for k in range(1, FRAMES)])
    ratio = kept[941] / kept[881]
    moved = ratio.sqrt() * moved + (1 - ratio).sqrt() * noise[1:]
    return denoise(torch.cat([first, moved]), times[times.index(941) : END]) / kept[times[END]].sqrt()


def test_equals_the_paper_with_diffusers(model):
    noise = comfy.sample.prepare_noise(torch.zeros(FRAMES, 4, 8, 8), 5)
    expected = comfy.latent_formats.SD15().process_out(reference(model, noise))
    steps = []
    callback = lambda step, x0, x, total: steps.append((step, total))  # noqa: E731
    result = ddim(changed(model, motion_field=MotionField(), first_frame=True), callback=callback, last_step=END)
    assert_alike(result, expected)
    assert [step for step, _ in steps] == list(range(END + 3))  # three steps again, for the moved frames
    assert {total for _, total in steps} == {END + 3}


def test_other_samplers_pass_the_exact_levels(model, monkeypatch):
    model, seen = changed(model, motion_field=MotionField(), first_frame=True), []
    original = comfy.samplers.KSAMPLER.sample

    def note(sampler, guider, sigmas, *args):
        seen.append(sigmas)
        return original(sampler, guider, sigmas, *args)

    monkeypatch.setattr(comfy.samplers.KSAMPLER, "sample", note)
    high, low = (model.get_model_object("model_sampling").sigma(torch.tensor(float(t))) for t in (941, 881))
    for sampler in ("euler_ancestral", "dpmpp_2m_sde"):
        seen.clear()
        result = sample(model, FRAMES, steps=8, sampler=sampler)
        assert torch.isfinite(result).all() and not torch.allclose(result[0], result[1], atol=1e-2)
        whole = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "normal", 8)
        torch.testing.assert_close(seen[0], torch.tensor([*whole[whole > high], high]))
        torch.testing.assert_close(seen[1], torch.tensor([high, *whole[(whole < high) & (whole > low)], low]))
        torch.testing.assert_close(seen[2], torch.tensor([high, *whole[whole < high]]))


def test_inpainting_keeps_what_is_masked(model):
    source = tiny.latents(FRAMES, seed=9)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    model = changed(model, motion_field=MotionField(), first_frame=True)
    result = comfy.sample.sample(
        model, comfy.sample.prepare_noise(source, 1), 4, CFG, "euler", "normal", tiny.conditioning(3),
        tiny.conditioning(4), source, disable_pbar=True, seed=1, noise_mask=mask,
    )  # fmt: skip
    torch.testing.assert_close(result[..., :4], source[..., :4], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(result[..., 4:], source[..., 4:], atol=1e-2)


def test_first_frame_attention_does_not_depend_on_batching(model, monkeypatch):
    attending = changed(model, first_frame=True)
    together = sample(attending, cfg=CFG)
    one = sample(model, 1, cfg=CFG, positive=tiny.conditioning(3))
    assert_alike(together[:1], one)  # the first frame sees itself, as ever
    assert not torch.allclose(together[1:], sample(model, cfg=CFG)[1:], atol=1e-2)
    wrapped = attending.clone()
    wrapped.set_model_unet_function_wrapper(one_by_one)
    assert_alike(sample(wrapped, cfg=CFG), together)
    monkeypatch.setattr(model.model, "memory_required", lambda *a, **k: 1e30)  # the host then runs one by one
    assert_alike(sample(attending, cfg=CFG), together)


def test_beside_a_motion_model_and_other_attention_patches(model, tmp_path):
    v3 = exact.motion_model(tiny.motion_weights(seed=8), tmp_path / "mm.safetensors")
    results = [
        sample(m)
        for m in (
            attach(model, v3, Applied()),
            changed(attach(model, v3, Applied()), first_frame=True),
            attach(changed(model, first_frame=True), v3, Applied()),
            attach(changed(model, motion_field=MotionField(), first_frame=True), v3, Applied()),
        )
    ]
    assert_alike(results[1], results[2])
    assert not torch.allclose(results[0], results[1], atol=1e-2)
    assert not torch.allclose(results[3], results[1], atol=1e-2)
    patched = changed(model, first_frame=True)
    patched.set_model_attn1_patch(lambda q, k, v, extra: (q, k, v * 0.5))
    assert not torch.allclose(sample(patched), sample(changed(model, first_frame=True)), atol=1e-2)


def with_windows(model, freenoise=False):
    """The host's own context windows of 4 frames."""
    node = comfy_extras.nodes_context_windows.ContextWindowsManualNode
    schedule, fuse = comfy.context_windows.ContextSchedules, comfy.context_windows.ContextFuseMethods
    return node.execute(model, 4, 1, schedule.STATIC_STANDARD, 1, False, fuse.PYRAMID, 0, freenoise)[0]


def test_each_window_has_its_own_first_frame(model):
    windowed = with_windows(changed(model, first_frame=True))
    result = sample(windowed, 6)
    assert torch.isfinite(result).all()
    assert not torch.allclose(result, sample(changed(model, first_frame=True), 6), atol=1e-2)


def test_shuffled_noise_is_shuffled_once(model):
    results = [
        sample(with_windows(changed(model, motion_field=MotionField(), first_frame=True), freenoise=True), 6),
        sample(changed(with_windows(model, freenoise=True), motion_field=MotionField(), first_frame=True), 6),
    ]
    assert_alike(*results)


def test_base_model_is_untouched(model):
    plain = sample(model)
    keys = list(model.model.state_dict())
    sample(changed(model, motion_field=MotionField(), first_frame=True))
    assert torch.equal(sample(model), plain) and list(model.model.state_dict()) == keys


def test_interrupt_stops_between_the_parts(model):
    model, steps = changed(model, motion_field=MotionField(), first_frame=True), []

    def callback(step, x0, x, total):
        steps.append(step)
        if step == 0:
            comfy.model_management.interrupt_current_processing()

    with pytest.raises(comfy.model_management.InterruptProcessingException):
        sample(model, steps=20, callback=callback)
    assert steps == [0]


def test_errors(model):
    moving = changed(model, motion_field=MotionField(), first_frame=True)
    with pytest.raises(ValueError, match=r"needs at least 2 frames, but the latent has 1\. Set batch_size"):
        sample(moving, 1)
    with pytest.raises(
        ValueError, match=r"between the noise levels 10\.\d+ and 7\.\d+, but this run goes from .* to 0\.00"
    ):
        sample(moving, 2, denoise=0.5)
    with pytest.raises(
        ValueError, match=r"adds noise to the frames that it moves, but this sampler adds no noise\. Turn"
    ):
        sample(moving, 2, noise=torch.zeros(2, 4, 4, 4))
    with pytest.raises(ValueError, match="but high_timestep is 800 and low_timestep is 900"):
        MotionField(high=800, low=900)


def test_needs_a_unet():
    class NoUNet:
        pass

    model = tiny.image_model().clone()
    model.model = type("Model", (), {"diffusion_model": NoUNet(), "model_config": model.model.model_config})()
    with pytest.raises(ValueError, match=r"acts in a UNet, but the connected MODEL is SD1\.5, which has none"):
        changed(model, first_frame=True)
