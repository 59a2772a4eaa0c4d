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


def windows(length, overlap=0, schedule="static", **more):
    return ContextWindows(WindowSpec(length, overlap, schedule, closed_loop=schedule == "looped"), **more)


def encodings(camera_ctrl, run):
    """How often `run` computes features."""
    calls = []
    handle = camera_ctrl.model.encoder.register_forward_hook(lambda *_: calls.append(1))
    try:
        run()
    finally:
        handle.remove()
    return len(calls)


def test_strength_zero_is_the_plain_motion_model(follow, model, motion, camera_ctrl):
    plain = tiny.sample(attach(model, motion, Applied()))
    assert_other(tiny.sample(follow()), plain)
    assert_other(tiny.sample(follow()), tiny.sample(follow(FORWARD)))
    off = OverRun(read_keys("0: 0"))
    for strength in (0.0, off, OverBlocks(((Blocks(), as_curve(0.0)),)), Listed((0.0, 0.0))):
        assert encodings(camera_ctrl, lambda s=strength: tiny.sample(follow(strength=s))) == 0
        assert torch.equal(tiny.sample(follow(strength=strength)), plain)
    mask = OverPicture(torch.zeros(1, 8, 8))
    mask.values[0, 0, 0] = 1e-30
    assert_alike(tiny.sample(follow(strength=mask)), plain)


def test_layers_of_zero_are_the_plain_motion_model(model, motion, tmp_path):
    weights = {key: torch.zeros_like(w) if "qkv_merge" in key else w for key, w in cameras.pruned().items()}
    safetensors.torch.save_file(weights, tmp_path / "zero.safetensors")
    zero = load_camera_ctrl(tmp_path / "zero.safetensors")
    zero.model.double()
    followed = attach(model, follow_camera(motion, zero, Camera(RIGHT)), Applied())
    assert torch.equal(tiny.sample(followed), tiny.sample(attach(model, motion, Applied())))


def test_a_constant_curve_is_the_number(follow):
    number = tiny.sample(follow(strength=0.6))
    mask = OverPicture(torch.full((3, 8, 8), 0.6))
    mask.values[0, 0, 0] += 1e-7
    for curve in (Listed((0.6,) * 4), mask, OverBlocks(((Blocks(), Constant(0.6)),)), OverRun(read_keys("0: 0.6"))):
        assert_alike(tiny.sample(follow(strength=curve)), number)


def test_strength_over_frames_and_blocks(follow):
    results = [
        tiny.sample(follow(strength=strength))
        for strength in (1.0, Listed((0.0, 1.0)), OverBlocks(((Blocks("down"), Constant(0.0)),)))
    ]
    for i, result in enumerate(results):
        for other in results[i + 1 :]:
            assert_other(result, other)


def test_conditionings_together_and_apart(follow, monkeypatch):
    followed = follow(FORWARD)
    together = tiny.sample(followed)
    monkeypatch.setattr(followed.model, "memory_required", lambda *a, **k: 1e30)
    assert_alike(tiny.sample(followed), together)


def test_each_window_begins_where_it_begins(follow):
    """A camera that moves evenly does the same in all windows, so each is a video of its own."""
    noise = tiny.latents(12, 16)
    whole = tiny.sample(added(follow(), windows=windows(4)), frames=12, noise=noise, size=16, steps=1)
    parts = [tiny.sample(follow(), frames=4, noise=part, size=16, steps=1) for part in noise.split(4)]
    assert_alike(whole, torch.cat(parts), within=ONE_CALL)


@pytest.mark.parametrize("path", [RIGHT, FORWARD])
def test_windows_together_and_apart(follow, path):
    serial, *batched = (
        tiny.sample(added(follow(path), windows=windows(4, 1, at_once=n)), frames=10, size=16, steps=1)
        for n in (1, 2, 9)
    )
    for result in batched:
        assert_alike(result, serial, within=ONE_CALL)


def test_motion_windows_without_overlap_are_context_windows_without_overlap(follow):
    inside = changed(follow(FORWARD), motion_windows=MotionWindows(4, 0, "flat"))
    outside = added(follow(FORWARD), windows=windows(4))
    nested = added(inside, windows=windows(8, at_once=2))
    results = [tiny.sample(model, frames=16, size=16, steps=1) for model in (inside, outside, nested)]
    assert_alike(results[0], results[1])
    assert_alike(results[2], results[1])


def test_windows_longer_than_the_encoders_table(follow):
    assert VIEWS.cut(20, 20) == (tuple(range(16)), tuple(range(4, 20)))
    assert [view[0] for view in VIEWS.cut(40, 40)] == [0, 8, 16, 24]
    assert VIEWS.cut(16, 16) == ()
    model = added(follow(FORWARD), windows=windows(20))
    assert torch.isfinite(tiny.sample(model, frames=20, size=4, steps=1)).all()


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
            tiny.sample(wrapped(follow()), frames=12, size=4)
        assert torch.isfinite(tiny.sample(wrapped(follow(closed)), frames=12, size=4)).all()


