"""On unseen seeds: with motion the prompt is followed in all frames alike, the fish swims the way the prompt says, and
flicker and jitter go down. A clip or two of each kind show that the shipped files still work; docs/development/miniature.md
has the figures of 64.
"""

from typing import Any

import pytest

from kinema.miniature import models
from kinema.sampling.sparsectrl.sparse_model import load_sparsectrl
from tools.miniature import judge, pictures, world
from tools.miniature.judge import ClipScore
from tools.miniature.series import animated, base, series

FRAMES, STEPS = 16, 10  # the motion model's own length: with half of it, half of the fish turn around
SEED = 70_000


def scored(name: str, miniature: tuple[Any, Any, Any], count: int = 1, frames: int = FRAMES) -> ClipScore:
    """The score of `count` clips of a series of the report, of other seeds than its."""
    each, (_, clip, vae) = series()[name], miniature
    model, wanted = each.model(), judge.prompts(count)
    clips = [judge.animation(model, clip, vae, words, SEED + i, frames, STEPS) for i, words in enumerate(wanted)]
    return judge.judge_clips(clips, wanted, each.style)


@pytest.fixture(scope="module")
def motion(miniature: tuple[Any, Any, Any]) -> ClipScore:
    return scored("motion", miniature, 2)


def test_prompts_are_followed(motion: ClipScore) -> None:
    assert min(motion.facing, motion.colour, motion.background) == 1, motion  # both; by chance 1 in 4, 36 and 16


def test_the_fish_swims_as_the_prompt_says(motion: ClipScore) -> None:
    assert motion.moving == 1, motion  # both; by chance 1 in 4


def test_the_fish_keeps_its_colour_and_shape(motion: ClipScore) -> None:
    assert min(motion.found, motion.same_colour) >= 0.95 and motion.same_shape >= 0.9, motion


def test_without_motion_the_same_seeds_flicker(motion: ClipScore, miniature: tuple[Any, Any, Any]) -> None:
    still = scored("still", miniature, frames=8)
    assert still.flicker > 1.5 * motion.flicker and still.jitter > 1.5 * motion.jitter, (still, motion)


def test_the_zoom_lora_makes_the_fish_grow(motion: ClipScore, miniature: tuple[Any, Any, Any]) -> None:
    zoomed = scored("zoom", miniature)
    assert zoomed.growth > 1.1 * motion.growth and zoomed.growth > 1.1, (zoomed, motion)


@pytest.mark.parametrize("style", ["finetune", "lora"])
def test_motion_stays_in_another_style(style: str, miniature: tuple[Any, Any, Any]) -> None:
    neon = scored(style, miniature, frames=8)
    assert neon.found >= 0.9 and neon.same_colour >= 0.85, neon


def test_a_picture_says_where_the_fish_is(miniature: tuple[Any, Any, Any]) -> None:
    """At the first frame, of a drawn clip that the SparseCtrl model never saw; the prompt says the rest."""
    found = likeness(pictures.Row("first frame", 1, (0,), is_prompted=True), miniature)
    assert found.first_place == 1 and found.colour >= 0.9, found


def test_pictures_say_where_the_fish_is_and_swims(miniature: tuple[Any, Any, Any]) -> None:
    """At the first and the last frame, of a drawn clip that the SparseCtrl model never saw; the prompt says nothing."""
    found = likeness(pictures.Row("both ends", 1, (0, judge.FRAMES - 1), is_prompted=False), miniature)
    assert (found.first_place, found.last_place, found.swims) == (1, 1, 1), found


def likeness(row: pictures.Row, miniature: tuple[Any, Any, Any]) -> pictures.Likeness:
    """Of the animation of `row` to the drawn clip that its pictures are from."""
    _, clip, vae = miniature
    shown = world.scene(SEED)
    control = load_sparsectrl(models.FOLDER / models.SPARSE_CONTROL)
    frames = pictures.animation((animated(base()), clip, vae), control, row, shown, SEED)
    return pictures.compared([frames], [shown])
