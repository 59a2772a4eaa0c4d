"""Comparisons of what samplers and modules give, and every bound that tests allow, with the reason for its size.

Two ways to one result differ by rounding only. The tiny UNet of random weights makes a rounding error of float32 up to
a thousand times larger in a run, differently on every kind of CPU. Tests of whole runs therefore compute in float64
(support/exact.py), where what is left comes from the host, which keeps noise, latents and predictions in float32.
"""

import torch

MODULE = 1e-6
"""A motion module by itself, in float32, with the same numbers multiplied in another order."""

ONE_CALL = 1e-6
"""One model call in float64. The host casts its result to float32, half a unit in the last place of which is 6e-8."""

ONE_CALL_IN_FLOAT32 = 1e-5
"""One layer, module or model call in float32, against formulas or another program in float64."""

WHOLE_RUN = 2e-5
"""A run of a few steps in float64. At every step the host rounds latents to float32, and the UNet enlarges that."""

GOLDEN = 1e-5
"""Numbers that another program printed, which are known to six digits or more."""

HALF_PRECISION = {torch.float16: 2e-3, torch.bfloat16: 2e-2}
"""A layer that stores or computes numbers of this type: two to three units in their last place, 1e-3 and 8e-3."""

SOMETHING = 1e-2
"""What a change has to do before it counts as one: a hundredth of the largest value, far above all rounding."""


def difference(result: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference between two tensors of one shape, as a share of the largest value of `expected`."""
    assert result.shape == expected.shape, (result.shape, expected.shape)
    apart = (result.detach().double() - expected.detach().double()).abs().max()
    return float(apart / expected.detach().abs().max())


def assert_alike(result: torch.Tensor, expected: torch.Tensor, within: float = WHOLE_RUN) -> None:
    found = difference(result, expected)
    assert found <= within, f"{found:.2g} apart, {within:.2g} allowed"


def assert_other(result: torch.Tensor, expected: torch.Tensor, by: float = SOMETHING) -> None:
    """Also that both are finite."""
    found = difference(result, expected)
    assert by < found < float("inf"), f"only {found:.2g} apart, more than {by:.2g} expected"
