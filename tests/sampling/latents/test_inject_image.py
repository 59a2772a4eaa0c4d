"""Pictures put into a video in mid-run, with the host's samplers and the miniature's VAE."""

import comfy.model_management
import comfy.model_sampling
import comfy.patcher_extension
import comfy.samplers
import comfy.utils
import exact
import pytest
import tiny
import torch
from compare import ONE_CALL, assert_alike

from kinema.sampling.curves.curve import Listed
from kinema.sampling.latents.inject_image import Injection
from kinema.sampling.latents.on_canvas import OnCanvas
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.animation_noise import lay
from kinema.sampling.noise.frequency import LowPass
from kinema.sampling.noise.noise_layers import NoiseLayer
from kinema.sampling.noise.noise_pattern import NoisePattern
from kinema.sampling.noise.refine_noise import NoiseRefinement
from kinema.sampling.run.attach import added, attach, changed

WRAPPERS = comfy.patcher_extension.WrappersMP


def latent(value=3.0, count=1, size=8):
    return torch.full((count, 4, size, size), value)


def injected(placed=None, vae=None, **more):
    return Injection(placed or OnCanvas(latent()), vae, **{"percent": 0.5, **more})


def half(size=8):
    mask = torch.zeros(1, size, size)
    mask[:, :, size // 2 :] = 1.0
    return mask


# Where pictures lie


def test_fit_covers_the_canvas_and_cuts_what_stands_out():
    pictures = torch.zeros(1, 3, 10, 40)
    pictures[..., 15:25] = 1.0
    picture, mask = OnCanvas(pictures).on(16, 16, 1)
    assert picture.shape == (1, 3, 16, 16) and picture.min() > 0.99 and mask.eq(1).all()
    cut = torch.zeros(1, 10, 40)
    cut[..., 15:25] = 1.0
    assert OnCanvas(torch.ones(1, 3, 10, 40), cut).on(16, 16, 1)[1].min() > 0.99


@pytest.mark.parametrize(
    ("x", "y", "rows", "columns"), [(2, 3, (3, 7), (2, 8)), (-2, 0, (0, 4), (0, 4)), (12, 14, (14, 16), (12, 16))]
)
def test_offsets(x, y, rows, columns):
    picture, mask = OnCanvas(torch.ones(1, 3, 4, 6), None, False, x, y).on(16, 16, 1)
    expected = torch.zeros(16, 16)
    expected[slice(*rows), slice(*columns)] = 1
    assert torch.equal(mask[0, 0], expected)
    assert picture[0, :, expected == 1].eq(1).all() and picture[0, :, expected == 0].eq(0.5).all()


def test_a_picture_outside_of_the_video():
    with pytest.raises(ValueError, match=r"A picture of 6 x 4 at x 16, y 0 is outside the video, which is 16 x 16"):
        OnCanvas(torch.ones(1, 3, 4, 6), None, False, 16, 0).on(16, 16, 1)


def test_a_mask_for_each_frame_takes_one_picture_to_all_of_them():
    masks = torch.stack([torch.zeros(8, 8), torch.ones(8, 8), torch.full((8, 8), 0.5)])
    placed = OnCanvas(torch.ones(1, 3, 8, 8), masks)
    _, mask = placed.on(8, 8, 3)
    assert placed.count == 3 and mask.mean((1, 2, 3)).tolist() == [0.0, 1.0, 0.5]


# Runs


class Watched:
    """A clone of a model that notes the latents and the noise level of each model call."""

    def __init__(self, model):
        self.model, self.calls = model.clone(), []
        self.model.add_wrapper_with_key(WRAPPERS.PREDICT_NOISE, "test", self._predict)

    def _predict(self, executor, x, timestep, *args):
        denoised = executor(x, timestep, *args)
        self.calls.append((float(timestep[0]), x.clone(), denoised.clone()))
        return denoised


def run(model, frames=3, **more):
    watched = Watched(model)
    result = tiny.sample(watched.model, frames, **{"steps": 6, "cfg": 1.0, **more})
    return result, watched.calls


def test_the_prediction_is_exchanged_and_the_noise_stays(model):
    """Euler goes from x to denoised + (x - denoised) * next / sigma; the injection changes `denoised` after its step."""
    level = model.get_model_object("model_sampling").percent_to_sigma(0.5)
    _, plain = run(model)
    _, calls = run(added(model, injections=injected()))
    after = next(i for i, (sigma, _, _) in enumerate(plain) if sigma <= level)
    assert len(calls) == len(plain) == 6 and 0 < after < 5
    for (_, a, _), (_, b, _) in zip(calls[:after], plain[:after], strict=True):
        assert torch.equal(a, b)
    _, _, denoised = plain[after - 1]
    picture = model.model.process_latent_in(latent())
    assert_alike(calls[after][1], plain[after][1] + picture - denoised, within=ONE_CALL)
    assert not torch.allclose(calls[-1][1], plain[-1][1], atol=0.1)


def change(model, plain, **more):
    """By how much an injection changes the latents of the call after it, (f,). `plain` are the calls without."""
    calls = run(added(model, injections=injected(**more)), steps=3)[1]
    return next((a - b).abs() for (_, a, _), (_, b, _) in zip(calls, plain, strict=True) if not torch.equal(a, b))


def test_strength_mask_and_frames(model):
    plain = run(model, steps=3)[1]
    whole = change(model, plain)
    assert_alike(change(model, plain, strength=0.5), whole * 0.5)
    listed = change(model, plain, strength=Listed((1.0, 0.0, 0.25)))
    assert_alike(listed, whole * torch.tensor([1, 0, 0.25]).view(3, 1, 1, 1))
    masked = change(model, plain, placed=OnCanvas(latent(), half()))
    assert_alike(masked, whole * half())
    later = change(model, plain, first_frame=1)
    assert_alike(later, whole * torch.tensor([0, 1, 1]).view(3, 1, 1, 1))
    single = change(model, plain, placed=OnCanvas(latent(count=2)), first_frame=1)
    assert_alike(single, whole * torch.tensor([0, 1, 1]).view(3, 1, 1, 1))
    two = change(model, plain, placed=OnCanvas(latent(count=2)))
    assert_alike(two, whole * torch.tensor([1, 1, 0]).view(3, 1, 1, 1))


def test_strength_0_changes_nothing_but_rounding(model):
    assert_alike(run(added(model, injections=injected(strength=0.0)))[0], run(model)[0])


def test_percents_are_those_of_the_host(model):
    end, plain = run(model)
    for percent, before in ((0.0, 1), (1.0, 6)):
        result, calls = run(added(model, injections=injected(percent=percent)))
        changed = [i for i, (a, b) in enumerate(zip(calls, plain, strict=True)) if not torch.equal(a[1], b[1])]
        assert (changed[0] if changed else 6) == before and len(calls) == len(plain)
    assert not torch.allclose(result, end, atol=0.1)


def test_a_frame_that_is_not_there(model):
    model = added(model, injections=injected(first_frame=3))
    with pytest.raises(ValueError, match="starts at frame 3, but the video has 3 frames. Set first_frame to 2 or less"):
        tiny.sample(model, 3)


@pytest.mark.parametrize(
    "sampler", ["dpmpp_2m", "euler_ancestral", "dpmpp_sde", "uni_pc", "heun", "lcm", "dpm_fast", "ipndm"]
)
def test_any_sampler(model, sampler):
    result = run(added(model, injections=injected()), sampler=sampler, steps=4)[0]
    assert result.isfinite().all() and not torch.allclose(result, run(model, sampler=sampler, steps=4)[0], atol=0.1)


def test_ksampler_advanced_injects_once(model):
    """Two stages; the split is before, at, and after the injection."""
    model = added(model, injections=injected())
    whole = run(model)[0]
    for split in (2, 3, 4):
        first = run(model, last_step=split)[0]
        second = run(model, start_step=split, latent=first, noise=torch.zeros(3, 4, 8, 8))[0]
        assert_alike(second, whole)


def test_several_injections_act_each_at_its_time(model):
    both = added(
        added(model, injections=injected(percent=0.6)), injections=injected(OnCanvas(latent(-3.0)), percent=0.2)
    )
    turned = added(
        added(model, injections=injected(OnCanvas(latent(-3.0)), percent=0.2)), injections=injected(percent=0.6)
    )
    result = run(both)[0]
    assert_alike(result, run(turned)[0])
    once = added(model, injections=injected(percent=0.6))
    assert not torch.allclose(result, run(once)[0], atol=1e-2)


def test_of_two_injections_at_one_time_the_later_covers_the_first(model):
    over = injected(OnCanvas(latent(-3.0), half()))
    both = run(added(added(model, injections=injected()), injections=over), steps=3)[1]
    first, second = (run(added(model, injections=one), steps=3)[1] for one in (injected(), over))
    after = next(i for i, (a, b) in enumerate(zip(both, first, strict=True)) if not torch.equal(a[1], b[1]))
    assert_alike(both[after][1], torch.where(half().bool(), second[after][1], first[after][1]), within=ONE_CALL)


def test_an_injection_at_the_end_is_in_the_denoised_output(model):
    shown = []
    late = added(model, injections=injected(percent=1.0))
    result = run(late, steps=2, callback=lambda step, d, x, total: shown.append((step, total, d)))[0]
    assert [(step, total) for step, total, _ in shown] == [(0, 2), (1, 2), (1, 2)]
    assert_alike(result, latent(count=3))
    assert torch.equal(model.model.process_latent_out(shown[-1][2]), result)


def test_progress_and_noise_of_steps_go_on(model):
    seen = []
    run(added(model, injections=injected()), callback=lambda step, d, x, total: seen.append((step, total)))
    assert seen == [(step, 6) for step in range(6)]
    constant = lay(NoiseLayer(NoisePattern("constant")), None)
    for noisy in (
        added(changed(model, noise=constant), injections=injected()),
        changed(added(model, injections=injected()), noise=constant),
    ):
        result = run(noisy, sampler="euler_ancestral")[0]
        assert_alike(result, result[:1].expand_as(result))


@pytest.mark.parametrize("first", ["refine", "inject"])
def test_every_iteration_of_refine_noise_injects(model, first):
    how = NoiseRefinement("FreeInit", 2, LowPass("gaussian", 0.5, 0.5))
    if first == "inject":
        model = changed(added(model, injections=injected()), refinement=how)
    else:
        model = added(changed(model, refinement=how), injections=injected())
    result, calls = run(model)
    assert len(calls) == 12 and result.isfinite().all()
    sigmas = [sigma for sigma, _, _ in calls]
    assert sigmas[:6] == sigmas[6:]


def test_inpainting_beside_it_keeps_what_is_not_masked(model):
    source = tiny.latents(3)
    model = added(model, injections=injected())
    result = run(model, latent=source, noise_mask=half()[None], noise=tiny.latents(3, seed=9))[0]
    assert_alike(result[..., :4], source[..., :4])


# Pixels


def picture(size=64):
    ramp = torch.linspace(0, 1, size)
    return torch.stack([ramp.expand(size, size), ramp[:, None].expand(size, size), torch.full((size, size), 0.2)])[None]


def test_the_mask_of_differential_diffusion_goes_on(model):
    """It grows from the first noise level of a run to the last; it began anew after the injection."""
    seen = []

    def grow(sigma, mask, extra_options):
        seen.append(extra_options["sigmas"].tolist())
        return mask

    growing = added(model, injections=injected())
    growing.set_model_denoise_mask_function(grow)
    run(growing, noise_mask=half())
    assert len(seen) == 6 and len(seen[0]) == 7 and seen == seen[:1] * 6


def test_a_picture_is_encoded(model, vae):
    encoded = vae.encode(picture().movedim(1, -1))
    by_picture = run(added(model, injections=injected(OnCanvas(picture()), vae)))[0]
    by_latent = run(added(model, injections=injected(OnCanvas(encoded))))[0]
    assert_alike(by_picture, by_latent)


def test_pixels_change_the_part_under_the_mask_only(model, vae):
    plain, shown = run(model, steps=3)[1], picture()
    sharp = change(model, plain, placed=OnCanvas(shown, half(64)), vae=vae, space="pixel")
    left, right = sharp[..., :3].mean(), sharp[..., 5:].mean()
    assert right > 20 * left
    whole = change(model, plain, placed=OnCanvas(shown), vae=vae)
    in_pixels = change(model, plain, placed=OnCanvas(shown), vae=vae, space="pixel")
    assert (in_pixels - whole).abs().median() < whole.median()


class UnloadingVae:
    """The VAE on a machine whose memory does not hold it beside the image model: the host unloads that."""

    def __init__(self, vae):
        self._vae = vae

    def __getattr__(self, name):
        return getattr(self._vae, name)

    def decode(self, latents):
        comfy.model_management.unload_all_models()
        return self._vae.decode(latents)


def test_models_come_back_after_the_vae(model, vae, tmp_path):
    """With a LoRA, whose patches unloading takes out of the weights."""
    motion = exact.motion_model(tiny.motion_weights(seed=8), tmp_path / "mm.safetensors")
    key = "diffusion_model.input_blocks.1.1.proj_in.weight"
    model = model.clone()
    shape = comfy.utils.get_attr(model.model, key).shape
    model.add_patches({key: (torch.randn(shape, generator=tiny.generator(1)),)})
    animated = attach(model, motion, Applied())
    placed = OnCanvas(picture())
    kept, unloaded = (
        run(added(animated, injections=injected(placed, v, space="pixel")), steps=3)[0]
        for v in (vae, UnloadingVae(vae))
    )
    assert_alike(unloaded, kept)


def test_nothing_is_left_behind_after_an_interrupt(model):
    before = run(model, steps=4)[0]
    animated = added(model, injections=injected())

    def interrupt(step, *_):
        if step == 3:
            raise comfy.model_management.InterruptProcessingException

    with pytest.raises(comfy.model_management.InterruptProcessingException):
        run(animated, steps=4, callback=interrupt)
    assert torch.equal(run(model, steps=4)[0], before)
    assert torch.equal(run(animated, steps=4)[0], run(animated.clone(), steps=4)[0])
