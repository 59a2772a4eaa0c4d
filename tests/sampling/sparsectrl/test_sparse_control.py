"""The control in runs of the host's sampler: what each frame is shown, and what it adds."""

import comfy.context_windows
import comfy.controlnet
import comfy.patcher_extension
import controls
import pytest
import sparse
import tiny
import torch
from compare import assert_alike, assert_other, difference
from watching import assert_untouched, snapshot

from kinema.sampling.curves.curve import Listed, OverPicture
from kinema.sampling.curves.curve_keys import OverFrames
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.run.attach import added, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.motion_windows import MotionWindows

FRAMES = 6
SIZE = 4


def sketches(count=1, size=8 * SIZE, seed=1):
    """White lines on black."""
    return (torch.rand(count, 3, size, size, generator=tiny.generator(seed)) > 0.7).float()


def sample(model, control, frames=FRAMES, size=SIZE, **more):
    positive = None if control is None else controls.controlled(control)
    return tiny.sample(model, frames, positive=positive, size=size, **{"steps": 1, **more})


def shown(control, run):
    """The inputs of the control network in each of its calls while `run` runs."""
    hints = []
    network = control.control_model
    handle = network.register_forward_pre_hook(
        lambda _, __, given: hints.append(given["hint"].clone()), with_kwargs=True
    )
    try:
        run()
    finally:
        handle.remove()
    return hints


def windowed(model, length=3, overlap=1, schedule="static", at_once=1, loop=False):
    spec = WindowSpec(length, overlap, schedule, closed_loop=loop)
    return added(model, windows=ContextWindows(spec, at_once=at_once))


def test_pictures_stand_at_their_frames(model, scribble):
    pictures = sketches(2)
    control = sparse.applied(scribble, pictures, frames="0, -2")
    hints = shown(control, lambda: sample(model, control))
    assert all(torch.equal(hint, hints[0]) for hint in hints)
    expected = torch.zeros(FRAMES, 4, 8 * SIZE, 8 * SIZE, dtype=torch.float64)
    expected[0], expected[4] = (torch.cat([each, torch.ones(1, *each.shape[1:])]) for each in pictures)
    assert all(torch.equal(half, expected) for half in hints[0].split(FRAMES))


def test_photographs_are_encoded_and_other_frames_are_zeros(model, rgb, vae):
    pictures = torch.rand(1, 3, 32, 32, generator=tiny.generator(4))
    control = sparse.applied(rgb, pictures, vae=vae, frames="2")
    hints = []
    encoded = sparse.encoded_by(vae, lambda: hints.extend(shown(control, lambda: sample(model, control, steps=3))))
    assert encoded == [(1, 3, 32, 32)]  # once in a run of three steps
    expected = vae.encode(pictures.movedim(1, -1)) * 0.18215
    assert torch.allclose(hints[0][2, :4].float(), expected[0], atol=1e-6) and (hints[0][2, 4] == 1).all()
    assert hints[0][:2].abs().max() == 0 == hints[0][3:FRAMES].abs().max()


def test_a_run_is_changed_and_leaves_nothing(animated, scribble):
    before = snapshot(animated)
    inside = {name: len(layer._forward_hooks) for name, layer in scribble.network.model.named_modules()}
    control = sparse.applied(scribble, sketches())
    with_it = sample(animated, control)
    assert_other(with_it, sample(animated, None))
    assert torch.equal(with_it, sample(animated, control))
    assert_untouched(animated, before)
    assert inside == {name: len(layer._forward_hooks) for name, layer in scribble.network.model.named_modules()}
    assert scribble.network.model.state_dict()["input_blocks.0.0.weight"].abs().max() == 0


def test_its_motion_modules_see_the_frames_together(model, scribble):
    """Frames that have no picture know of it through motion alone."""
    control = sparse.applied(scribble, sketches())
    still = sparse.applied(scribble, sketches(), motion=0)
    unmoved = sample(model, still)
    assert_other(sample(model, control)[3:], unmoved[3:])
    assert_other(unmoved, sample(model, None))


