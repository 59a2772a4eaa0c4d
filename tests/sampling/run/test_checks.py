from types import SimpleNamespace

import comfy.context_windows
import comfy.samplers
import comfy.supported_models
import exact
import loras
import pytest
import tiny
import torch
from compare import assert_alike

from kinema.motion.load import load_motion_model
from kinema.motion.lora import load_motion_lora
from kinema.sampling.run.attach import Applied, added, attach
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec


def load(weights, folder, name):
    return load_motion_model(tiny.save(weights, folder / name))


def test_sdxl_motion_model_on_sd15(tmp_path):
    motion = load(tiny.motion_weights(tiny.SDXL_WIDTHS), tmp_path, "mm_sdxl.safetensors")
    with pytest.raises(ValueError) as error:
        attach(tiny.image_model("sd15"), motion, Applied())
    assert str(error.value) == (
        '"mm_sdxl.safetensors" is an SDXL motion model, but the connected MODEL is SD1.5. '
        "Use an SDXL checkpoint, or pick a motion model made for SD1.5 such as mm_sd15_v3."
    )


def test_sd15_motion_model_on_sdxl(tmp_path):
    motion = load(tiny.motion_weights(), tmp_path, "v3.safetensors")
    with pytest.raises(ValueError, match='"v3.safetensors" is an SD1.5 motion model, but the connected MODEL is SDXL'):
        attach(tiny.image_model("sdxl"), motion, Applied())


def test_other_widths_are_named(tmp_path):
    motion = load(tiny.motion_weights((32, 32, 64, 64)), tmp_path, "small.safetensors")
    with pytest.raises(ValueError, match='at "down_blocks.1.motion_modules.0" it has 32 channels, but the UNet has 64'):
        attach(tiny.image_model(), motion, Applied())


def test_model_without_unet(tmp_path):
    motion = load(tiny.motion_weights(), tmp_path, "v3.safetensors")
    model = tiny.image_model()
    model.model.diffusion_model = model.model.diffusion_model.time_embed
    with pytest.raises(ValueError, match="has no UNet"):
        attach(model, motion, Applied())


def test_one_frame(tmp_path):
    animated = attach(tiny.image_model(), load(tiny.motion_weights(), tmp_path, "v3.safetensors"), Applied())
    with pytest.raises(ValueError) as error:
        tiny.sample(animated, frames=1)
    assert str(error.value) == (
        "A motion model needs at least 2 frames, but the latent has 1. "
        "Set batch_size of Empty Latent Image to the number of frames, e.g. 16."
    )


def test_a_motion_model_twice_where_the_host_cannot_copy_it(tmp_path, monkeypatch):
    """ComfyUI 0.14.0 to 0.15.0, whose clones lose `cached_patcher_init`."""
    monkeypatch.setattr("comfyui_version.__version__", "0.15.0")
    motion = load(tiny.motion_weights(), tmp_path, "v3.safetensors")
    zoom = load_motion_lora(motion, tiny.save(loras.official(mid=False), tmp_path / "zoom.safetensors"), 1.0)
    del zoom.cached_patcher_init
    once = attach(attach(tiny.image_model(), motion, Applied()), motion, Applied())
    with pytest.raises(ValueError) as error:
        attach(once, zoom, Applied())
    assert str(error.value) == (
        "Kinema needs ComfyUI 0.15.1 or newer to apply a motion model twice with different LoRAs, but this is 0.15.0. "
        "Update ComfyUI."
    )


@pytest.mark.parametrize("evolved_first", [True, False])
def test_context_options_of_animatediff_evolved(evolved_first, tmp_path):
    motion = load(tiny.motion_weights(), tmp_path, "v3.safetensors")

    def evolved(model, length):
        with_options = model.clone()
        options = SimpleNamespace(context_length=length)  # what the pack attaches to a MODEL
        with_options.set_attachments("ADE_params", SimpleNamespace(context_options=options))
        return with_options

    def chain(length):
        if evolved_first:
            return attach(evolved(tiny.image_model(), length), motion, Applied())
        return evolved(attach(tiny.image_model(), motion, Applied()), length)

    assert tiny.sample(chain(None), steps=1).isfinite().all()
    with pytest.raises(ValueError) as error:
        tiny.sample(chain(16), frames=20, steps=1)
    assert str(error.value) == (
        "The MODEL has AnimateDiff-Evolved's context options (windows of 16 frames), but Kinema's nodes work only with "
        "Kinema's or ComfyUI's windows. Disconnect context_options from that pack's node and use Kinema's Context Windows."
    )


def test_more_frames_than_positions(tmp_path):
    animated = attach(tiny.image_model(), load(tiny.motion_weights(), tmp_path, "v3.safetensors"), Applied())
    long = added(animated, windows=ContextWindows(WindowSpec(40, 4)))
    with pytest.raises(
        ValueError, match='"v3.safetensors" has 32 positional encodings, but 33 frames are sampled at once'
    ):
        tiny.sample(long, frames=33, size=2)


