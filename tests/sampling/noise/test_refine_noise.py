"""FreeInit and FreqPrior: the filters against published means, the mixes' statistics, and whole runs in the host."""

import math

import comfy.model_management
import comfy.patcher_extension
import comfy.sample
import comfy.samplers
import diffusers.pipelines.free_init_utils as reference
import pytest
import tiny
import torch
from compare import assert_alike

from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.animation_noise import lay
from kinema.sampling.noise.frequency import FILTERS, LowPass, mix, mix_unit
from kinema.sampling.noise.noise_layers import NoiseLayer
from kinema.sampling.noise.noise_pattern import NoisePattern
from kinema.sampling.noise.refine_noise import NoiseRefinement
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

GOLDEN = {"butterworth": 0.01040548, "gaussian": 0.03075438, "ideal": 0.18534851, "box": 0.01562500}


@pytest.mark.parametrize("kind", FILTERS)
def test_filters_have_the_published_means(kind):
    kept = LowPass(kind).response(16, 64, 64)
    assert abs(float(kept.double().mean()) - GOLDEN[kind]) < 5e-9 * 10
    assert kept[8, 32, 32] == 1.0 and kept.shape == (16, 64, 64)
    if kind == "butterworth":
        assert abs(float(kept.double().square().mean()) - 0.00649326) < 5e-8


@pytest.mark.parametrize("shape", [(16, 8, 12), (7, 9, 5)])
@pytest.mark.parametrize("kind", ["butterworth", "gaussian", "ideal"])
def test_filters_equal_diffusers(kind, shape):
    theirs = reference.FreeInitMixin()._get_free_init_freq_filter(shape, "cpu", kind, 3, 0.4, 0.2)
    torch.testing.assert_close(LowPass(kind, 0.4, 0.2, 3).response(*shape), theirs)


def test_box_equals_the_authors_slices():
    kept = LowPass("box", 0.5, 0.25).response(16, 8, 12)
    expected = torch.zeros(16, 8, 12)
    expected[8 - 2 : 8 + 2, 4 - 2 : 4 + 2, 6 - 2 : 6 + 2] = 1
    assert torch.equal(kept, expected)


@pytest.mark.parametrize("kind", FILTERS)
def test_a_stop_frequency_of_zero_keeps_nothing(kind):
    assert LowPass(kind, 0.0, 0.25).response(4, 8, 8).sum() == LowPass(kind, 0.25, 0.0).response(4, 8, 8).sum() == 0


@pytest.mark.parametrize("frames", [16, 5])
def test_mix_equals_diffusers(frames):
    low, high, keeps = tiny.latents(frames, 8), tiny.latents(frames, 8, 3), LowPass("gaussian").response(frames, 8, 8)
    low_video, high_video = (x.movedim(0, 1)[None] for x in (low, high))  # (1, c, f, h, w)
    theirs = reference.FreeInitMixin()._apply_freq_filter(low_video, high_video, keeps)[0].movedim(0, 1)
    torch.testing.assert_close(mix(low, high, keeps), theirs)


def test_mixes_of_everything_and_nothing():
    low, high = tiny.latents(4), tiny.latents(4, seed=3)
    torch.testing.assert_close(mix(low, high, torch.ones(4, 8, 8)), low)
    torch.testing.assert_close(mix(low, high, torch.zeros(4, 8, 8)), high)


def variance(method, kind):
    refinement, random = NoiseRefinement(method, low_pass=LowPass(kind)), tiny.generator(1)
    fresh = lambda: torch.randn(16, 4, 64, 64, generator=random)  # noqa: E731
    return float(refinement.noise(fresh(), fresh).var())


@pytest.mark.parametrize(("kind", "expected"), [("butterworth", 0.988), ("gaussian", 0.960), ("ideal", 1.0)])
def test_freeinit_loses_as_much_variance_as_published(kind, expected):
    assert abs(variance("FreeInit", kind) - expected) < 0.01


@pytest.mark.parametrize("kind", FILTERS)
def test_freqprior_keeps_unit_variance(kind):
    assert abs(variance("FreqPrior", kind) - 1.0) < 0.01


def test_freqprior_keeps_unit_variance_of_odd_sizes():
    keeps, random = LowPass("gaussian").response(15, 33, 35), tiny.generator(2)
    one, other, third, fourth = (torch.randn(15, 8, 33, 35, generator=random) for _ in range(4))
    assert abs(float(mix_unit((one, other), (third, fourth), keeps).var()) - 1.0) < 0.02


# Runs


def refinement(method="FreeInit", iterations=2, **more):
    return NoiseRefinement(method, iterations, LowPass("gaussian", 0.5, 0.5), **more)


def sample(model, frames=4, **more):
    """Two steps of a small video, without guidance."""
    return tiny.sample(model, frames, **{"size": 4, "cfg": 1.0, **more})


