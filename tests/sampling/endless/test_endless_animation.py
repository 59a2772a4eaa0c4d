"""Videos without end through the host's sampling: what follows the frame, what follows its noise level, what is refused."""

import gc
from collections.abc import Callable
from copy import copy
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import cameras
import comfy.hooks
import comfy.samplers
import controls
import exact
import families
import pytest
import tiny
import torch
from compare import assert_alike, assert_other
from pictured import animated as animated_picture
from pictured import photo

from kinema.miniature.models import FOLDER, VAE, load_vae
from kinema.motion.camera_load import load_camera_ctrl
from kinema.motion.load import load_motion_model
from kinema.motion.picture_parts import CONV_IN
from kinema.sampling.call.frames import Frames
from kinema.sampling.call.moment import Moment
from kinema.sampling.call.progress import Progress
from kinema.sampling.camera.camera import Camera, follow_camera
from kinema.sampling.camera.path import CameraMove
from kinema.sampling.curves.curve import Constant, Listed
from kinema.sampling.curves.curve_keys import Key, OverRun
from kinema.sampling.endless.endless_animation import EndlessRun, animate_without_end
from kinema.sampling.endless.endless_sampler import EndlessSettings
from kinema.sampling.endless.refusals import REFUSED_FIELDS, check_levels
from kinema.sampling.guidance.animation_guidance import Guidance
from kinema.sampling.guidance.guidance_reuse import GuidanceReuse
from kinema.sampling.guidance.motion_from_video import MotionFromVideo
from kinema.sampling.guidance.motion_guidance import MotionGuidance
from kinema.sampling.latents.inject_image import Injection
from kinema.sampling.latents.on_canvas import OnCanvas
from kinema.sampling.latents.text2video_zero import MotionField
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.controls import Shared, Values, motion_of
from kinema.sampling.modules.enhance_motion import Enhance
from kinema.sampling.modules.picture_at_work import with_picture
from kinema.sampling.noise.animation_noise import AnimationNoise
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.noise.refine_noise import NoiseRefinement
from kinema.sampling.pictures.animated_picture import AnimatedPicture, animating
from kinema.sampling.run.animation import Animation
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import automatic_windows
from kinema.sampling.windows.controlnets import Hints
from kinema.sampling.windows.motion_windows import MotionWindows
from kinema.sampling.windows.window_reference import WindowReference

LENGTH, STEPS, FRAMES = 4, 4, 5
DECODER = load_vae(str(FOLDER / VAE))


@pytest.fixture(scope="module")
def image() -> Any:
    return tiny.image_model()


@pytest.fixture(scope="module")
def exact_image() -> Any:
    """In float64."""
    return exact.image_model()


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_motion_model(tiny.save(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("m") / "v3_mm.safetensors"))


