"""ComfyUI's node SamplerLCMUpscale, which scales the video while it samples it, with features that sample it in parts."""

import comfy.sample
import comfy.utils
import exact
import pytest
import tiny
import torch
from comfy_extras.nodes_advanced_samplers import SamplerLCMUpscale
from compare import assert_alike

from kinema.sampling.latents.inject_image import Injection
from kinema.sampling.latents.on_canvas import OnCanvas
from kinema.sampling.latents.text2video_zero import MotionField
from kinema.sampling.noise.frequency import LowPass
from kinema.sampling.noise.refine_noise import NoiseRefinement
from kinema.sampling.run.attach import added, changed

SIGMAS = torch.tensor([14.6, 5.0, 1.0, 0.0])


def scaled_up(model, noise):
    """Latents of 12 x 12 from `noise` of 8 x 8."""
    torch.manual_seed(0)  # the sampler draws the noise of its steps from torch's own source
    sampler = SamplerLCMUpscale.execute(1.5, -1, "bilinear")[0]
    prompts = (tiny.conditioning(3), tiny.conditioning(4))
    return comfy.sample.sample_custom(model, noise, 4.0, sampler, SIGMAS, *prompts, torch.zeros_like(noise), seed=5)


@pytest.mark.parametrize("method", ["FreeInit", "FreqPrior"])
def test_refine_noise_takes_the_result_back_to_the_size_of_the_noise(method):
    model, noise, starts = exact.image_model(), tiny.latents(4, seed=9), []
    refined = changed(model, refinement=NoiseRefinement(method, 2, LowPass("gaussian", 0.5, 0.5)))

    def note(executor, guider, sigmas, extra, callback, start, *more):
        starts.append(start.clone())
        return executor(guider, sigmas, extra, callback, start, *more)

    refined.add_wrapper_with_key("sampler_sample", "test", note)
    result = scaled_up(refined, noise)
    assert result.shape[-2:] == (12, 12) and [start.shape for start in starts] == [noise.shape] * 2
    first = model.model.process_latent_in(scaled_up(model, noise))
    small = comfy.utils.common_upscale(first, 8, 8, "bilinear", "disabled")
    if method == "FreeInit":
        diffused = small / SIGMAS[0] + noise
        assert_alike(starts[1].mean((0, 2, 3)), diffused.mean((0, 2, 3)))  # which every low pass keeps whole


PARTS = {
    "Inject Image": lambda model: added(model, injections=Injection(OnCanvas(tiny.latents(1)), None, 0.3)),
    "Text2Video-Zero": lambda model: changed(model, motion_field=MotionField(high=800, low=700)),
    "Refine Noise with until below 1": lambda model: changed(model, refinement=NoiseRefinement(until=0.5)),
}


@pytest.mark.parametrize("feature", PARTS)
def test_parts_of_a_run_need_one_size(feature):
    with pytest.raises(ValueError, match=f"^{feature} needs a sampler that keeps .* from 8 x 8 to 12 x 12. Use"):
        scaled_up(PARTS[feature](tiny.image_model()), tiny.latents(3, seed=9))
