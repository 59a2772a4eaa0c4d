"""Windows distributed over several GPUs. Here these are the CPU under several names, each with its own copy of the model and
its own thread, as the host's MultiGPU node makes them."""

import threading
from collections import Counter

import cameras
import comfy.model_management
import comfy.model_patcher
import controls
import exact
import families
import pictured
import pytest
import sparse
import tiny
import torch
from comfy_extras.nodes_easycache import EasyCacheNode
from compare import assert_other

from kinema.miniature.models import FOLDER, VAE, load_vae
from kinema.motion.camera_load import load_camera_ctrl
from kinema.sampling.camera.camera import Camera, follow_camera
from kinema.sampling.camera.path import CameraMove
from kinema.sampling.guidance.guidance_reuse import GuidanceReuse
from kinema.sampling.guidance.motion_from_video import MotionFromVideo
from kinema.sampling.guidance.motion_guidance import MotionGuidance
from kinema.sampling.modules.applied import Applied
from kinema.sampling.pictures.animated_picture import animating
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.batches import WindowBatches
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.several_gpus import Gpus, why_one_by_one
from kinema.sampling.windows.window_reference import WindowReference

multigpu = pytest.importorskip("comfy.multigpu", reason="this ComfyUI knows one GPU only")
APPLY_MODEL = comfy.patcher_extension.WrappersMP.APPLY_MODEL
FRAMES = 16  # 5 windows


@pytest.fixture(scope="module")
def animated(tmp_path_factory):
    model = exact.image_model()
    model.cached_patcher_init = (exact.image_model, ())  # as a host's loader leaves it
    motion = exact.motion_model(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("motion") / "v3.safetensors")
    return attach(model, motion, Applied(0.8))


@pytest.fixture(scope="module")
def several(animated):
    """`animated` on three devices."""
    return on_devices(animated, 3)


def windows(at_once=1, schedule="static"):
    return ContextWindows(WindowSpec(4, 1, schedule), at_once=at_once)


def on_devices(model, count):
    """What the MultiGPU node makes of `model`."""
    model = model.clone()
    copies = [model.deepclone_multigpu(new_load_device=torch.device("cpu", number)) for number in range(count - 1)]
    for copy in copies:
        copy.is_multigpu_base_clone = True
    model.set_additional_models("multigpu", copies)
    model.match_multigpu_clones()
    return model


def watched(model):
    """A clone of `model`, and a list that fills with (device, frames) of its model calls."""
    calls, lock, model = [], threading.Lock(), model.clone()

    def watch(executor, *args, **kwargs):
        options = args[5] if len(args) > 5 else kwargs["transformer_options"]
        with lock:
            calls.append((executor.class_obj.current_patcher.load_device, tuple(options["context_window"].index_list)))
        return executor(*args, **kwargs)

    model.add_wrapper_with_key(APPLY_MODEL, "test", watch)
    return model, calls


def sample(model, steps=2, **more):
    return tiny.sample(model, frames=FRAMES, steps=steps, size=4, **more)


def test_equals_one_device_to_the_last_bit(animated, several):
    cut, calls = watched(added(several, windows=windows()))
    expected = sample(added(animated, windows=windows()))
    assert torch.equal(sample(cut), expected)
    assert_other(expected, sample(animated), by=1e-3)
    assert sorted(Counter(device for device, _ in calls).values()) == [2, 4, 4]  # 5 windows in 2 rounds, twice


