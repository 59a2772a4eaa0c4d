"""The product of a linear layer, whichever kernel computes it, against float64."""

import comfy.ops
import pytest
import tiny
import torch

from kinema.motion.product import convolves, product


def layer(columns: int, rows: int, dtype: torch.dtype, bias: bool):
    made = comfy.ops.manual_cast.Linear(columns, rows, bias=bias, dtype=dtype).requires_grad_(False)
    for i, parameter in enumerate(made.parameters()):
        parameter.data = torch.randn(parameter.shape, generator=tiny.generator(i)).to(dtype)
    return made


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("shape", [(512, 16, 64), (25, 7, 64), (1, 1, 64), (32, 16, 320)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_product_equals_the_formula(threads, shape, bias, dtype):
    x = torch.randn(shape, generator=tiny.generator(5))
    made = layer(shape[-1], 96, dtype, bias)
    with torch.inference_mode():
        assert convolves(x)
        out = product(made, x)
    expected = x.double() @ made.weight.double().T + (made.bias.double() if bias else 0)
    assert out.shape == (*shape[:-1], 96) and out.is_contiguous()
    assert (out.double() - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_what_the_host_does_to_a_weight_is_in_the_product():
    x, made = torch.randn(32, 4, 64, generator=tiny.generator(6)), layer(64, 64, torch.float32, bias=False)
    plain = made.weight.double().T
    made.weight_function = [lambda weight: weight * 2]
    with torch.inference_mode():
        out = product(made, x)
    torch.testing.assert_close(out.double(), x.double() @ plain * 2, rtol=1e-5, atol=1e-4)


def test_training_goes_through_the_layer_itself():
    x = torch.randn(32, 4, 64, generator=tiny.generator(7), requires_grad=True)
    made = layer(64, 64, torch.float32, bias=True)
    out = product(made, x)
    out.sum().backward()
    assert not convolves(x)
    torch.testing.assert_close(out, torch.nn.functional.linear(x, made.weight, made.bias), rtol=0, atol=0)
    torch.testing.assert_close(x.grad, made.weight.sum(0).expand_as(x))


def test_other_types_go_through_the_layer_itself():
    x, made = torch.randn(32, 4, 64).bfloat16(), layer(64, 64, torch.bfloat16, bias=True)
    with torch.inference_mode():
        assert not convolves(x)
        assert torch.equal(product(made, x), torch.nn.functional.linear(x, made.weight, made.bias))