@pytest.fixture(scope="module")
def pia(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_motion_model(tiny.save(families.pia(), tmp_path_factory.mktemp("m") / "pia.safetensors"))


@pytest.fixture(scope="module")
def animated(image: Any, motion: Any) -> Any:
    return attach(image, motion, Applied(), KEEP)


@pytest.fixture(scope="module")
def still(exact_image: Any, motion: Any) -> Any:
    """MODEL whose frames do not depend on each other, in float64."""
    return attach(exact_image, motion, Applied(strength=0.0), KEEP)


@pytest.fixture(scope="module")
def short(animated: Any) -> torch.Tensor:
    """A video with the motion model, longer than its windows."""
    return video(animated)


def video(
    model: Any, frames: int = FRAMES, *, positive: Any = None, write: Callable[[Any], None] | None = None, **more: Any
) -> torch.Tensor:
    """The frames (f, 3, 32, 32) of a video."""
    written: list[torch.Tensor] = []
    settings = EndlessSettings(frames, LENGTH, more.pop("lookahead", True))
    latent = more.pop("latent", {"samples": torch.zeros(1, 4, 4, 4)})
    run = EndlessRun(
        model, positive or tiny.conditioning(3), tiny.conditioning(4), DECODER, latent, 5, 4.0, STEPS, "simple"
    )
    animate_without_end(replace(run, **more), settings, write or written.append)
    return torch.cat(written).movedim(-1, 1) if written else torch.empty(0)


def test_a_longer_video_begins_with_the_same_frames(animated: Any, still: Any, short: torch.Tensor) -> None:
    assert short.shape == (FRAMES, 3, 32, 32)
    torch.testing.assert_close(video(animated, 7)[:FRAMES], short)
    assert (video(animated, lookahead=False) - short).norm() > 1e-2 * short.norm()
    assert (video(still) - short).norm() > 1e-2 * short.norm()
    start = tiny.latents(6, 4, seed=2)
    given = video(animated, LENGTH, latent={"samples": start})
    assert (given - short[:LENGTH]).norm() > 1e-2 * short.norm()
    torch.testing.assert_close(video(animated, LENGTH, latent={"samples": start[:4]}), given)


def test_an_empty_latent_of_another_model(animated: Any, short: torch.Tensor) -> None:
    """As the host's samplers take it: of SD3, or, where ComfyUI knows sizes, of a model with smaller latents."""
    torch.testing.assert_close(video(animated, latent={"samples": torch.zeros(1, 16, 4, 4)}), short)
    smaller = {"samples": torch.zeros(1, 128, 2, 2), "downscale_ratio_spacial": 16}
    torch.testing.assert_close(video(animated, latent=smaller), short)


def test_prompts_pictures_of_controlnets_and_cfg_follow_the_frame(still: Any) -> None:
    """Frames that do not depend on each other are what they would be if the whole video had their prompt."""
    rows = torch.cat([tiny.conditioning(seed)[0][0] for seed in range(10, 10 + FRAMES)])
    hints = controls.hints(FRAMES, 32)
    network = controls.exact(controls.control_net())
    cfgs = tuple(2.0 + frame for frame in range(FRAMES))

    def made(prompt: torch.Tensor, pictures: torch.Tensor, cfg: Any) -> torch.Tensor:
        control = network.copy().set_cond_hint(pictures, 1.0)
        conds = [[prompt, {"control": control, "control_apply_to_uncond": True}]]
        return video(changed(still, guidance=Guidance(cfg)), positive=conds)

    all_at_once = made(rows, hints, Listed(cfgs))
    for frame in (1, FRAMES - 1):
        alone = made(rows[frame : frame + 1], hints[frame : frame + 1], Constant(cfgs[frame]))
        assert_alike(all_at_once[frame], alone[frame])
        assert_other(all_at_once[frame - 1], alone[frame - 1])


def test_a_picture_of_pia_acts_by_its_distance_from_each_frame(exact_image: Any, pia: Any) -> None:
    """Frames that do not depend on each other are what they would be if all of the video were as far from the picture."""

    def made(**how: Any) -> torch.Tensor:
        animated = animating(pia, animated_picture(DECODER, 3, **how))
        return video(attach(exact_image, animated, Applied(strength=0.0), KEEP), cfg=1.0)

    whole = made(motion="large", frame=1)
    alone = made(affinity=0.7)
    assert_alike(whole[3], alone[3])
    assert_other(whole[2], alone[2], by=1e-3)


def test_each_frame_has_its_picture_of_i2v(exact_image: Any, tmp_path: Path) -> None:
    i2v = load_motion_model(tiny.save(families.lcm_i2v(), tmp_path / "i2v.safetensors"))
    pictures = [photo(seed) for seed in range(FRAMES)]

    def made(several: torch.Tensor, **how: Any) -> torch.Tensor:
        animated = animating(i2v, AnimatedPicture(several, DECODER, **how))
        return video(attach(exact_image, animated, Applied(strength=0.0), KEEP), cfg=1.0)

    whole = made(torch.cat(pictures))
    alone = made(pictures[3], drift=0.0)
    assert_alike(whole[3], alone[3])
    assert_other(whole[2], alone[2], by=1e-3)


def test_a_camera_follows_the_frames_of_the_video(image: Any, motion: Any, tmp_path: Path) -> None:
    """Two paths that part at frame 5 part the frames that are in the queue with it, and no earlier ones."""
    camera_ctrl = load_camera_ctrl(tiny.save(cameras.pruned(), tmp_path / "CameraCtrl_pruned.safetensors"))

    def made(*steps: float) -> torch.Tensor:
        move = CameraMove(right=Listed((0.0, 1.0, 2.0, 3.0, 4.0, *steps)))
        return video(attach(image, follow_camera(motion, camera_ctrl, Camera(move)), Applied(), KEEP), 6, cfg=1.0)

    near, far = made(4.0), made(9.0)
    assert torch.equal(near[:2], far[:2])
    assert (near[5] - far[5]).norm() > 1e-3 * near[5].norm()


def test_frames_attend_to_the_first_of_their_window(animated: Any) -> None:
    """Which is a cleaner one, not the first of the video: what that was like is forgotten as the queue moves on."""
    model = changed(animated, first_frame=True)
    seen: list[tuple[list[int], bool]] = []

    def watch(queries: Any, keys: Any, values: Any, options: Any) -> Any:
        part = options["context_window"]
        each = keys.unflatten(0, (-1, part.frames_each))
        seen.append((part.index_list, torch.equal(each, each[:, :1].expand_as(each))))
        return queries, keys, values

    model.set_model_attn1_patch(watch)
    video(model, cfg=1.0)
    assert all(same for _, same in seen)
    assert any(frames[0] > 0 for frames, _ in seen)


def test_curves_over_steps_follow_the_noise_level_of_each_frame(animated: Any) -> None:
    cfg = OverRun((Key(0, True, 9.0), Key(1, True, 1.5)))
    model = changed(animated, guidance=Guidance(cfg))
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def watch(args: dict[str, Any]) -> torch.Tensor:
        guided, cond, uncond = args["denoised"], args["cond_denoised"], args["uncond_denoised"]
        seen.append((args["sigma"], ((guided - uncond) / (cond - uncond)).flatten(1).nanmedian(1).values))
        return guided

    model.set_model_sampler_post_cfg_function(watch)
    video(model)
    sampling = model.get_model_object("model_sampling")
    levels, scales = (torch.cat(each) for each in zip(*seen[STEPS:], strict=True))
    assert len({len(each.unique()) for each, _ in seen[STEPS:]} - {1})
    expected = [
        float(cfg.at(Moment(Frames(1, (0,), 1), progress=Progress(level, sampling)))) for level in levels.tolist()
    ]
    torch.testing.assert_close(scales, torch.tensor(expected), rtol=1e-3, atol=1e-3)


def test_percent_follows_the_noise_level_of_each_frame(
    motion: Any, pia: Any, animated: Any, short: torch.Tensor
) -> None:
    sampling = animated.get_model_object("model_sampling")
    levels = [float(sampling.percent_to_sigma(percent)) for percent in (0.1, 0.3, 0.6, 0.9)]
    frames = Frames(4, (0, 1, 2, 3), 20)
    moment = Moment(frames, (8, 8), Progress(levels[0], sampling), tuple(Progress(level, sampling) for level in levels))
    shared = Shared(Values(moment, torch.device("cpu"), (8, 8)), enhance=Enhance(2.0, 0.2, 0.7))
    at_work = motion_of(motion, Applied(0.5, start_percent=0.0, end_percent=0.5), shared)
    control = next(iter(at_work.controls.values()))
    assert control.strength.flatten().tolist() == [0.5, 0.5, 0, 0]
    assert control.enhance[0].flatten().tolist() == [0, 2, 2, 0]
    assert not motion_of(motion, Applied(start_percent=0.95), shared).controls
    pictured = replace(
        Applied(end_percent=0.5), picture=animated_picture(DECODER, latents=tiny.latents(1), strength=0.7)
    )
    seen = with_picture(motion_of(pia, pictured, shared), pictured, shared, None).pictures[CONV_IN]
    assert seen.strength.flatten().tolist() == pytest.approx([0.7, 0.7, 0, 0])
    pictured = replace(pictured, start_percent=0.95, end_percent=1.0)
    assert not with_picture(motion_of(pia, pictured, shared), pictured, shared, None).pictures
    guidance = MotionGuidance(3.0, start_percent=0.0, end_percent=0.5)
    assert (video(changed(animated, motion_guidance=guidance)) - short).norm() > 1e-3


def test_memory_does_not_grow_with_the_video(animated: Any) -> None:
    def most(frames: int) -> int:
        counts: list[int] = []

        def write(_: torch.Tensor) -> None:
            gc.collect()
            tensors = [one for one in gc.get_objects() if type(one) is torch.Tensor and one.shape[1:] == (4, 4, 4)]
            counts.append(len({(one.data_ptr(), row) for one in tensors for row in range(len(one))}))

        video(animated, frames, write=write, cfg=1.0)
        return max(counts)

    assert most(10) == most(8)
    hints = Hints()
    rows: dict[str, list[torch.Tensor | None]] = {"hint": [torch.rand(5, 3)]}
    hints.put(("key",), range(5), rows)
    hints.forget_before(3)
    assert hints.get(("key",), [2], torch.device("cpu")) is None
    assert hints.get(("key",), [3, 4], torch.device("cpu")) is not None


REFUSED: dict[str, Callable[[Any], Any]] = {
    "Context Windows": lambda model: added(model, windows=automatic_windows(4)),
    "Motion Windows": lambda model: changed(model, motion_windows=MotionWindows(4, 2, "pyramid")),
    "Window Reference": lambda model: changed(model, references=(WindowReference("attend"),)),
    "Animation Noise": lambda model: changed(model, noise=AnimationNoise((), ())),
    "Refine Noise": lambda model: changed(model, refinement=NoiseRefinement()),
    "Text2Video-Zero": lambda model: changed(model, motion_field=MotionField()),
    "Inject Image": lambda model: added(model, injections=Injection(OnCanvas(tiny.latents(1)), None)),
    "Motion from Video": lambda model: changed(model, from_video=MotionFromVideo(torch.zeros(2, 64, 64, 3), DECODER)),
    "Fast Sampling": lambda model: changed(model, reuse=GuidanceReuse(2)),
    "context windows of another node": lambda model: _with_option(model, "context_handler", object()),
}


def _with_option(model: Any, name: str, value: Any) -> Any:
    clone = model.clone()
    clone.model_options[name] = value
    return clone


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_the_whole_video_is_refused(animated: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"the MODEL has {name}.*Remove {name}"):
        video(REFUSED[name](animated))


def test_each_feature_of_a_run_acts_or_is_refused() -> None:
    acting = {
        "motions",
        "noise_schedule",
        "sampling",
        "first_frame",
        "guidance",
        "motion_guidance",
        "enhance",
        "preview_plays",
    }
    assert acting | REFUSED_FIELDS.keys() == {field.name for field in fields(Animation)}


def test_other_inputs_that_are_refused(animated: Any, image: Any) -> None:
    def refused(words: str, model: Any = animated, **more: Any) -> None:
        with pytest.raises(ValueError, match=words):
            video(model, **more)

    limited = [[tiny.conditioning(3)[0][0], {"start_percent": 0.2, "end_percent": 1.0}]]
    control = controls.control_net().set_cond_hint(controls.hints(1), 1.0, (0.0, 0.5))
    refused("Put Apply Motion Model before", image)
    refused(r"a prompt acts only at some noise levels \(0.2 to 1\)", positive=limited)
    refused(r"a ControlNet acts only at some noise levels \(0 to 0.5\)", positive=controls.controlled(control))
    hooks = comfy.hooks.create_hook_lora({}, 0.0, 1.0)
    keyframes = comfy.hooks.HookKeyframeGroup()
    for strength, start in ((1.0, 0.0), (0.0, 0.5)):
        keyframes.add(comfy.hooks.HookKeyframe(strength=strength, start_percent=start))
    hooks.set_keyframes_on_hooks(keyframes)
    hooked = [[tiny.conditioning(3)[0][0], {"hooks": hooks}]]
    refused(r"a hook of a prompt changes with the noise level \(2 keyframes\). Use one keyframe", positive=hooked)
    refused("the latent has a mask", latent={"samples": torch.zeros(1, 4, 8, 8), "noise_mask": torch.ones(1, 8, 8)})
    refused("with 4 dimensions, but these have 5", latent={"samples": torch.zeros(1, 4, 1, 8, 8)})
    refused("3 finished frames, but .* a whole window of 4", latent={"samples": tiny.latents(3)})
    with pytest.raises(
        ValueError, match='"ddim_uniform" gives 33 noise levels for 32 steps.*Set scheduler to "simple"'
    ):
        check_levels(
            comfy.samplers.calculate_sigmas(image.get_model_object("model_sampling"), "ddim_uniform", 32),
            32,
            "ddim_uniform",
        )
    for_videos = copy(DECODER)
    for_videos.latent_dim = 3
    with pytest.raises(ValueError, match="does not lower the noise level at some of the 3 steps"):
        check_levels(torch.tensor([3.0, 2.0, 2.0, 0.0]), 3, "simple")
    refused("latents with 3 dimensions", vae=for_videos)
