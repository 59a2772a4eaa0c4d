import pytest
import reference
import tiny
import torch
from compare import HALF_PRECISION, ONE_CALL_IN_FLOAT32, assert_alike
from torch.utils._python_dispatch import TorchDispatchMode

from kinema.motion.control import Control
from kinema.motion.load import load_motion_model
from kinema.motion.norms import joint_group_norm
from kinema.motion.positions import sinusoid


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    weights = tiny.motion_weights(seed=11)
    return weights, load_motion_model(tiny.save(weights, tmp_path_factory.mktemp("m") / "mm.safetensors")).model


@pytest.mark.parametrize("place", ["down_blocks.0.motion_modules.1", "up_blocks.2.motion_modules.0"])
@pytest.mark.parametrize("videos, frames, size", [(1, 16, 4), (2, 5, 3), (3, 2, 1)])
def test_one_module_equals_the_formulas(motion, place, videos, frames, size):
    weights, model = motion
    module = model.at(place)
    prefix = f"{place}.temporal_transformer."
    named = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    x = torch.randn(videos * frames, module.proj_in.weight.shape[0], size, size + 1, generator=tiny.generator(3))
    expected = reference.motion_module(x.double(), named, frames)
    assert_alike(module(x, frames), expected, within=ONE_CALL_IN_FLOAT32)


def test_joint_norm_is_group_norm_over_frames_and_space():
    x = torch.randn(6, 64, 3, 5, generator=tiny.generator(0)) * 3 + 1
    weight, bias = torch.randn(2, 64, generator=tiny.generator(1))
    video = x.reshape(2, 3, 64, 3, 5).permute(0, 2, 1, 3, 4)
    expected = torch.nn.functional.group_norm(video, 32, weight, bias, 1e-5).permute(0, 2, 1, 3, 4).reshape(x.shape)
    torch.testing.assert_close(joint_group_norm(x, 2, 32, weight, bias, 1e-5), expected)


@pytest.mark.parametrize("dtype, bound", HALF_PRECISION.items())
@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_joint_norm_in_half_precision(dtype, bound, offset):
    x = (torch.randn(8, 64, 8, 8, generator=tiny.generator(0)) + offset).to(dtype)
    exact = joint_group_norm(x.double(), 2, 32, None, None, 1e-5)
    assert (joint_group_norm(x, 2, 32, None, None, 1e-5).double() - exact).abs().max() <= bound


class Counting(TorchDispatchMode):
    """Counts matrix products (of linear layers and convolutions), and copies of as many numbers as `size`."""

    def __init__(self, size):
        super().__init__()
        self.size, self.products, self.copies = size, 0, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        self.products += name in ("mm", "addmm", "convolution")
        self.copies += name in ("clone", "copy_", "_to_copy", "contiguous") and out.numel() >= self.size
        return out


@pytest.mark.parametrize("norm", ["frame", "joint"])
def test_one_product_for_q_k_v_and_two_layout_copies(norm, motion):
    """The copy back is the addition of the residual, which reads its operand in the other layout."""
    module = motion[1].at("down_blocks.0.motion_modules.0")
    x = torch.randn(16, 32, 8, 8, generator=tiny.generator(0))
    with torch.no_grad(), Counting(x.numel()) as counting:
        module(x, 8, Control(norm=norm))
    assert counting.products == 8  # proj_in, 2 × (q k v, out), 2 of the feed-forward, proj_out
    assert counting.copies == 1


def test_position_table_golden_values():
    table = sinusoid(32, 320)
    torch.testing.assert_close(table[1, :4], torch.tensor([0.841471, 0.540302, 0.809946, 0.586504]), atol=1e-6, rtol=0)
    torch.testing.assert_close(table.norm(dim=1), torch.full((32,), 12.64911), atol=1e-5, rtol=0)
    assert torch.equal(sinusoid(64, 320)[:32], table)
    assert torch.equal(sinusoid(16, 320, start=16), table[16:])


def test_zeroed_projection_changes_nothing(tmp_path):
    weights = {k: torch.zeros_like(v) if ".proj_out." in k else v for k, v in tiny.motion_weights().items()}
    model = load_motion_model(tiny.save(weights, tmp_path / "mm.safetensors")).model
    x = torch.randn(8, 32, 4, 4, generator=tiny.generator(0))
    assert torch.equal(model.at("down_blocks.0.motion_modules.0")(x, 4), x)


def test_videos_of_a_batch_do_not_see_each_other(motion):
    module = motion[1].at("down_blocks.0.motion_modules.0")
    x = torch.randn(8, 32, 4, 4, generator=tiny.generator(0))
    torch.testing.assert_close(module(x, 4)[4:], module(x[4:], 4))
    assert not torch.allclose(module(x, 8)[4:], module(x[4:], 4), atol=1e-3)
