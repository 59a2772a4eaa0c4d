"""The paper's claims on unseen seeds: a motion model animates, as the prompt says, in every style of its base."""

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
    return scored("motion", 64, miniature)


def test_64_prompts_are_followed(motion: ClipScore) -> None:
    assert min(motion.facing, motion.moving, motion.colour, motion.background) >= 0.95, motion


def test_the_fish_keeps_its_colour_and_shape(motion: ClipScore) -> None:
    assert min(motion.found, motion.same_colour, motion.same_shape) >= 0.95, motion


def test_without_motion_the_same_seeds_flicker(motion: ClipScore, miniature: tuple[Any, Any, Any]) -> None:
    still = scored("still", 8, miniature)
    assert still.flicker > 3 * motion.flicker and still.jitter > 3 * motion.jitter, (still, motion)


@pytest.mark.parametrize("style", ["lora", "finetune"])
def test_motion_stays_in_a_style_it_never_saw(style: str, miniature: tuple[Any, Any, Any]) -> None:
    score = scored(style, 12, miniature)
    assert min(score.moving, score.colour, score.found) >= 0.9, score


def test_the_zoom_lora_zooms(motion: ClipScore, miniature: tuple[Any, Any, Any]) -> None:
    score = scored("zoom", 6, miniature, frames=16)
    assert score.growth > 1.4 > 1.2 > motion.growth, (score, motion)


def test_text2video_zero_flickers_more(motion: ClipScore, miniature: tuple[Any, Any, Any]) -> None:
    score = scored("zero", 8, miniature)
    assert score.flicker > motion.flicker, (score, motion)
