import pytest
import tiny
import torch

from kinema.motion.layers import TemporalAttention
from kinema.motion.load import load_motion_model, place_positions
from kinema.motion.positions import PositionRule, sinusoid

TABLE = tiny.sinusoid(24, 64)


class OnAGpu(torch.Tensor):
    """Refuses, as a tensor on a GPU does, to be calculated with together with one on the CPU; `to` moves it there."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        near = [value for value in args if isinstance(value, torch.Tensor) and not isinstance(value, cls)]
        if function is torch.Tensor.to:
            return super().__torch_function__(function, types, args, kwargs).as_subclass(torch.Tensor)
        if near:
            raise RuntimeError("Expected all tensors to be on the same device")
        return super().__torch_function__(function, types, args, kwargs)


def test_within_the_table():
    for beyond in ("refuse", "extend", "stretch"):
        assert torch.equal(PositionRule(beyond).rows(TABLE, 16), TABLE[:16])
        assert torch.equal(PositionRule(beyond, 5).rows(TABLE, 16), TABLE[5:21])


def test_extend_is_the_formula():
    torch.testing.assert_close(PositionRule("extend").rows(TABLE, 40), tiny.sinusoid(40, 64), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        PositionRule("extend", 30).rows(TABLE, 16), tiny.sinusoid(46, 64)[30:], atol=1e-6, rtol=0
    )
    assert torch.equal(sinusoid(16, 64, start=30), sinusoid(46, 64)[30:])


def test_stretch_is_linear_between_the_ends():
    rows = PositionRule("stretch").rows(TABLE, 47)
    assert rows.shape == (47, 64)
    torch.testing.assert_close(rows[::2], TABLE, atol=1e-6, rtol=0)
    torch.testing.assert_close(rows[1::2], (TABLE[1:] + TABLE[:-1]) / 2, atol=1e-6, rtol=0)


def test_refuse():
    with pytest.raises(ValueError, match="25 positions are needed, but the table has 24"):
        PositionRule("refuse", 1).rows(TABLE, 24)


@pytest.mark.parametrize(("change", "expected"), [(0.001, 0.0), (0.5, 0.5)], ids=["the formula's", "the file's"])
def test_tables_that_the_host_read_onto_the_gpu(change, expected, tmp_path):
    """As with --highvram; see OnAGpu."""
    motion = load_motion_model(tiny.save(tiny.motion_weights(), tmp_path / "v3.safetensors")).model
    before = positions(motion)
    stored = {f"{name}.pos_encoder.pe": (table + change)[None].as_subclass(OnAGpu) for name, table in before.items()}
    place_positions(motion, stored, torch.device("cpu"))
    assert len(before) > 0
    for name, table in positions(motion).items():
        assert type(table) is torch.Tensor
        torch.testing.assert_close(table, before[name] + expected, atol=0, rtol=0)


def positions(motion):
    modules = dict(motion.named_modules()).items()
    return {name: module.positions for name, module in modules if isinstance(module, TemporalAttention)}
