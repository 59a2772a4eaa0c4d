import kinema.motion.spec as spec
import pytest
import tiny
import torch
from kinema.motion.spec import FAMILIES
from kinema.sampling.schedules import SCHEDULES, build_sampling

# alpha-bar at t = 249, 499, 749, 999 and the largest sigma, from the published training configurations
GOLDEN = {
    "AnimateDiff (linear betas)": ((0.570866, 0.161812, 0.022729, 0.001579), 25.1461),
    "Stable Diffusion (scaled linear betas)": ((0.675432, 0.277670, 0.056623, 0.004660), 14.6146),
    "AnimateDiff SDXL (scaled linear betas to 0.020)": ((0.617323, 0.170146, 0.014021, 0.000230), 65.9287),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_sigmas(name):
    like = tiny.image_model().get_model_object("model_sampling")
    sampling = build_sampling(SCHEDULES[name], like, tiny.image_model().model.model_config)
    alpha_bar, sigma_max = GOLDEN[name]
    got = 1 / (sampling.sigmas[[249, 499, 749, 999]].double() ** 2 + 1)
    torch.testing.assert_close(got, torch.tensor(alpha_bar, dtype=torch.float64), atol=1e-6, rtol=0)
    assert abs(float(sampling.sigma_max) - sigma_max) < 1e-3
    assert abs(float(sampling.sigma_min) - 0.0292) < 1e-4


def test_families_use_what_they_were_trained_with():
    assert {FAMILIES[v].schedule for v in ("v1", "v2", "v3")} == {spec.PAPER_SCHEDULE}
    assert FAMILIES["hotshotxl"].schedule == spec.IMAGE_SCHEDULE
    assert FAMILIES["sdxl"].schedule == spec.SDXL_SCHEDULE
