import pytest
import tiny
import torch

from kinema.nodes.blend_sigmas import BlendSigmasNode
from kinema.nodes.noise_schedule import NoiseScheduleNode
from kinema.nodes.sigma_schedule import SigmaScheduleNode


def test_named_custom_and_the_models():
    named = SigmaScheduleNode.execute("AnimateDiff", "normal", 10)[0]
    assert len(named) == 11 and abs(float(named[0]) - 25.146) < 1e-3
    custom = SigmaScheduleNode.execute(
        "custom", "normal", 10, betas="sqrt_linear", first_beta=0.00085, last_beta=0.012
    )[0]
    assert torch.equal(named, custom)
    model = NoiseScheduleNode.execute(tiny.image_model(), "AnimateDiff SDXL")[0]
    own = SigmaScheduleNode.execute("the model's", "normal", 10, 0.5, model)[0]
    assert torch.equal(own, SigmaScheduleNode.execute("AnimateDiff SDXL", "normal", 10, 0.5)[0])
    with pytest.raises(ValueError, match='is set to "the model\'s", but no model is connected. Connect one, or choose'):
        SigmaScheduleNode.execute("the model's", "normal", 10)


def test_prediction_and_zero_snr_reach_the_model_and_the_sigmas():
    zero = NoiseScheduleNode.execute(tiny.image_model(), "AnimateDiff", zero_snr="on")[0]
    assert float(zero.get_model_object("model_sampling").sigma_max) > 1000
    off = NoiseScheduleNode.execute(zero, "AnimateDiff", zero_snr="off", prediction="lcm")[0]
    assert len(off.get_model_object("model_sampling").sigmas) == 50
    kept = SigmaScheduleNode.execute("Stable Diffusion", "simple", 10, model=zero)[0]
    assert kept[0] > 1000 and SigmaScheduleNode.execute("Stable Diffusion", "simple", 10)[0][0] < 15
    lcm = SigmaScheduleNode.execute("Stable Diffusion", "simple", 4, prediction="lcm")[0]
    assert lcm[-1] == 0 and len(lcm) == 5
    finer = SigmaScheduleNode.execute("LCM", "simple", 4, lcm_steps=100)[0]
    assert float(finer[-2]) < float(SigmaScheduleNode.execute("LCM", "simple", 4)[0][-2])
    with pytest.raises(ValueError, match=r'lcm_steps is 9, but the schedule is "the model\'s".*Set lcm_steps to 0, or'):
        SigmaScheduleNode.execute("the model's", "simple", 4, model=zero, lcm_steps=9)


def test_blend_and_split():
    one, other = (SigmaScheduleNode.execute(name, "simple", 10)[0] for name in ("AnimateDiff", "Stable Diffusion"))
    torch.testing.assert_close(BlendSigmasNode.execute(one, other, "blend", 0.5)[0], (one + other) / 2)
    joined = BlendSigmasNode.execute(one, other, "split", 0.5, split_at=0.3)[0]
    assert torch.equal(joined, torch.cat([one[:3], other[3:]]))
