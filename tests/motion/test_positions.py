import pytest
import tiny
import torch

from kinema.motion.positions import PositionRule, sinusoid

TABLE = tiny.sinusoid(24, 64)


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
