"""The plan of a run is what the run does, and its picture shows it."""

import comfy.context_windows
import comfy.patcher_extension
import comfy.samplers
import numpy as np
import pytest
import tiny
from PIL import ImageColor

from kinema.drawing.canvas import PAPER
from kinema.motion.load import load_motion_model
from kinema.sampling.modules.applied import Applied
from kinema.sampling.plan.plan_picture import BARS, HEAD, LEFT, LINE, RIGHT, draw_plan
from kinema.sampling.plan.window_plan import Stretch, plan_run
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec, cut
from kinema.sampling.windows.motion_windows import MotionWindows


@pytest.fixture(scope="module")
def animated(tmp_path_factory):
    motion = load_motion_model(
        tiny.save(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("motion") / "v3.safetensors")
    )
    return attach(tiny.image_model(), motion, Applied())


def sigmas(model, steps):
    return comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "normal", steps).tolist()


def planned(model, frames, steps):
    """The windows of each step, in the order of computation."""
    stretches = plan_run(model, frames, sigmas(model, steps))
    return [stretch.windows for stretch in stretches for _ in range(stretch.first, stretch.last + 1)]


def run(model, frames, steps):
    """The same, of a real run."""
    seen = []
    model = model.clone()

    def watch(executor, base, conds, x, timestep, options):
        window = options["transformer_options"].get("context_window")
        seen.append((float(timestep[0]), tuple(window.index_list) if window else tuple(range(frames))))
        return executor(base, conds, x, timestep, options)

    model.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.CALC_COND_BATCH, "test", watch)
    tiny.sample(model, frames=frames, steps=steps, cfg=1.0, size=2)
    return [tuple(w for s, w in seen if s == sigma) for sigma in dict.fromkeys(s for s, _ in seen)]


def test_the_plan_is_what_the_run_does(animated):
    first = added(animated, windows=ContextWindows(WindowSpec(8, 2, "uniform", 2), "gauss-sigma", end_percent=0.4))
    both = added(first, windows=ContextWindows(WindowSpec(12, 3, "looped", closed_loop=True), start_percent=0.6))
    for model, frames in ((animated, 16), (animated, 33), (first, 20), (both, 20)):
        assert planned(model, frames, 5) == run(model, frames, 5)


def test_steps_with_the_same_windows_are_one_stretch(animated):
    assert [(s.first, s.last) for s in plan_run(animated, 40, sigmas(animated, 7))] == [(1, 7)]
    moving = added(animated, windows=ContextWindows(WindowSpec(16, 4, "uniform")))
    assert [(s.first, s.last) for s in plan_run(moving, 40, sigmas(animated, 3))] == [(1, 1), (2, 2), (3, 3)]


def test_motion_windows_are_in_the_plan(animated):
    model = changed(added(animated, windows=ContextWindows(WindowSpec(24, 4))), motion_windows=MotionWindows(16, 4))
    (stretch,) = plan_run(model, 30, sigmas(model, 2))
    assert stretch.windows == (tuple(range(24)), tuple(range(6, 30)))
    assert [(w[0], w[-1]) for w in stretch.motion] == [(0, 15), (8, 23), (6, 21), (14, 29)]


def test_motion_windows_that_move_are_in_the_plan(animated):
    model = changed(animated, motion_windows=MotionWindows(16, 4, schedule="uniform"))
    stretches = plan_run(model, 32, sigmas(model, 2))
    assert [(s.first, s.motion) for s in stretches] == [
        (1 + step, cut(WindowSpec(16, 4, "uniform"), 32, step)) for step in range(2)
    ]


def test_closed_motion_windows_in_the_plan_are_those_of_the_whole_video(animated):
    model = changed(animated, motion_windows=MotionWindows(16, 4, closed_loop=True))
    assert [w[0] for w in plan_run(model, 16, sigmas(model, 1))[0].motion] == [12, 4]
    cut = added(model, windows=ContextWindows(WindowSpec(24, 4)))
    assert [w[0] for w in plan_run(cut, 30, sigmas(model, 1))[0].motion] == [0, 8, 6, 14]


def test_windows_of_another_node_are_named(animated):
    other = animated.clone()
    other.model_options["context_handler"] = comfy.context_windows.IndexListContextHandler(None, None)
    with pytest.raises(ValueError, match=r"set by a node that is not part of Kinema \(IndexListContextHandler\)"):
        plan_run(other, 32, [1.0, 0.0])


def dark(picture):
    """Where a pixel has some window's full colour."""
    pixels = np.asarray(picture)
    return np.any([coloured(pixels, colour) for colour in BARS], axis=0)


def coloured(pixels, colour):
    return np.all(np.abs(pixels.astype(int) - ImageColor.getrgb(colour)) < 4, axis=-1)


def test_the_picture_shows_every_window_where_it_is():
    windows = (tuple(range(0, 10)), tuple(range(10, 20)))
    picture = draw_plan([Stretch(1, 4, windows, ((1.0,) * 10,) * 2, ())], 20, 720)
    plot = np.asarray(picture)[HEAD:, LEFT : 720 - RIGHT]
    first, second = (coloured(plot, colour).any(axis=0) for colour in BARS[:2])
    middle = plot.shape[1] // 2
    assert first[: middle - 2].all() and not first[middle + 1 :].any()
    assert second[middle + 1 : -2].all() and not second[: middle - 2].any()


def test_words_above_a_narrow_picture_are_wrapped():
    plan = [Stretch(1, 4, (tuple(range(20)),) * 2, ((1.0,) * 20,) * 2, ())]
    narrow, wide = draw_plan(plan, 20, 384), draw_plan(plan, 20, 1280)
    assert narrow.height - wide.height == 2 * LINE  # a line more for the title, and one for the legend
    assert (np.asarray(narrow)[:, -8:] == ImageColor.getrgb(PAPER)).all()  # nothing is cut off at the right edge


@pytest.mark.parametrize(("frames", "schedule"), [(1, "static"), (16, "static"), (300, "static"), (300, "looped")])
def test_any_number_of_frames_stays_readable(animated, frames, schedule):
    model = added(animated, windows=ContextWindows(WindowSpec(16, 4, schedule, 2, True)))
    picture = draw_plan(plan_run(model, frames, sigmas(model, 20)), frames, 1280)
    assert picture.width == 1280 and 80 < picture.height < 6200
    columns = dark(picture)[HEAD:, LEFT : 1280 - RIGHT].any(axis=0)
    assert columns.mean() > 0.9  # every frame is in some window