def settings(control, **how):
    """`control` with other settings."""
    changed_settings = type(control.how)(**{**vars(control.how), **how})
    copy = type(control)(control.model, changed_settings)
    control.copy_to(copy)
    return copy


def residuals(control, model, frames=FRAMES):
    """What a chain adds in one model call of one video."""
    out = []

    def keep(executor, x, t, concat, text, control, *args, **named):
        out.append({side: [each.clone() for each in parts] for side, parts in control.items()})
        return executor(x, t, concat, text, control, *args, **named)

    watched = model.clone()
    watched.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.APPLY_MODEL, "test", keep)
    sample(watched, control, frames=frames, cfg=1.0)
    return out[0]


def assert_sum(chained, parts, within=1e-6):
    for side in ("middle", "output"):
        for i, whole in enumerate(chained[side]):
            assert difference(whole, sum(part[side][i] for part in parts)) < within


def test_one_file_twice_is_the_sum_of_both_alone(model, scribble):
    first = sparse.applied(scribble, sketches(seed=1), 0.7, frames="0")
    second = sparse.applied(scribble, sketches(seed=2), 0.4, frames="-1")
    alone = [residuals(control, model) for control in (first, second)]
    chained = second.copy()
    chained.set_previous_controlnet(first)
    assert_sum(residuals(chained, model), alone)


def test_two_parts_of_the_run_with_one_file(model, scribble):
    both = sparse.applied(scribble, sketches(seed=2), 1.0, (0.5, 1.0), frames="-1")
    both.set_previous_controlnet(sparse.applied(scribble, sketches(seed=1), 1.0, (0.0, 0.4)))
    hints = shown(both, lambda: sample(model, both, steps=4, cfg=1.0))
    at = [hint[:, -1].amax((1, 2)).nonzero().flatten().tolist() for hint in hints]
    assert at[0] == [0] and at[-1] == [FRAMES - 1] and [0, FRAMES - 1] not in at


def test_a_chain_with_another_control_in_either_order(model, scribble):
    ordinary = controls.control_net(3).set_cond_hint(controls.hints(FRAMES), 0.5)
    ours = sparse.applied(scribble, sketches(), strength=0.8)
    alone = [residuals(control, model) for control in (ordinary, ours)]
    last, first = ours.copy(), ordinary.copy()
    last.set_previous_controlnet(ordinary)
    first.set_previous_controlnet(ours)
    assert_sum(residuals(last, model), alone)
    assert torch.equal(sample(model, last, cfg=1.0), sample(model, first, cfg=1.0))


def test_its_own_strength_is_not_that_of_other_controls(model, scribble):
    ordinary = controls.control_net(3).set_cond_hint(controls.hints(FRAMES))
    values = [1.0, 0.5, 0.0, 0.0, 0.25, 1.0]
    curve = Listed(tuple(values))
    plain = sparse.applied(scribble, sketches())
    both = settings(plain, strength=curve)
    both.set_previous_controlnet(ordinary)
    rows = torch.tensor(values, dtype=torch.float64).view(-1, 1, 1, 1)
    scaled = {side: [each * rows for each in parts] for side, parts in residuals(plain, model).items()}
    assert_sum(residuals(both, model), [residuals(ordinary, model), scaled])


def test_strength_over_the_picture(model, scribble):
    control = sparse.applied(scribble, sketches())
    mask = torch.zeros(1, SIZE, SIZE)
    mask[:, :, 2:] = 1
    plain = residuals(control, model)
    half = residuals(settings(control, strength=OverPicture(mask)), model)
    assert half["output"][0][..., :2].abs().max() == 0
    assert torch.equal(half["output"][0][..., 2:], plain["output"][0][..., 2:])


def test_strength_zero_is_as_good_as_none(model, scribble):
    control = settings(sparse.applied(scribble, sketches()), strength=0.0)
    plain = sample(model, None)
    assert shown(control, lambda: assert_same(sample(model, control), plain)) == []


def test_motion_as_a_curve(model, scribble):
    control = sparse.applied(scribble, sketches(), frames="every 1")
    curve = settings(control, motion=OverFrames(read_keys("0: 0, -1: 1")))
    still, moving = (residuals(settings(control, motion=value), model)["output"][4] for value in (0.0, 1.0))
    varied = residuals(curve, model)["output"][4]
    assert_other(varied, still)
    assert_other(varied, moving)


