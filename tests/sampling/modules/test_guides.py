"""What guides a motion model acts with every other guide, and with what else a run may have: pairs of guides meet the features
of a run in turn. Each run is made in two ways that must give the same; some are compared with runs that lack a guide."""

from itertools import combinations, product

import cameras
import comfy.hooks
import comfy.patcher_extension
import exact
import families
import pictured
import pytest
import sparse
import tiny
import torch
from compare import assert_alike, assert_other
from watching import Stop, assert_untouched, snapshot

from kinema.miniature.models import FOLDER, VAE, load_vae
from kinema.motion.camera_load import load_camera_ctrl
from kinema.sampling.camera.camera import Camera, follow_camera
from kinema.sampling.camera.path import CameraMove
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.pictures.animated_picture import animating
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.motion_windows import MotionWindows

FRAMES, SIZE = 6, 4
GUIDES = ("pia", "i2v", "camera", "sketch", "photograph")
APART = 1e30  # bytes that a model call is said to need, so that the host computes conditionings one by one


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("guides"), {"vae": load_vae(str(FOLDER / VAE))}
    made["pia"] = exact.motion_model(families.pia(), folder / "pia.safetensors")
    made["i2v"] = exact.motion_model(families.lcm_i2v(), folder / "AnimateLCM_sd15_i2v.safetensors")
    made["camera"] = load_camera_ctrl(tiny.save(cameras.pruned(), folder / "CameraCtrl.safetensors"))
    made["camera"].model.double()
    made["sketch"] = sparse.exact_model(sparse.weights("scribble"), folder / "scribble.safetensors")
    made["photograph"] = sparse.exact_model(sparse.weights("rgb"), folder / "rgb.safetensors")
    return made


def guided(model, motion, files, guides):
    """`model` with those of the `guides` that are parts of motion models, and the control of the others."""
    control, vae = None, files["vae"]
    for place, guide in enumerate(guides):
        match guide:
            case "pia" | "i2v":
                model = attach(model, animating(files[guide], pictured.animated(vae, seed=place)), Applied(), KEEP)
            case "camera":
                camera = Camera(CameraMove("move right", 8.0))
                model = attach(model, follow_camera(motion, files[guide], camera), Applied(), KEEP)
            case _:
                pictures = (pictured.photo(place, 1, 8 * SIZE, 8 * SIZE).movedim(-1, 1) > 0.5).float()
                previous, control = control, sparse.applied(files[guide], pictures, vae=vae, frames="0, -1")
                control.set_previous_controlnet(previous)
    return model, control


def by(control):
    return {} if control is None else {"control": control, "control_apply_to_uncond": True}


def sample(guided_model, more=(), **how):
    model, control = guided_model
    positive = [[tiny.conditioning(3)[0][0], by(control)], *more]
    return tiny.sample(model, FRAMES, size=SIZE, positive=positive, **{"steps": 1, **how})


def windows(guided_model, at_once, schedule="static"):
    return added(guided_model[0], windows=ContextWindows(WindowSpec(3, 1, schedule), at_once=at_once)), guided_model[1]


def in_windows(run, schedule):
    return [sample(windows(run, count, schedule)) for count in (1, 3)]


def in_motion_windows(run, **how):
    inside = changed(run[0], motion_windows=MotionWindows(2, 1, **how)), run[1]
    return [sample(windows(inside, count)) for count in (1, 2)]


def with_conditionings(run, monkeypatch):
    """An area, and a LoRA by hook in a mask, computed together and apart."""
    hooks = comfy.hooks.create_hook_lora(lora=tiny.lora(run[0]), strength_model=1.0, strength_clip=0.0)
    half = torch.zeros(1, 8 * SIZE, 8 * SIZE)
    half[..., : 4 * SIZE] = 1
    area = [tiny.conditioning(6)[0][0], {"area": (4, 2, 0, 2), **by(run[1])}]
    masked = [tiny.conditioning(7)[0][0], {"mask": half, "mask_strength": 1.0, "set_area_to_bounds": False}]
    more = [area, *comfy.hooks.set_hooks_for_conditioning([masked], hooks)]
    together = sample(run, more)
    monkeypatch.setattr(run[0].model, "memory_required", lambda *a, **k: APART)
    return [together, sample(run, more)]


def after_a_fault(run):
    whole = sample(run)

    def stop(*_):
        raise Stop

    with pytest.raises(Stop):
        sample(run, callback=stop)
    return [whole, sample(run)]


def on_two_devices(run):
    """What the MultiGPU node makes of a MODEL: the second device is the CPU under its other name."""
    model, control = run
    whole = sample(run)
    if not hasattr(model, "deepclone_multigpu"):  # the older host knows one
        return [whole, whole]
    model = model.clone()
    model.cached_patcher_init = (exact.image_model, ())
    copy = model.deepclone_multigpu(new_load_device=torch.device("cpu", 0))
    copy.is_multigpu_base_clone = True
    model.set_additional_models("multigpu", [copy])
    model.match_multigpu_clones()
    return [whole, sample((model, control))]


FEATURES = {
    "windows": lambda run, _: in_windows(run, "static"),
    "moving windows": lambda run, _: in_windows(run, "uniform"),
    "motion windows": lambda run, _: in_motion_windows(run),
    "global attention": lambda run, _: in_motion_windows(run, global_attention=0.5),
    "conditionings": with_conditionings,
    "a fault": lambda run, _: after_a_fault(run),
    "two devices": lambda run, _: on_two_devices(run),
}
CASES = [
    (*pair, feature)
    for number, (pair, feature) in enumerate(product(combinations(GUIDES, 2), FEATURES))
    if (number + number // len(FEATURES)) % 7 == 0
]


@pytest.mark.parametrize(("first", "second", "feature"), CASES)
def test_two_guides(first, second, feature, model, motion, files, monkeypatch):
    before = snapshot(model)
    both = guided(model, motion, files, (first, second))
    one, other = FEATURES[feature](both, monkeypatch)
    assert_alike(other, one)
    assert_untouched(model, before)
    if feature == "a fault":
        for left in (first, second):
            assert_other(sample(guided(model, motion, files, (left,))), one, by=1e-4)
