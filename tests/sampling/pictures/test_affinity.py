"""How much frames resemble PIA's picture: the authors' tables, loops of other lengths, several pictures."""

import pytest
from diffusers.pipelines.deprecated.pia.pipeline_pia import prepare_mask_coef_by_statistics

from kinema.sampling.pictures.affinity import MOTION_AMOUNTS, affinities, between, nearest, spread

AUTHORS = (
    "small", "moderate", "large", "small loop", "moderate loop", "large loop",
    "style small", "style moderate", "style large",
)  # fmt: skip
"""In the order of diffusers' numbers."""


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("frames", [16, 8, 24])
def test_the_tables_are_the_authors(number, frames):
    name = AUTHORS[number]
    if not MOTION_AMOUNTS[name].loops or frames == 16:
        assert affinities(name, frames, 0) == prepare_mask_coef_by_statistics(frames, 0, number)
    assert tuple(MOTION_AMOUNTS) == AUTHORS


def test_around_a_picture_in_the_middle():
    expected = [0.78, 0.79, 0.8, 0.8, 0.8, 1, 0.8, 0.8, 0.8, 0.79, 0.78, 0.75, 0.75, 0.75, 0.75, 0.75]
    assert affinities("moderate", 16, 5) == expected
    assert affinities("large", 8, 7) == [0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.8, 1]


@pytest.mark.parametrize("name", [name for name in MOTION_AMOUNTS if name.endswith("loop")])
@pytest.mark.parametrize("frames", [2, 3, 8, 15, 17, 24, 64])
def test_loops_of_other_lengths_go_there_and_back(name, frames):
    there = affinities(name, frames, 0)
    assert there == there[::-1] and there[0] == 1.0
    table = MOTION_AMOUNTS[name].table
    assert there[: min(8, frames // 2)] == list(table[: min(8, frames // 2)])
    assert set(there[8:-8]) <= {table[7]}


@pytest.mark.parametrize("frames", [16, 24])
def test_a_loop_goes_round_wherever_its_picture_is(frames):
    first = affinities("large loop", frames, 0)
    for at in (1, 5, frames - 1):
        turned = affinities("large loop", frames, at)
        assert turned[at] == 1.0 and turned == first[-at:] + first[:-at]


def test_two_pictures():
    falling = [1, 0.8857, 0.7714, 0.6571, 0.5429, 0.4286, 0.3143, 0.2]
    assert [round(value, 4) for value in between([0, 15], 16)] == falling + falling[::-1]
    assert nearest([0, 15], 16) == [0] * 8 + [1] * 8
    assert nearest([0, 8, 15], 16) == [0] * 5 + [1] * 7 + [2] * 4


def test_pictures_are_spread_from_the_first_frame_to_the_last():
    assert spread(2, 16) == [0, 15]
    assert spread(3, 16) == [0, 7, 15]
    assert spread(1, 16) == [0]
    assert spread(4, 4) == [0, 1, 2, 3] and between([0, 1, 2, 3], 4) == [1, 1, 1, 1]