def test_a_window_of_the_hosts_has_one_frame_before_it(tmp_path):
    animated = attach(tiny.image_model(), load(tiny.motion_weights(), tmp_path, "v3.safetensors"), Applied())
    animated.model_options["context_handler"] = handler = comfy.context_windows.IndexListContextHandler(
        comfy.context_windows.get_matching_context_schedule("standard_static"),
        comfy.context_windows.get_matching_fuse_method("pyramid"),
        context_length=32,
    )
    handler.causal_window_fix = True  # newer hosts' default, unknown to older ones
    with pytest.raises(
        ValueError, match='"v3.safetensors" has 32 positional encodings, but 33 frames are sampled at once'
    ):
        tiny.sample(animated, frames=40, size=2)


def test_windows_of_one_frame(tmp_path):
    animated = attach(tiny.image_model(), load(tiny.motion_weights(), tmp_path, "v3.safetensors"), Applied())
    single = added(animated, windows=ContextWindows(WindowSpec(1, 0)))
    with pytest.raises(ValueError) as error:
        tiny.sample(single, frames=4)
    assert str(error.value) == (
        "A motion model needs at least 2 frames, but the context windows have length 1. Use windows of 16 frames."
    )


@pytest.mark.parametrize("kind, name", [("SD20", "SD2"), ("SVD_img2vid", "Stable Video Diffusion")])
def test_other_bases_of_the_same_widths(tmp_path, kind, name):
    motion = load(tiny.motion_weights(), tmp_path, "v3.safetensors")
    model = tiny.image_model()
    model.model.model_config = getattr(comfy.supported_models, kind)(tiny.unet_config("sd15"))
    with pytest.raises(ValueError) as error:
        attach(model, motion, Applied())
    assert str(error.value) == (
        f'"v3.safetensors" is an SD1.5 motion model, but the connected MODEL is {name}. Use an SD1.5 checkpoint.'
    )


def test_training_of_the_host(tmp_path, monkeypatch):
    """Train LoRA, which sampled the pictures of a batch as frames."""
    animated = attach(tiny.image_model(), load(tiny.motion_weights(), tmp_path, "v3.safetensors"), Applied())
    monkeypatch.setattr("comfy.model_management.in_training", True)
    with pytest.raises(
        ValueError, match="Train LoRA trains with single pictures, but the MODEL has a motion model, which"
    ):
        tiny.sample(animated)


def test_a_second_model_with_other_motion_models(tmp_path, screen):
    """Dual Model CFG Guider; it ended in an IndexError."""
    custom = pytest.importorskip("comfy_extras.nodes_custom_sampler")
    if not hasattr(custom, "DualModelGuider"):
        pytest.skip("this host has no Dual Model CFG Guider")
    plain, motion = exact.image_model(), load(tiny.motion_weights(), tmp_path, "v3.safetensors")
    animated = attach(plain, motion, Applied())

    def run(second):
        guider = custom.Guider_DualModel(animated, second)
        guider.set_conds(tiny.conditioning(3), tiny.conditioning(4))
        guider.set_cfg(4.0)
        sigmas = comfy.samplers.calculate_sigmas(animated.get_model_object("model_sampling"), "normal", 1)
        euler = comfy.samplers.sampler_object("euler")
        return guider.sample(tiny.latents(2), torch.zeros(2, 4, 8, 8), euler, sigmas, disable_pbar=True, seed=5)

    for second in (plain, tiny.image_model(seed=9)):
        with pytest.raises(ValueError) as error:
            run(second)
        assert str(error.value) == (
            'Guider_DualModel predicts with two MODELs, but the motion models on model ("v3.safetensors") and on '
            "model_negative (no motion model) differ. Connect both MODELs through Apply Motion Model with the same motion "
            "model and the same motion LoRAs."
        )
    assert_alike(run(animated), tiny.sample(animated, 2, steps=1, noise=tiny.latents(2)))
    assert screen.text == ""
    run(attach(plain, motion, Applied(strength=0.5)))
    assert screen.text == "The Kinema nodes on model_negative have no effect: ComfyUI samples it with those on model."


def test_outside_a_sampler(tmp_path):
    animated = attach(tiny.image_model(), load(tiny.motion_weights(), tmp_path, "v3.safetensors"), Applied())
    options = animated.model_options["transformer_options"] | {"wrappers": animated.wrappers}
    with pytest.raises(RuntimeError, match="was called outside ComfyUI's samplers"):
        animated.model.apply_model(
            tiny.latents(4), torch.ones(4), c_crossattn=torch.zeros(4, 5, 32), transformer_options=options
        )


def test_noise_levels_and_results_that_are_not_finite(model):
    noisy = added(model, windows=ContextWindows(WindowSpec(3, 1)))
    infinite = torch.tensor([float("inf"), 3.0, 0.0])
    with pytest.raises(
        ValueError, match=r"noise levels \(sigmas\) of this run are not finite: inf, 3, 0\. Check the nodes"
    ):
        tiny.sample(noisy, sigmas=infinite, sampler="dpmpp_sde")  # which would never end
    noise = tiny.latents(4)
    noise[2] = float("nan")
    with pytest.raises(ValueError, match=r"not finite \(NaN\) in 1 of 4 frames \(the first: frame 2\)\. Lower cfg"):
        tiny.sample(noisy, noise=noise)
