"""The linear layers of motion modules, whichever kernel computes them, against float64."""

import pytest
import tiny
import torch
from compare import ONE_CALL_IN_FLOAT32, assert_alike

from kinema.motion.ops import MotionOps, convolves


def layer(columns: int, rows: int, dtype: torch.dtype, bias: bool):
    made = MotionOps.Linear(columns, rows, bias=bias, dtype=dtype).requires_grad_(False)
    for i, parameter in enumerate(made.parameters()):
        parameter.data = torch.randn(parameter.shape, generator=tiny.generator(i)).to(dtype)
    return made


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("shape", [(512, 16, 64), (25, 7, 64), (1, 64), (2, 3, 4, 64), (32, 16, 320)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_linear_layer_equals_the_formula(threads, shape, bias, dtype):
    x, made = torch.randn(shape, generator=tiny.generator(5)), layer(shape[-1], 96, dtype, bias)
    with torch.inference_mode():
        assert convolves(x)
        out = made(x)
    expected = x.double() @ made.weight.double().T + (made.bias.double() if bias else 0)
    assert out.shape == (*shape[:-1], 96) and out.is_contiguous()
    assert_alike(out, expected, within=ONE_CALL_IN_FLOAT32)


def test_frames_that_lie_apart_in_memory(threads):
    x, made = torch.randn(16, 64, 32, generator=tiny.generator(5)).mT, layer(64, 96, torch.float32, True)
    with torch.inference_mode():
        out = made(x)
    expected = x.double() @ made.weight.double().T + made.bias.double()
    assert out.shape == (16, 32, 96)
    assert_alike(out, expected, within=ONE_CALL_IN_FLOAT32)


def test_what_the_host_does_to_a_weight_is_in_the_product():
    x, made = torch.randn(32, 4, 64, generator=tiny.generator(6)), layer(64, 64, torch.float32, bias=False)
    made.weight_function = [lambda weight: weight * 2]
    with torch.inference_mode():
        out = made(x)
    torch.testing.assert_close(out.double(), x.double() @ made.weight.double().T * 2, rtol=1e-5, atol=1e-4)


def test_training_takes_the_hosts_layer():
    x, made = torch.randn(32, 4, 64, requires_grad=True), layer(64, 64, torch.float32, bias=True)
    assert not convolves(x)
    out = made(x)
    out.sum().backward()
    assert torch.equal(out, torch.nn.functional.linear(x, made.weight, made.bias))
    torch.testing.assert_close(x.grad, made.weight.sum(0).expand_as(x))


def test_other_types_take_the_hosts_layer():
    x, made = torch.randn(32, 4, 64).bfloat16(), layer(64, 64, torch.bfloat16, bias=True)
    with torch.inference_mode():
        assert not convolves(x)
        assert torch.equal(made(x), torch.nn.functional.linear(x, made.weight, made.bias))
