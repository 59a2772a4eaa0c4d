"""On unseen seeds: with motion the prompt is followed in all frames alike, and flicker and jitter go down."""

from typing import Any

import pytest

from tools.miniature import judge, report
from tools.miniature.judge import ClipScore

FRAMES, STEPS = 8, 10  # half of what the report judges: a fourth of its time
SEED = 70_000


def scored(name: str, count: int, miniature: tuple[Any, Any, Any], frames: int = FRAMES) -> ClipScore:
    """The score of `count` clips of a series of the report, of other seeds than its."""
    each, (_, clip, vae) = report.series()[name], miniature
    model, wanted = each.model(), judge.prompts(count)
    clips = [judge.animation(model, clip, vae, words, SEED + i, frames, STEPS) for i, words in enumerate(wanted)]
    return judge.judge_clips(clips, wanted, each.style)


@pytest.fixture(scope="module")
def motion(miniature: tuple[Any, Any, Any]) -> ClipScore:
    return scored("motion", 8, miniature)


def test_prompts_are_followed(motion: ClipScore) -> None:
    assert min(motion.facing, motion.colour, motion.background) >= 0.87, motion


def test_the_fish_keeps_its_colour(motion: ClipScore) -> None:
    assert min(motion.found, motion.same_colour) >= 0.95, motion


def test_without_motion_the_same_seeds_flicker(motion: ClipScore, miniature: tuple[Any, Any, Any]) -> None:
    still = scored("still", 4, miniature)
    assert still.flicker > 1.5 * motion.flicker and still.jitter > 1.5 * motion.jitter, (still, motion)