def test_outside_of_its_range_nothing_is_encoded(model, rgb, vae):
    late = sparse.applied(rgb, sketches(), 1.0, (0.5, 1.0), vae=vae)
    plain = sample(model, None)
    assert sparse.encoded_by(vae, lambda: assert_same(sample(model, late), plain)) == []
    assert sparse.encoded_by(vae, lambda: sample(model, late, steps=2)) == [(1, 3, 32, 32)]


def assert_same(result, expected):
    assert torch.equal(result, expected)


@pytest.mark.parametrize(("schedule", "steps"), [("static", 1), ("uniform", 2), ("looped", 1)])
def test_several_windows_in_one_model_call(animated, scribble, schedule, steps):
    control = sparse.applied(scribble, sketches(2), frames="0, 5")
    results, calls = [], []
    for count in (1, 3):
        cut = windowed(animated, schedule=schedule, at_once=count, loop=True)
        hints = shown(control, lambda cut=cut: results.append(sample(cut, control, 9, steps=steps)))
        calls.append(len(hints))
    assert_alike(*results)
    assert calls[1] < calls[0]


def test_windows_are_shown_their_pictures_and_the_nearest(model, scribble):
    pictures = sketches(2)
    control = sparse.applied(scribble, pictures, frames="0, -1")
    cut = windowed(model, 4, 0)
    hints = shown(control, lambda: sample(cut, control, 12, cfg=1.0))
    at = [hint[:, -1].amax((1, 2)).nonzero().flatten().tolist() for hint in hints]
    assert at == [[0], [0, 3], [3]]  # the second has none of its own, and is as far from both
    assert torch.equal(hints[1][0, :3].float(), pictures[0]) and torch.equal(hints[1][3, :3].float(), pictures[1])
    none = settings(control, nearest=False)
    hints = shown(none, lambda: sample(cut, none, 12, cfg=1.0))
    assert hints[1].abs().max() == 0


def test_around_a_loop(model, scribble):
    control = sparse.applied(scribble, sketches())
    seen = {}
    for loop in (False, True):
        cut = windowed(model, 3, 0, "looped" if loop else "static", loop=loop)
        hints = shown(control, lambda cut=cut: sample(cut, control, 9, cfg=1.0))
        seen[loop] = [hint[:, -1].amax((1, 2)).nonzero().flatten().tolist() for hint in hints]
    assert seen == {False: [[0], [0], [0]], True: [[0], [0], [2]]}


def test_motion_windows_reach_the_motion_modules_inside(animated, scribble):
    control = sparse.applied(scribble, sketches())
    inside = changed(animated, motion_windows=MotionWindows(16, 4))
    whole = sample(inside, control, 40, size=2, cfg=1.0)
    assert_other(whole, sample(inside, None, 40, size=2, cfg=1.0))
    short = changed(animated, motion_windows=MotionWindows(3, 1))
    with_windows, without = (residuals(control, each)["output"][4] for each in (short, animated))
    assert_other(with_windows, without)
    assert torch.equal(
        residuals(control, changed(animated, motion_windows=MotionWindows(FRAMES, 1)))["output"][4], without
    )


@pytest.mark.parametrize("condition", ["scribble", "rgb"])
def test_areas_see_their_cut_of_the_whole_picture(animated, condition, vae, request):
    picture = sketches(1, 64)
    control = sparse.applied(request.getfixturevalue(condition), picture, vae=vae, frames="0")
    areas = [(4, 8, 0, 0), (4, 8, 4, 0)]  # h, w, y, x
    parts = [
        [tiny.conditioning(i)[0][0], {"area": area, "strength": 1.0, "control": control}]
        for i, area in enumerate(areas)
    ]
    hints = shown(control, lambda: tiny.sample(animated, 4, positive=[*tiny.conditioning(3), *parts], steps=1))
    whole = picture[0] if condition == "scribble" else vae.encode(picture.movedim(1, -1))[0] * 0.18215
    rounding = 0.0 if condition == "scribble" else 1e-6
    middle = whole.shape[1] // 2
    cuts = [cut[0, :-1].float() for hint in hints for cut in hint.split(4)]
    for cut in (whole[:, :middle], whole[:, middle:]):
        assert (
            sum(torch.allclose(cut, seen, atol=rounding, rtol=0.0) for seen in cuts) == 2
        )  # the negative prompt sees it, too
    assert len(cuts) == 4


