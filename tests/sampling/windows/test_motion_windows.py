"""Motion windows in the host's samplers."""

import comfy.patcher_extension
import exact
import pytest
import tiny
import torch
from compare import assert_alike, assert_other

from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.freenoise import reschedule
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec, cut
from kinema.sampling.windows.motion_windows import MotionWindows

WRAPPERS = comfy.patcher_extension.WrappersMP


@pytest.fixture(scope="module")
def animated(tmp_path_factory):
    motion = exact.motion_model(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("motion") / "v3.safetensors")
    return attach(exact.image_model(), motion, Applied())


def test_the_unet_sees_every_frame_once(animated):
    model, sizes = changed(animated, motion_windows=MotionWindows()), []

    def watch(executor, base, conds, x, *args):
        sizes.append(len(x))
        return executor(base, conds, x, *args)

    model.add_wrapper_with_key(WRAPPERS.CALC_COND_BATCH, "test", watch)
    assert torch.isfinite(tiny.sample(model, frames=40, steps=1, size=4)).all()  # more than the 32 positions of v3
    assert sizes == [40]


def test_without_overlap_they_equal_context_windows_without_overlap(animated):
    """What is between the motion modules belongs to single frames."""
    inside = changed(animated, motion_windows=MotionWindows(4, 0, "flat"))
    outside = added(animated, windows=ContextWindows(WindowSpec(4, 0)))
    assert_alike(*(tiny.sample(model, frames=12, size=4, steps=1) for model in (inside, outside)))


def test_context_windows_with_motion_windows_inside(animated):
    """Context windows of 8 whose motion is computed 4 by 4 are the same as motion windows of 4, when nothing overlaps."""
    small = changed(animated, motion_windows=MotionWindows(4, 0, "flat"))
    combined = added(small, windows=ContextWindows(WindowSpec(8, 0), at_once=2))
    assert_alike(*(tiny.sample(model, frames=16, size=4, steps=1) for model in (combined, small)))


def test_they_move_as_context_windows_do(animated):
    """Windows of 4 without overlap share 12 frames out among them at every step, begun elsewhere at each."""
    inside = changed(animated, motion_windows=MotionWindows(4, 0, "flat", schedule="looped"))
    outside = added(animated, windows=ContextWindows(WindowSpec(4, 0, "looped")))
    moved, expected = (tiny.sample(model, frames=12, size=4, steps=3) for model in (inside, outside))
    assert_alike(moved, expected)
    still = changed(animated, motion_windows=MotionWindows(4, 0, "flat"))
    assert_other(moved, tiny.sample(still, frames=12, size=4, steps=3), by=1e-3)  # the first step has no move


@pytest.mark.parametrize(("schedule", "closed"), [("uniform", False), ("looped", False), ("looped", True)])
def test_the_windows_of_each_step_are_those_of_context_windows(schedule, closed):
    inside = MotionWindows(8, 2, "flat", closed, schedule=schedule, stride=2)
    for step in range(4):
        assert inside.cut(20, 20, step) == cut(WindowSpec(8, 2, schedule, 2, closed), 20, step)
    assert inside.cut(12, 20, 1) == cut(WindowSpec(8, 2, "uniform", 2), 12, 1)  # a part of a video does not loop
    assert len(MotionWindows(8, 2, closed_loop=True, schedule="looped", short="equal length").cut(8, 8)) == 2
    assert MotionWindows(8, 2, closed_loop=True, schedule="looped", short="leave").cut(8, 8) == ()


def test_settings_that_cannot_act_are_refused():
    with pytest.raises(ValueError, match=r'stride is 2, but windows of the schedule "static" consist of neighbouring'):
        MotionWindows(8, 2, stride=2)
    with pytest.raises(ValueError, match=r'closed_loop is on, but windows of the schedule "uniform" do not loop'):
        MotionWindows(8, 2, closed_loop=True, schedule="uniform")
    with pytest.raises(ValueError, match=r'short_videos is "leave", but the schedule "static" does not use it'):
        MotionWindows(8, 2, closed_loop=True, short="leave")


@pytest.mark.parametrize("looping", [{"closed_loop": True}, {"schedule": "looped"}])
def test_global_attention_of_a_loop_is_refused(looping):
    what = 'schedule is "looped"' if "schedule" in looping else "closed_loop is on"
    with pytest.raises(
        ValueError, match=f"global_attention is 0.25, but {what}: an attention over the whole video knows"
    ):
        MotionWindows(8, 2, **looping, global_attention=0.25)


