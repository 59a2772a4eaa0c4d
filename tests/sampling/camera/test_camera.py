"""A motion model that follows a camera, in the host's samplers."""

import cameras
import comfy.model_management
import pytest
import safetensors.torch
import tiny
import torch
from compare import ONE_CALL, assert_alike, assert_other
from watching import Stop, snapshot

from kinema.motion.camera_load import load_camera_ctrl
from kinema.sampling.call import feature_cache
from kinema.sampling.call.areas import Areas
from kinema.sampling.call.frames import Frames
from kinema.sampling.camera.camera import Camera, follow_camera
from kinema.sampling.camera.path import CameraMove, Joined, track_of
from kinema.sampling.camera.rays import PictureCut, rays_of
from kinema.sampling.camera.sight import VIEWS, CameraView, sight_of
from kinema.sampling.curves.curve import Blocks, Constant, Listed, OverBlocks, OverPicture, as_curve
from kinema.sampling.curves.curve_keys import OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.motion_windows import MotionWindows

RIGHT = CameraMove("move right", 4.0)
FORWARD = Joined(CameraMove("move forward", 2.0), CameraMove(turn=-30.0))


@pytest.fixture(scope="module")
def camera_ctrl(tmp_path_factory):
    path = tmp_path_factory.mktemp("camera") / "CameraCtrl_pruned.safetensors"
    safetensors.torch.save_file(cameras.pruned(), path)
    patcher = load_camera_ctrl(path)
    patcher.model.double()
    return patcher


@pytest.fixture(scope="module")
def follow(model, motion, camera_ctrl):
    """A function that gives the MODEL with a camera."""

    def applied(path=RIGHT, strength=1.0, to=model, **more):
        return attach(to, follow_camera(motion, camera_ctrl, Camera(path, strength)), Applied(**more))

    return applied


def sample(model, frames=4, **more):
    """One step of a small video."""
    return tiny.sample(model, frames, **{"steps": 1, "size": 4, **more})


@pytest.fixture(scope="module")
def plain(model, motion):
    """The video without a camera."""
    return sample(attach(model, motion, Applied()))


@pytest.fixture(scope="module")
def right(follow):
    """With a camera that moves right."""
    return sample(follow(RIGHT))


@pytest.fixture(scope="module")
def forward(follow):
    return sample(follow(FORWARD))


def windows(length, overlap=0, schedule="static", **more):
    return ContextWindows(WindowSpec(length, overlap, schedule, closed_loop=schedule == "looped"), **more)


def encodings(camera_ctrl, run):
    """How often `run` computes features, and what it gives."""
    calls = []
    handle = camera_ctrl.model.encoder.register_forward_hook(lambda *_: calls.append(1))
    try:
        result = run()
    finally:
        handle.remove()
    return len(calls), result


def test_strength_zero_is_the_plain_motion_model(follow, plain, right, forward, camera_ctrl):
    assert_other(right, plain)
    assert_other(right, forward)
    off = OverRun(read_keys("0: 0"))
    for strength in (0.0, off, OverBlocks(((Blocks(), as_curve(0.0)),)), Listed((0.0, 0.0))):
        count, result = encodings(camera_ctrl, lambda s=strength: sample(follow(strength=s)))
        assert count == 0 and torch.equal(result, plain)
    mask = OverPicture(torch.zeros(1, 4, 4))
    mask.values[0, 0, 0] = 1e-30
    assert_alike(sample(follow(strength=mask)), plain)


def test_layers_of_zero_are_the_plain_motion_model(model, motion, plain, tmp_path):
    weights = {key: torch.zeros_like(w) if "qkv_merge" in key else w for key, w in cameras.pruned().items()}
    safetensors.torch.save_file(weights, tmp_path / "zero.safetensors")
    zero = load_camera_ctrl(tmp_path / "zero.safetensors")
    zero.model.double()
    followed = attach(model, follow_camera(motion, zero, Camera(RIGHT)), Applied())
    assert torch.equal(sample(followed), plain)


def test_a_constant_curve_is_the_number(follow):
    number = sample(follow(strength=0.6), size=8)
    mask = OverPicture(torch.full((3, 8, 8), 0.6))
    mask.values[0, 0, 0] += 1e-7
    for curve in (Listed((0.6,) * 4), mask, OverBlocks(((Blocks(), Constant(0.6)),)), OverRun(read_keys("0: 0.6"))):
        assert_alike(sample(follow(strength=curve), size=8), number)