def test_one_file_twice_with_an_area_in_several_windows_of_one_call(animated, rgb, vae):
    """Two pictures, in two parts of the run that overlap."""
    second = sparse.applied(rgb, sketches(seed=2), 6.0, (0.3, 1.0), vae=vae, frames="-1")
    second.set_previous_controlnet(sparse.applied(rgb, sketches(), 0.9, (0.0, 0.7), vae=vae))
    words = tiny.conditioning(7)[0][0]

    def result(at_once, control):
        part = [[words, {"area": (2, 3, 1, 1), "strength": 1.0, "control": control}]]
        cut = windowed(animated, schedule="looped", at_once=at_once, loop=True)
        return tiny.sample(cut, 5, positive=[*controls.controlled(control), *part], size=SIZE, steps=2)

    alone = result(1, second)
    assert_alike(result(3, second), alone)
    assert_other(result(3, second.previous_controlnet), alone, by=2e-4)


def test_areas_without_a_motion_model(model, scribble):
    """Any node of Kinema tells the control its area."""
    control = sparse.applied(scribble, sketches(1, 64), frames="every 1", motion=0)
    part = [tiny.conditioning(1)[0][0], {"area": (4, 4, 4, 4), "strength": 1.0, "control": control}]
    cut = windowed(model, 2, 0)
    hints = shown(control, lambda: tiny.sample(cut, 4, positive=[*tiny.conditioning(3), part], steps=1))
    assert all(torch.equal(each[:3].float(), sketches(1, 64)[0][:, 32:, 32:]) for hint in hints for each in hint)


def test_still_pictures_without_a_motion_model_are_as_with_the_hosts_control(model, scribble):
    """The host gives each latent its picture, and a mask of ones."""
    pictures = sketches(3)
    ours = sparse.applied(scribble, pictures, 0.8, frames="every 1", motion=0)
    theirs = comfy.controlnet.ControlNet(scribble.network.model, load_device=torch.device("cpu"), concat_mask=True)
    theirs.set_cond_hint(pictures, 0.8)
    assert_alike(sample(model, ours, 3), sample(model, theirs, 3))
    single = sparse.applied(scribble, sketches(), motion=0)
    assert_other(sample(model, single, 1), sample(model, None, 1))
    assert (
        scribble.motion not in single.get_models()
        and scribble.motion in sparse.applied(scribble, sketches()).get_models()
    )


def test_pictures_of_another_shape_are_cut_and_resized_smoothly(model, scribble):
    told = []
    grey = torch.full((1, 3, 64, 128), 0.25)
    control = sparse.applied(scribble, grey, tell=told.append)
    hints = shown(control, lambda: sample(model, control, steps=2))
    assert (hints[0][0, :3] - 0.25).abs().max() < 1e-6 and hints[0].shape[2:] == (32, 32)
    assert told == ["SparseCtrl crops 50% off its pictures of 128 x 64, because the video is 32 x 32."]


def test_the_hosts_own_context_windows(model, scribble):
    handler = comfy.context_windows.IndexListContextHandler(
        context_schedule=comfy.context_windows.get_matching_context_schedule("standard_static"),
        fuse_method=comfy.context_windows.get_matching_fuse_method("pyramid"),
        context_length=4, context_overlap=0,
    )  # fmt: skip
    control = sparse.applied(scribble, sketches(), frames="5", nearest=False)
    theirs = model.clone()
    theirs.model_options["context_handler"] = handler
    hints = shown(control, lambda: sample(theirs, control, 8, cfg=1.0))
    at = [hint[:, -1].amax((1, 2)).nonzero().flatten().tolist() for hint in hints]
    anchored = len(hints[1]) - 4  # newer hosts put one earlier frame before a window
    assert at == [[], [1 + anchored]]
