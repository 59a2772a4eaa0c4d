"""A UNet that ComfyUI's node TorchCompileModel compiled: one graph with motion and one without, the numbers of uncompiled
runs, and MODELs with and without Kinema in any order."""

import cameras
import comfy.ldm.modules.attention
import families
import loras
import pictured
import pytest
import safetensors.torch
import tiny
import torch
from comfy.ldm.modules.attention import SpatialTransformer, attention_pytorch
from comfy_extras.nodes_torch_compile import TorchCompileModel
from compare import assert_alike, assert_other
from torch import nn

from kinema.miniature.models import FOLDER, VAE, load_vae
from kinema.motion.camera_load import load_camera_ctrl
from kinema.motion.load import load_motion_model
from kinema.sampling.camera.camera import Camera, follow_camera
from kinema.sampling.camera.path import CameraMove
from kinema.sampling.curves.curve import Blocks, Combined, Constant, OverBlocks, as_curve
from kinema.sampling.curves.curve_keys import OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.guidance.motion_from_video import MotionFromVideo
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.curved_lora import load_curved_lora
from kinema.sampling.modules.enhance_motion import Enhance
from kinema.sampling.pictures.animated_picture import animating
from kinema.sampling.run.attach import attach, changed
from kinema.sampling.windows.motion_windows import MotionWindows

ONE_MODULE = OverBlocks(((Blocks(), Constant(0.0)), (Blocks("up", 1, 0), Constant(1.0))))


class Graphs:
    """A backend of torch.compile that runs each graph as it was traced, as "eager" does, and counts them."""

    def __init__(self):
        self.count = 0

    def __call__(self, graph, inputs, **options):
        self.count += 1
        return graph.forward


@pytest.fixture(autouse=True)
def nothing_compiled_before():
    """Torch keeps at most eight graphs of a function, however many models have it."""
    torch._dynamo.reset()


@pytest.fixture
def model(monkeypatch):
    """MODEL with one transformer block, which is traced in seconds, and with the attention that GPUs use: it compiles
    to a single graph, so that nothing but torch's guards tells one call from another."""
    for name in ("optimized_attention", "optimized_attention_masked"):
        monkeypatch.setattr(comfy.ldm.modules.attention, name, attention_pytorch)
    model = tiny.image_model()
    transformers = [part for part in model.model.diffusion_model.modules() if isinstance(part, SpatialTransformer)]
    for transformer in transformers[1:]:
        transformer.transformer_blocks = nn.ModuleList()
    return model


def sample(model, frames=2):
    return tiny.sample(model, frames=frames, size=16)  # smaller latents have one pixel at the last level


def of_strength(strength):
    return Applied(strength=Combined("multiply", ONE_MODULE, as_curve(strength)))


def test_one_graph_with_motion_and_one_without(model, tmp_path):
    """At every strength, whether the motion model is applied before the node or after it."""
    motion = load_motion_model(tiny.save(tiny.motion_weights(seed=8), tmp_path / "v3_mm.safetensors"))
    graphs = Graphs()
    compiled = TorchCompileModel.execute(model, graphs)[0]
    over_steps = OverRun(read_keys("0%: 0.9, 100%: 0.3"))
    expected = {}
    for strength, so_far in ((1.0, 1), (0.7, 1), (over_steps, 1), (0.0, 2), (1.0, 2)):
        how = of_strength(strength)
        expected[strength] = sample(attach(model, motion, how))
        before = TorchCompileModel.execute(attach(model, motion, how), graphs)[0]
        assert torch.equal(sample(before), expected[strength])
        assert torch.equal(sample(attach(compiled, motion, how)), expected[strength])
        assert graphs.count == so_far
    plain = sample(model)  # with the noise schedule of the image model, other than at strength 0
    assert torch.equal(sample(compiled), plain)
    for strength in (0.7, over_steps, 0.0):
        assert_other(expected[strength], expected[1.0])
    first_frame = changed(model, first_frame=True)
    assert_other(sample(first_frame), plain)
    assert_alike(sample(changed(compiled, first_frame=True)), sample(first_frame))  # patches run uncompiled
    video = {"from_video": MotionFromVideo(pictured.photo(count=2), load_vae(str(FOLDER / VAE)))}
    guided = sample(changed(attach(model, motion, of_strength(1.0)), **video))
    assert_other(guided, expected[1.0])
    assert torch.equal(sample(changed(attach(compiled, motion, of_strength(1.0)), **video)), guided)  # its pass, too
    assert graphs.count == 2


def test_all_that_acts_in_motion_modules_is_in_the_graph(model, tmp_path):
    """Joint norms, the scale of attentions, a motion LoRA, a camera, enhancement and motion windows, by other numbers."""
    lora = tiny.save(loras.official(), tmp_path / "lora.safetensors")
    safetensors.torch.save_file(cameras.pruned(), tmp_path / "CameraCtrl_pruned.safetensors")
    camera_ctrl = load_camera_ctrl(tmp_path / "CameraCtrl_pruned.safetensors")
    v1 = load_motion_model(tiny.save(tiny.motion_weights(seed=8, positions=24), tmp_path / "mm_sd_v14.safetensors"))

    def kind(strength):
        motion = load_curved_lora(v1, lora, Constant(strength))
        motion = follow_camera(motion, camera_ctrl, Camera(CameraMove("move right", 4.0), strength))
        how = Applied(strength=ONE_MODULE, attention=1 + strength)
        animated = changed(attach(model, motion, how), enhance=Enhance(strength))
        return changed(animated, motion_windows=MotionWindows(4, 2, global_attention=0.5))

    graphs = Graphs()
    results = []
    for strength in (0.5, 0.25):
        results.append(sample(kind(strength), frames=6))
        assert torch.equal(sample(TorchCompileModel.execute(kind(strength), graphs)[0], frames=6), results[-1])
    assert_other(*results)
    assert graphs.count == 1


@pytest.mark.parametrize("make", [families.pia, families.lcm_i2v])
def test_a_compiled_unet_takes_the_picture_of_each_run(make, model, tmp_path):
    """Two pictures of different strengths, and none, without motion modules."""
    vae = load_vae(str(FOLDER / VAE))
    motion = load_motion_model(tiny.save(make(), tmp_path / "picture.safetensors"))
    kinds = {seed: animating(motion, pictured.animated(vae, seed, strength=seed / 2)) for seed in (1, 2)} | {0: motion}
    still = Applied(strength=0.0)
    expected = {seed: sample(attach(model, kind, still)) for seed, kind in kinds.items()}
    assert_other(expected[1], expected[0])
    assert_other(expected[1], expected[2], by=1e-3)
    graphs = Graphs()
    compiled = TorchCompileModel.execute(model, graphs)[0]
    for seed in (1, 0, 2, 1):
        assert torch.equal(sample(attach(compiled, kinds[seed], still)), expected[seed])
    assert graphs.count == 2