def test_strength_over_frames_and_blocks(follow, right):
    curves = (Listed((0.0, 1.0)), OverBlocks(((Blocks("down"), Constant(0.0)),)))
    results = [sample(follow(strength=strength)) for strength in curves]
    assert_other(results[0], right)
    assert_other(results[1], right)
    assert_other(*results)


def test_conditionings_together_and_apart(follow, forward, monkeypatch):
    followed = follow(FORWARD)
    monkeypatch.setattr(followed.model, "memory_required", lambda *a, **k: 1e30)
    assert_alike(sample(followed), forward)


def test_each_window_begins_where_it_begins(follow):
    """A camera that moves evenly does the same in all windows, so each is a video of its own."""
    noise = tiny.latents(12, 4)
    whole = sample(added(follow(), windows=windows(4)), 12, noise=noise)
    parts = [sample(follow(), noise=part) for part in noise.split(4)]
    assert_alike(whole, torch.cat(parts), within=ONE_CALL)


def test_windows_together_and_apart(follow):
    serial, *batched = (sample(added(follow(FORWARD), windows=windows(4, 1, at_once=n)), 10) for n in (1, 2, 9))
    for result in batched:
        assert_alike(result, serial, within=ONE_CALL)


def test_motion_windows_without_overlap_are_context_windows_without_overlap(follow):
    inside = changed(follow(FORWARD), motion_windows=MotionWindows(4, 0, "flat"))
    outside = added(follow(FORWARD), windows=windows(4))
    nested = added(inside, windows=windows(8, at_once=2))
    results = [sample(model, 16) for model in (inside, outside, nested)]
    assert_alike(results[0], results[1])
    assert_alike(results[2], results[1])


def test_windows_longer_than_the_encoders_table(follow):
    assert VIEWS.cut(20, 20) == (tuple(range(16)), tuple(range(4, 20)))
    assert [view[0] for view in VIEWS.cut(40, 40)] == [0, 8, 16, 24]
    assert VIEWS.cut(16, 16) == ()
    model = added(follow(FORWARD), windows=windows(20))
    assert torch.isfinite(sample(model, 20)).all()


def test_windows_that_wrap_need_a_path_that_closes(follow):
    closed = CameraMove(turn=Listed(tuple(range(0, 360, 30))))
    says = (
        "The windows continue from the last of 12 frames to the first, but the camera path does not end where it began"
    )
    for wrapped in (
        lambda model: added(model, windows=windows(6, 2, "looped")),
        lambda model: changed(model, motion_windows=MotionWindows(6, 2, closed_loop=True)),
    ):
        with pytest.raises(ValueError, match=says):
            sample(wrapped(follow()), 12)
        assert torch.isfinite(sample(wrapped(follow(closed)), 12)).all()


def test_a_path_that_does_not_fit_is_said_before_the_run(follow):
    path = Joined(CameraMove(frames=8), CameraMove("move left"))
    with pytest.raises(
        ValueError,
        match="The camera path needs at least 9 frames, but the video has 4",
    ):
        sample(follow(path))


def test_features_are_computed_once_for_windows_that_stay(follow, camera_ctrl):
    def count(model, frames):
        return encodings(camera_ctrl, lambda: sample(model, frames, steps=2, cfg=1.0))[0]

    assert count(follow(), 4) == 1
    assert count(added(follow(), windows=windows(6, 2)), 14) == 3
    assert count(added(follow(), windows=windows(6, 2, "uniform")), 14) > 3


def test_what_is_kept_is_bounded(follow, camera_ctrl, monkeypatch):
    """Where windows do not fit together, they are computed at every step, and nothing else changes."""
    model = added(follow(), windows=windows(6, 2))
    kept = sample(model, 14, steps=2, cfg=1.0)
    monkeypatch.setattr(feature_cache.FeatureCache.__init__, "__defaults__", (100,))
    count, result = encodings(camera_ctrl, lambda: sample(model, 14, steps=2, cfg=1.0))
    assert count == 2 * 3
    assert torch.equal(result, kept)


