import tiny
import torch
import torch.nn.functional as F

from kinema.motion.pooling import average_pooled

SIZES = range(8, 41)


def test_equals_torch_at_every_size():
    """From each size to each other one, larger and smaller, in both directions."""
    whole = torch.rand(2, 1, 40, 40, generator=tiny.generator(0), dtype=torch.float64)
    for have in SIZES:
        picture = whole[:, :, :have, : 48 - have]
        for want in SIZES:
            size = (want, 48 - want)
            expected = F.adaptive_avg_pool2d(picture, size)
            assert (average_pooled(picture, size) - expected).abs().max() < 1e-14, (have, want)
    pooled = average_pooled(whole.float(), (7, 5))
    torch.testing.assert_close(pooled, F.interpolate(whole.float(), (7, 5), mode="area"), atol=1e-6, rtol=0)


def test_a_constant_stays_one():
    assert (average_pooled(torch.ones(1, 1, 40, 36), (13, 11)) - 1).abs().max() < 1e-6