@pytest.mark.parametrize(("at_once", "each"), [(1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (9, [2, 2, 1])])
def test_no_device_waits_where_many_windows_fit_into_one(several, at_once, each):
    cut, calls = watched(added(several, windows=windows(at_once)))
    sample(cut, steps=1)
    assert sorted((len(frames) // 4 for _, frames in calls), reverse=True) == each
    assert len({device for device, _ in calls}) == 3


@pytest.mark.parametrize(("devices", "rounds"), [(2, 3), (3, 2), (5, 1), (8, 1)])
def test_rounds_for_the_5_windows_of_64_frames(devices, rounds):
    names = tuple(torch.device("cpu", number) for number in range(devices))
    pool = multigpu.MultiGPUThreadPool(list(names))
    cut, _ = ContextWindows(WindowSpec(16, 4, "static")).cut(64, 0, torch.tensor(1.0))
    computed = WindowBatches().compute(cut, 1, 64, Gpus(names, pool), lambda group, device: device)
    each = Counter(device for _, device in computed)
    pool.shutdown()
    assert each.total() == 5 and max(each.values()) == rounds


ATTEND, REUSE = (WindowReference(mode, 0.7, 0.0, 1.0) for mode in ("attend", "reuse"))
WITH = {
    "Motion Guidance, moving windows": {"motion_guidance": MotionGuidance(2.0), "windows": (windows(1, "uniform"),)},
    "Window Reference": {"references": (ATTEND, REUSE)},
    "looped, two at once": {"windows": (windows(2, "looped"),)},
    "Motion from Video": {
        "from_video": MotionFromVideo(torch.rand(4, 32, 32, 3), load_vae(str(FOLDER / VAE))),
        "windows": (ContextWindows(WindowSpec(8, 0), at_once=1),),
    },
}


@pytest.mark.parametrize("name", WITH)
def test_with_other_features(animated, several, name):
    features = {"windows": (windows(),), **WITH[name]}
    assert torch.equal(sample(changed(several, **features), 1), sample(changed(animated, **features), 1))


def test_fast_sampling_reuses_what_all_devices_found(animated, several, monkeypatch):
    told = []
    monkeypatch.setattr("kinema.sampling.run.seams.say", told.append)
    fast = sample(changed(several, windows=(windows(),), reuse=GuidanceReuse(2)))
    assert "1 of 2 predictions reused" in told[-1]
    assert torch.equal(fast, sample(changed(animated, windows=(windows(),), reuse=GuidanceReuse(2))))


def assert_acts_on_each_device(control, animated, several):
    positive = controls.controlled(control)
    cut, calls = watched(added(several, windows=windows()))
    result = sample(cut, 1, positive=positive)
    assert torch.equal(result, sample(added(animated, windows=windows()), 1, positive=positive))
    assert_other(result, sample(cut, 1), by=1e-3)
    assert len({device for device, _ in calls}) == 3


def test_a_control_has_a_copy_on_each_device(animated, several):
    control = controls.control_net().set_cond_hint(controls.hints(FRAMES), 0.7)
    assert_acts_on_each_device(control, animated, several)


def test_a_sparsectrl_has_a_copy_on_each_device(animated, several, tmp_path):
    """Twice in a chain; windows without a picture see the nearest."""
    model = sparse.exact_model(sparse.weights("scribble"), tmp_path / "scribble.safetensors")
    control = sparse.applied(model, controls.hints(1).round(), 0.7, frames="-1")
    control.set_previous_controlnet(sparse.applied(model, controls.hints(1, seed=2).round(), frames="0"))
    assert_acts_on_each_device(control, animated, several)
    copies = {copy.model.motion.model for copy in control.multigpu_clones.values()}
    assert len(copies) == 2 and model.motion.model not in copies


PICTURED = {"pia": families.pia, "i2v": families.lcm_i2v}


def guided_motion(guide, folder):
    """MOTION_MODEL with two pictures or a camera."""
    if guide in PICTURED:
        file = folder / f"AnimateLCM_sd15_{guide}.safetensors"
        picture = pictured.animated(load_vae(str(FOLDER / VAE)), count=2)
        return animating(exact.motion_model(PICTURED[guide](), file), picture)
    motion = exact.motion_model(tiny.motion_weights(seed=8), folder / "v3.safetensors")
    camera_ctrl = load_camera_ctrl(tiny.save(cameras.pruned(), folder / "CameraCtrl.safetensors"))
    return follow_camera(motion, camera_ctrl, Camera(CameraMove("move right", 8.0)))


@pytest.mark.parametrize("guide", [*PICTURED, "camera"])
def test_pictures_and_cameras_are_on_each_device(guide, tmp_path):
    model = exact.image_model()
    model.cached_patcher_init = (exact.image_model, ())
    guided = added(attach(model, guided_motion(guide, tmp_path), Applied()), windows=windows())
    cut, calls = watched(on_devices(guided, 3))
    assert torch.equal(sample(cut, 1), sample(guided, 1))
    assert len({device for device, _ in calls}) == 3


HOOKED = [[{"hooks": object()}]]
REASONS = {
    "prompts have hooks, which change the weights from one model call to the next": ({}, HOOKED, False),
    "LazyCache compares each model call with the one before": ({"easycache": object()}, [[]], False),
    "Self-Attention Guidance collects what it sees in all windows": ({}, [None, [{}]], True),
    "": ({}, [[{}], None], False),
}


@pytest.mark.parametrize("reason", REASONS)
def test_what_goes_on_from_call_to_call_is_not_distributed(reason):
    options, conds, watches = REASONS[reason]
    assert why_one_by_one({"transformer_options": options}, conds, watches) == reason


def test_easycache_runs_as_without_distribution(animated, several, monkeypatch):
    """The host distributes the prompts of each window, and the node says why."""
    told = []
    monkeypatch.setattr("kinema.sampling.run.seams.say", told.append)
    cut, calls = watched(added(several, windows=windows()))
    sample(EasyCacheNode.execute(cut, 0.2, 0.15, 0.95, False)[0])
    assert {len(frames) for _, frames in calls} == {4}
    reason = "Windows are not distributed over the 3 GPUs, because EasyCache compares"
    assert reason in told[-1]


def test_an_error_on_one_device_ends_the_run_after_the_others(animated):
    two = on_devices(added(animated, windows=windows()), 2)
    done = []

    def fail(executor, *args, **kwargs):
        patcher = executor.class_obj.current_patcher
        if patcher.load_device == torch.device("cpu", 0):
            raise comfy.model_management.InterruptProcessingException()
        result = executor(*args, **kwargs)
        done.append(patcher)
        return result

    two.add_wrapper_with_key(APPLY_MODEL, "test", fail)
    before = threading.active_count()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        sample(two)
    assert len(done) == 1
    assert threading.active_count() == before