@pytest.mark.parametrize("size", [(9, 14), (5, 5)])
def test_any_size(follow, size):
    latent = torch.zeros(3, 4, *size)
    assert torch.isfinite(sample(follow(), latent=latent, cfg=1.0)).all()


def test_areas_see_their_cut_of_the_whole_picture(camera_ctrl):
    """The rays of the whole picture, cut, and not those of a small picture."""
    corners, size = ((0, 0), (3, 2)), (5, 6)
    frames = Frames(2, (0, 1, 1, 2), 3)  # two windows in the call
    areas = Areas((9, 8), corners)
    sight = sight_of(frames, None, 0, size, areas, torch.device("cpu"), torch.float64, None)
    view = CameraView(camera_ctrl.model, Camera(FORWARD), sight)
    features = view.merge("up_blocks.3.motion_modules.1", 1.0).features
    assert features.shape == (4, 5, 6, 1, 2, 32)
    track = track_of(FORWARD, 3)
    for row, (corner, window) in enumerate((c, w) for c in corners for w in ((0, 1), (1, 2))):
        seen = track.at(torch.tensor(window).numpy())
        rays = rays_of(seen.places(), seen.lenses(), PictureCut((9, 8), (0, 0), (9, 8)), torch.device("cpu"))
        y, x = corner
        cut = [frame[:, 8 * y : 8 * (y + 5), 8 * x : 8 * (x + 6)].double() for frame in rays]
        with torch.no_grad():
            assert_alike(features[row, :, :, 0], camera_ctrl.model.encoder(cut)[0], within=ONE_CALL)


def test_an_area_that_is_the_whole_picture_changes_nothing(follow):
    whole = [[tiny.conditioning(3)[0][0], {"area": (8, 8, 0, 0)}]]
    followed = added(follow(FORWARD), windows=windows(4, 1, at_once=2))
    with_area, without = (
        sample(followed, 7, size=8, cfg=1.0, positive=positive) for positive in (whole, tiny.conditioning(3))
    )
    assert_alike(with_area, without)
    half = [[tiny.conditioning(7)[0][0], {"area": (4, 6, 2, 1)}]]
    assert_other(sample(followed, 7, size=8, cfg=1.0, positive=[*tiny.conditioning(3), *half]), without)


def test_deep_shrink_changes_the_size_inside(follow):
    from comfy_extras.nodes_model_downscale import PatchModelAddDownscale

    patch = PatchModelAddDownscale()
    run = getattr(patch, "patch", None) or PatchModelAddDownscale.execute
    arguments = (2, 2.0, 0.0, 1.0, True, "bilinear", "bilinear")
    shrunk = run(follow(), *arguments)[0]
    assert_other(sample(shrunk, size=8, cfg=1.0), sample(follow(), size=8, cfg=1.0))


def test_two_cameras_of_one_file_each_act(model, motion, camera_ctrl, right, forward):
    """One motion model, applied twice; where one of the two is off, the other acts alone."""

    def applied(first, second):
        result = model
        for path, strength in ((RIGHT, first), (FORWARD, second)):
            result = attach(result, follow_camera(motion, camera_ctrl, Camera(path)), Applied(strength))
        assert len(result.get_additional_models_with_key("kinema")) == 1
        assert len(result.get_additional_models_with_key("kinema_camera")) == 1
        return sample(result)

    assert torch.equal(applied(1.0, 0.0), right)
    assert torch.equal(applied(0.0, 1.0), forward)
    assert_other(applied(1.0, 1.0), right)


def test_a_later_camera_replaces_the_earlier(model, motion, camera_ctrl, forward):
    twice = follow_camera(follow_camera(motion, camera_ctrl, Camera(RIGHT)), camera_ctrl, Camera(FORWARD))
    assert torch.equal(sample(attach(model, twice, Applied())), forward)


def test_an_interrupt_leaves_nothing(follow, model):
    weights, hooks, _ = snapshot(model)
    followed = added(follow(), windows=windows(4, 1))

    def stop(*_):
        raise Stop

    with pytest.raises(Stop):
        sample(followed, 7, steps=2, callback=stop)
    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        sample(followed, 7)
    after = snapshot(model)
    assert after[1] == hooks
    assert all(torch.equal(weight, after[0][key]) for key, weight in weights.items())
    assert torch.isfinite(sample(followed, 7)).all()