class Watched:
    """A clone of a model that notes the noise and the noise levels of each sampler run."""

    def __init__(self, model):
        self.model, self.starts, self.sigmas = model.clone(), [], []
        self.model.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.SAMPLER_SAMPLE, "test", self._sample)

    def _sample(self, executor, guider, sigmas, extra, callback, noise, latent, *more):
        self.starts.append(noise.clone())
        self.sigmas.append(sigmas.tolist())
        return executor(guider, sigmas, extra, callback, noise, latent, *more)


def test_one_iteration_changes_nothing(model):
    assert torch.equal(sample(changed(model, refinement=refinement(iterations=1))), sample(model))


def mean_of(noise):
    """Zero frequency, which every filter keeps whole."""
    return noise.mean((0, 2, 3))


@pytest.mark.parametrize("until", [1.0, 0.5])
def test_freeinit_by_hand(model, until):
    """The paper's equations in the model's variance-preserving terms, with the host's sampler run twice."""
    noise = tiny.latents(4, seed=9)
    watched = Watched(changed(model, refinement=refinement(until=until)))
    result = sample(watched.model, steps=4, size=8, noise=noise)
    begun, again = watched.starts
    high, end = watched.sigmas[0][0], watched.sigmas[0][-1]
    first = sample(model, steps=4, size=8, noise=noise, last_step=len(watched.sigmas[0]) - 1)
    alpha, alpha_end = 1 / (1 + high**2), 1 / (1 + end**2)
    latent = model.model.process_latent_in(first) * math.sqrt(alpha_end)
    diffused = math.sqrt(alpha / alpha_end) * latent + math.sqrt(1 - alpha / alpha_end) * noise
    assert torch.equal(begun, noise) and (end == 0) == (until == 1.0)
    torch.testing.assert_close(mean_of(again), mean_of(diffused), atol=1e-5, rtol=0)
    keeps = LowPass("gaussian", 0.5, 0.5).response(4, 8, 8)
    rest = again - mix(diffused, torch.zeros_like(noise), keeps)
    assert 0.3 < float(rest.var()) < 1.0 and mean_of(rest).abs().max() < 1e-5
    assert_alike(sample(model, steps=4, size=8, noise=again), result)


def test_results_can_be_diffused_with_new_noise(model):
    same, new = (Watched(changed(model, refinement=refinement(new_noise=new))) for new in (False, True))
    for watched in (same, new):
        sample(watched.model)
    assert torch.equal(same.starts[0], new.starts[0])
    assert not torch.allclose(mean_of(same.starts[1]), mean_of(new.starts[1]), atol=1e-2)


def test_img2img_keeps_to_its_latent(model):
    """Half-way noise: the frequencies that are renewed come from the given latent, not from pure noise."""
    latent = tiny.latents(4) * 3
    nothing = NoiseRefinement("FreeInit", 2, LowPass("gaussian", 0.0, 0.0))
    watched = Watched(changed(model, refinement=nothing))
    sample(watched.model, latent=latent, denoise=0.5, steps=2)
    assert all(abs(float(noise.var()) - 1) < 0.15 for noise in watched.starts)


SAMPLERS = ("euler", "dpmpp_2m", "euler_ancestral", "dpmpp_sde", "lcm", "uni_pc", "heun")


@pytest.mark.parametrize(
    ("sampler", "method"), [*((name, "FreeInit") for name in SAMPLERS), ("dpmpp_sde", "FreqPrior")]
)
def test_any_sampler(model, sampler, method):
    refined = sample(changed(model, refinement=refinement(method)), sampler=sampler, steps=3)
    plain = sample(model, sampler=sampler, steps=3)
    assert refined.isfinite().all() and not torch.allclose(refined, plain, atol=1e-2)


def test_coarse_to_fine_gives_earlier_iterations_fewer_steps(model):
    watched = Watched(changed(model, refinement=refinement(iterations=3, coarse_to_fine=True)))
    sample(watched.model, steps=6)
    assert [len(sigmas) - 1 for sigmas in watched.sigmas] == [2, 4, 6]
    last = watched.sigmas[-1]
    assert all(s[0] == last[0] and s[-1] == 0 and set(s) <= set(last) for s in watched.sigmas)


def test_earlier_iterations_can_stop_early(model):
    watched = Watched(changed(model, refinement=refinement("FreqPrior", 3, until=0.68)))
    sample(watched.model, steps=10)
    end = model.get_model_object("model_sampling").percent_to_sigma(0.68)
    partial = watched.sigmas[0]
    assert watched.sigmas[1] == partial and len(watched.sigmas[2]) == 11
    assert partial[-1] <= end < partial[-2] and partial == watched.sigmas[2][: len(partial)]


def run_advanced(model, **more):
    """As KSampler Advanced calls the host."""
    return sample(model, steps=6, **more)


def test_ksampler_advanced(model):
    model = changed(model, refinement=refinement())
    watched = Watched(model)
    noisy = run_advanced(watched.model, start_step=0, last_step=3, force_full_denoise=False)
    assert len(watched.starts) == 2 and noisy.var() > 1
    watched = Watched(model)
    zeros = torch.zeros(4, 4, 4, 4)
    finished = run_advanced(watched.model, start_step=3, last_step=6, latent=noisy, noise=zeros, disable_noise=True)
    assert len(watched.starts) == 1 and finished.isfinite().all()