def test_global_attention_sees_each_video_of_a_call_alone(animated):
    """Context windows and prompts, together and apart; one of the prompts is for an area."""
    inside = changed(animated, motion_windows=MotionWindows(4, 1, schedule="uniform", global_attention=0.4))
    area = [tiny.conditioning(6)[0][0], {"area": (2, 2, 0, 1), "strength": 1.0}]
    positive = [tiny.conditioning(3)[0], area]
    apart, together = (
        tiny.sample(
            added(inside, windows=ContextWindows(WindowSpec(7, 2), at_once=count)), 12, positive=positive, size=4
        )
        for count in (1, 2)
    )
    assert_alike(apart, together)


def test_global_attention_sees_the_whole_video(animated):
    """The first window notices a change of the last frame."""
    changed_end = tiny.latents(12, 4)
    changed_end[-1] += 1
    whole = changed(animated, motion_windows=MotionWindows(4, 0, "flat", global_attention=0.4))
    firsts = [tiny.sample(whole, 12, noise=noise, steps=1, size=4)[0] for noise in (tiny.latents(12, 4), changed_end)]
    assert_other(*firsts, by=1e-4)


def test_overlap_joins_the_windows(animated):
    results = [
        tiny.sample(changed(animated, motion_windows=MotionWindows(4, overlap, loop_fuse, loop)), frames=10, size=4)
        for overlap, loop_fuse, loop in (
            (0, "flat", False),
            (2, "pyramid", False),
            (2, "flat", False),
            (2, "pyramid", True),
        )
    ]
    for i, a in enumerate(results):
        assert torch.isfinite(a).all()
        assert all((a - b).abs().max() > 1e-3 * a.abs().max() for b in results[i + 1 :])


def test_a_video_that_fits_is_left_alone(animated):
    model = changed(animated, motion_windows=MotionWindows(16, 4))
    assert torch.equal(tiny.sample(model, frames=16, size=4), tiny.sample(animated, frames=16, size=4))


@pytest.mark.parametrize("frames", [5, 16])
def test_a_short_loop_is_closed_too(animated, frames):
    """Every frame has the same view of the others: turning the noise turns the video."""
    model = changed(animated, motion_windows=MotionWindows(16, 15, "flat", closed_loop=True))
    noise = tiny.latents(frames, 4)
    first, turned = (
        tiny.sample(model, frames=frames, noise=n, steps=1, size=4, cfg=1.0) for n in (noise, noise.roll(1, 0))
    )
    assert_alike(turned, first.roll(1, 0))
    left_open = [
        tiny.sample(animated, frames=frames, noise=n, steps=1, size=4, cfg=1.0) for n in (noise, noise.roll(1, 0))
    ]
    assert (left_open[1] - left_open[0].roll(1, 0)).abs().max() > 1e-2


def test_a_context_window_is_no_loop(animated):
    """Only the whole video goes on from its last frame to its first."""
    both = [changed(animated, motion_windows=MotionWindows(4, 1, closed_loop=loop)) for loop in (False, True)]
    for frames, same in ((16, True), (8, False)):
        plain, loop = (
            tiny.sample(added(model, windows=ContextWindows(WindowSpec(8, 2))), frames=frames, steps=1, size=4)
            for model in both
        )
        assert torch.equal(plain, loop) is same


def test_windows_longer_than_the_motion_model_are_refused(animated):
    with pytest.raises(
        ValueError, match=r'"v3\.safetensors" has 32 positional encodings, but 34 frames are sampled at once'
    ):
        tiny.sample(changed(animated, motion_windows=MotionWindows(40, 4)), frames=34, size=2)
    with pytest.raises(ValueError, match="An overlap of 16 is not smaller than the window of 16 frames"):
        MotionWindows(16, 16)


@pytest.mark.parametrize("kind", ["context", "motion"])
def test_freenoise_starts_windows_from_the_same_noise(animated, kind):
    if kind == "context":
        plain, free = (added(animated, windows=ContextWindows(WindowSpec(8, 4), freenoise=f)) for f in (False, True))
    else:
        plain, free = (changed(animated, motion_windows=MotionWindows(8, 4, freenoise=f)) for f in (False, True))
    noise = tiny.latents(20, 4)
    kept = noise.clone()
    expected = tiny.sample(plain, frames=20, size=4, noise=reschedule(noise, 8, 4, 5))
    assert torch.equal(tiny.sample(free, frames=20, size=4, noise=noise, seed=5), expected)
    assert torch.equal(noise, kept)