def test_a_path_that_does_not_fit_is_said_before_the_run(follow):
    path = Joined(CameraMove(frames=8), CameraMove("move left"))
    with pytest.raises(
        ValueError,
        match="The camera path needs at least 9 frames, but the video has 4",
    ):
        tiny.sample(follow(path))


@pytest.mark.parametrize(("schedule", "expected"), [("static", 3), ("uniform", None)])
def test_features_are_computed_once_for_windows_that_stay(follow, camera_ctrl, schedule, expected):
    model = added(follow(), windows=windows(6, 2, schedule))
    steps = 4
    count = encodings(camera_ctrl, lambda: tiny.sample(model, frames=14, size=4, steps=steps))
    assert count == expected if expected else count > 3
    assert encodings(camera_ctrl, lambda: tiny.sample(follow(), size=4, steps=steps)) == 1


def test_what_is_kept_is_bounded(follow, camera_ctrl, monkeypatch):
    """Where windows do not fit together, they are computed at every step, and nothing else changes."""
    model = added(follow(), windows=windows(6, 2))
    kept = tiny.sample(model, frames=14, size=4, steps=2)
    monkeypatch.setattr(feature_cache.FeatureCache.__init__, "__defaults__", (100,))
    results = []
    count = encodings(camera_ctrl, lambda: results.append(tiny.sample(model, frames=14, size=4, steps=2)))
    assert count == 2 * 3
    assert torch.equal(results[0], kept)


@pytest.mark.parametrize("size", [(17, 13), (9, 14), (5, 5)])
def test_any_size(follow, size):
    latent = torch.zeros(3, 4, *size)
    assert torch.isfinite(tiny.sample(follow(), latent=latent, frames=3, steps=1)).all()


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
        tiny.sample(followed, frames=10, steps=1, cfg=1.0, positive=positive)
        for positive in (whole, tiny.conditioning(3))
    )
    assert_alike(with_area, without)
    half = [[tiny.conditioning(7)[0][0], {"area": (4, 6, 2, 1)}]]
    assert_other(tiny.sample(followed, frames=10, steps=1, positive=[*tiny.conditioning(3), *half]), without)


def test_deep_shrink_changes_the_size_inside(follow):
    from comfy_extras.nodes_model_downscale import PatchModelAddDownscale

    patch = PatchModelAddDownscale()
    run = getattr(patch, "patch", None) or PatchModelAddDownscale.execute
    arguments = (2, 2.0, 0.0, 1.0, True, "bilinear", "bilinear")
    shrunk = run(follow(), *arguments)[0]
    assert_other(tiny.sample(shrunk, size=16), tiny.sample(follow(), size=16))


def test_two_cameras_of_one_file_each_act(model, motion, camera_ctrl):
    """One motion model, applied twice; where one of the two is off, the other acts alone."""

    def applied(first, second):
        result = model
        for path, strength in ((RIGHT, first), (FORWARD, second)):
            result = attach(result, follow_camera(motion, camera_ctrl, Camera(path)), Applied(strength))
        assert len(result.get_additional_models_with_key("kinema")) == 1
        assert len(result.get_additional_models_with_key("kinema_camera")) == 1
        return tiny.sample(result)

    alone = [
        tiny.sample(attach(model, follow_camera(motion, camera_ctrl, Camera(path)), Applied()))
        for path in (RIGHT, FORWARD)
    ]
    assert torch.equal(applied(1.0, 0.0), alone[0])
    assert torch.equal(applied(0.0, 1.0), alone[1])
    assert_other(applied(1.0, 1.0), alone[0])


def test_a_later_camera_replaces_the_earlier(model, motion, camera_ctrl):
    once = follow_camera(motion, camera_ctrl, Camera(FORWARD))
    twice = follow_camera(follow_camera(motion, camera_ctrl, Camera(RIGHT)), camera_ctrl, Camera(FORWARD))
    assert torch.equal(*(tiny.sample(attach(model, one, Applied())) for one in (once, twice)))


def test_an_interrupt_leaves_nothing(follow, model):
    weights, hooks, _ = snapshot(model)
    followed = added(follow(), windows=windows(4, 1))

    def stop(*_):
        raise Stop

    with pytest.raises(Stop):
        tiny.sample(followed, frames=10, callback=stop)
    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        tiny.sample(followed, frames=10)
    after = snapshot(model)
    assert after[1] == hooks
    assert all(torch.equal(weight, after[0][key]) for key, weight in weights.items())
    assert torch.isfinite(tiny.sample(followed, frames=10)).all()