def test_unsampling_has_no_noise_to_refine(model):
    """Flip Sigmas; the result was NaN."""
    rising = {"sigmas": torch.tensor([0.0001, 5.0, 14.0]), "latent": tiny.latents(4, 4)}
    assert torch.equal(sample(changed(model, refinement=refinement()), **rising), sample(model, **rising))


def test_progress_counts_all_iterations(model):
    seen = []
    model = changed(model, refinement=refinement(iterations=3, coarse_to_fine=True))
    sample(model, steps=6, callback=lambda step, denoised, noisy, total: seen.append((step, total)))
    assert seen == [(step, 12) for step in range(12)]


class Interrupting:
    """A callback that interrupts the run after a step, as a click on Cancel does."""

    def __init__(self, at):
        self.at, self.shown = at, []

    def __call__(self, step, denoised, noisy, total):
        self.shown.append((step, denoised))
        if len(self.shown) == self.at:
            comfy.model_management.interrupt_current_processing()


def interrupting(model):
    """The host looks for interrupts in the node's progress bar; here, where it predicts."""
    model = model.clone()

    def predict(executor, *args):
        comfy.model_management.throw_exception_if_processing_interrupted()
        return executor(*args)

    model.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.PREDICT_NOISE, "interrupt", predict)
    return model


def test_interrupt_keeps_the_last_finished_iteration(model):
    one = sample(model, steps=4)
    watch = Interrupting(at=6)
    result = sample(interrupting(changed(model, refinement=refinement(iterations=3))), steps=4, callback=watch)
    assert_alike(result, one)
    step, shown = watch.shown[-1]
    assert step == 11
    torch.testing.assert_close(model.model.process_latent_out(shown), one)
    comfy.model_management.throw_exception_if_processing_interrupted()  # nothing left to interrupt


def test_interrupt_of_partial_iterations_keeps_a_clean_picture(model):
    model = interrupting(changed(model, refinement=refinement("FreqPrior", 3, until=0.5)))
    watch = Interrupting(at=5)
    result = sample(model, steps=6, callback=watch)
    step, last_of_the_first_iteration = watch.shown[2]
    assert step == 2 and model.model.process_latent_out(last_of_the_first_iteration).equal(result)


def test_interrupt_of_the_first_iteration_interrupts(model):
    model = interrupting(changed(model, refinement=refinement()))
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        sample(model, steps=4, callback=Interrupting(at=2))


@pytest.mark.parametrize("first", ["refine", "noise"])
def test_other_noise_is_arranged_once_before(model, first):
    """Whichever node comes first: constant noise would undo the refinement if it came after."""
    constant = lay(NoiseLayer(NoisePattern("constant")), None)
    how = NoiseRefinement("FreeInit", 2, LowPass("gaussian", 0.5, 0.5))
    if first == "refine":
        model = changed(changed(model, refinement=how), noise=constant)
    else:
        model = changed(changed(model, noise=constant), refinement=how)
    watched = Watched(model)
    sample(watched.model)
    begun, again = watched.starts
    assert torch.equal(begun[0], begun[1]) and not torch.allclose(again[0], again[1], atol=0.1)


@pytest.mark.parametrize("first", ["refine", "motion"])
def test_with_motion_and_freenoise_windows(model, motion, first):
    windows = ContextWindows(WindowSpec(8, 2), freenoise=True)
    if first == "refine":
        model = added(attach(changed(model, refinement=refinement()), motion, Applied()), windows=windows)
    else:
        model = changed(added(attach(model, motion, Applied()), windows=windows), refinement=refinement())
    watched = Watched(model)
    result = sample(watched.model, frames=12)
    rows = {frame.sum().item() for frame in watched.starts[0]}
    assert len(rows) == 8 and len({frame.sum().item() for frame in watched.starts[1]}) == 12
    assert result.isfinite().all()


def test_inpainting_keeps_what_is_not_masked(model):
    latent, mask = tiny.latents(4), torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    result = sample(
        changed(model, refinement=refinement()),
        latent=latent,
        noise_mask=mask,
        noise=tiny.latents(4, seed=9),
    )
    assert_alike(result[..., :4], latent[..., :4])


def test_a_second_refinement_replaces_the_first_and_clones_keep_it(model):
    twice = changed(changed(model, refinement=refinement(iterations=4)), refinement=refinement(iterations=2))
    watched = Watched(twice.clone())
    sample(watched.model)
    assert len(watched.starts) == 2
    plain = Watched(model)
    sample(plain.model)
    assert len(plain.starts) == 1


def test_flow_models_are_refused():
    model = tiny.image_model()
    model.add_object_patch("model_sampling", comfy.model_sampling.ModelSamplingFlux())
    with pytest.raises(ValueError, match="Refine Noise is for diffusion models such as SD1.5 and SDXL"):
        changed(model, refinement=refinement())
