"""Every node of the host that acts on an SD1.5 or SDXL UNet, with the features of Kinema that it meets."""

import host_nodes
import pytest
import tiny
import torch
from compare import assert_alike

from kinema.sampling.curves.curve import Constant, Listed
from kinema.sampling.guidance.animation_guidance import Guidance
from kinema.sampling.guidance.motion_guidance import MotionGuidance
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.motion_windows import MotionWindows

FRAMES = 3
SIZE = 12  # at 8 the middle of the UNet sees one place
EXACT = 1e-5
WINDOWS = ContextWindows(WindowSpec(2, 1))
CFGS = (4.0, 2.0, 4.0)  # of the frames

ACTS = {
    "APG": {},
    "CFGNorm": {},
    "CFGOverride": {"cfg": 2.5, "start_percent": 0.0, "end_percent": 0.5},
    "CFGZeroStar": {},
    "DifferentialDiffusion": {},
    "EasyCache": {"reuse_threshold": 3.0, "start_percent": 0.0, "end_percent": 1.0},  # skips whatever it may
    "Epsilon Scaling": {"scaling_factor": 1.05},
    "FreSca": {"freq_cutoff": 2},
    "FreeU": {},
    "FreeU_V2": {},
    "LatentApplyOperationCFG": {},
    "LazyCache": {"reuse_threshold": 3.0, "start_percent": 0.0, "end_percent": 1.0},
    "Mahiro": {},
    "ModelSamplingContinuousEDM": {"sampling": "eps"},
    "ModelSamplingContinuousV": {"sigma_max": 80.0},
    "ModelSamplingDiscrete": {"sampling": "v_prediction"},
    "NAGuidance": {},
    "PatchModelAddDownscale": {},
    "PerpNeg": {},
    "PerturbedAttentionGuidance": {},
    "RescaleCFG": {},
    "SelfAttentionGuidance": {},
    "TCFG": {},
    "UNetCrossAttentionMultiply": {"q": 1.5},
    "UNetSelfAttentionMultiply": {"q": 1.5},
    "VideoLinearCFGGuidance": {},
    "VideoTriangleCFGGuidance": {},
}
"""What is set of the nodes that act; the rest is the node's default."""

OTHER = {
    "other architectures": (
        "ARVideoI2V", "AnimaLLLiteApply", "ChromaRadianceOptions", "FluxKVCache", "HiDreamO1PatchSeamSmoothing",
        "LTXVContextWindows", "LTXVReferenceAudio", "MiniMaxH3SigmaShift", "ModelSamplingAuraFlow", "ModelSamplingFlux",
        "ModelSamplingLTXV", "ModelSamplingSD3", "ModelSamplingStableCascade", "QwenImageDiffsynthControlnet",
        "ScaleROPE", "SkipLayerGuidanceDiT", "SkipLayerGuidanceDiTSimple", "SkipLayerGuidanceSD3", "SUPIRApply",
        "TripoSplatSamplingPreview", "UNetTemporalAttentionMultiply", "USOStyleReference", "WanContextWindowsManual",
        "WanInfiniteTalkToVideo", "WanUni3CControlnetApply", "ZImageFunControlnet", "wanBlockSwap",
        "ModelMergeAuraflow", "ModelMergeCosmos14B", "ModelMergeCosmos7B", "ModelMergeCosmosPredict2_14B",
        "ModelMergeCosmosPredict2_2B", "ModelMergeFlux1", "ModelMergeKrea2", "ModelMergeLTXV", "ModelMergeMochiPreview",
        "ModelNoiseScale",
        "ModelMergeQwenImage", "ModelMergeSD35_Large", "ModelMergeSD3_2B", "ModelMergeWAN2_1",
    ),
    "changes weights, or the type in which they compute, but not what is computed": (
        "LoraLoader", "LoraLoaderBypass", "LoraLoaderBypassModelOnly", "LoraLoaderModelOnly", "LoraModelLoader",
        "ModelComputeDtype", "ModelMergeAdd", "ModelMergeBlocks", "ModelMergeSD1", "ModelMergeSD2", "ModelMergeSDXL",
        "ModelMergeSimple", "ModelMergeSubtract", "HypernetworkLoader",
    ),
    "draws at random in every model call, so that windows change the draws": ("HyperTile", "TomePatchModel"),
    "computes one picture, and fails on a batch of several without Kinema, too": ("RenormCFG", "TemporalScoreRescaling"),
    "chooses devices: test_several_gpus.py": ("MultiGPU_WorkUnits", "SelectModelDevice"),
    "compiles the UNet: test_neighbours.py": ("TorchCompileModel",),
    "context windows of its own, refused beside Kinema's: test_context_handler.py": ("ContextWindowsManual",),
}  # fmt: skip
"""Nodes that are not tried here, by the reason."""

STEPS = {"EasyCache": 4, "LazyCache": 4, "APG": 2, "CFGOverride": 2, "DifferentialDiffusion": 2}
"""Of nodes that go on from step to step or change in a run; the third step is the first that caches may skip."""

MIXES_FRAMES = {
    "Mahiro": "weighs all frames by one likeness",
    "PerpNeg": "projects all frames together",
}
"""Nodes with which a frame depends on the others even without motion."""

NEEDS_BOTH = {"NAGuidance": "compares both prompts in one model call, and the extra pass has one prompt only"}
"""Nodes that do not act in the extra pass of Motion Guidance."""


@pytest.fixture(scope="module")
def animated(model, motion):
    return changed(attach(model, motion, Applied(), KEEP), motion_windows=MotionWindows(2, 1))


@pytest.fixture(scope="module")
def base(model):
    """Samples without Kinema: {(node id, cfg): latents}, as they are asked for."""
    known = {}

    def sampled(name, cfg):
        if (name, cfg) not in known:
            known[name, cfg] = sample(name, applied(name, model), cfg=cfg)
        return known[name, cfg]

    return sampled


def sample(name, model, **more):
    """Latents of a run with the host's node `name` on `model`."""
    steps = STEPS.get(name, 1)
    if name == "DifferentialDiffusion":
        more["noise_mask"] = torch.linspace(0, 1, SIZE * SIZE).reshape(1, SIZE, SIZE)
    return tiny.sample(model, FRAMES, steps=steps, size=SIZE, **more)


def applied(name, model):
    """`model` with the host's node `name`."""
    tonemap = host_nodes.run("LatentOperationTonemapReinhard", multiplier=1.0)
    sockets = {"model": model, "empty_conditioning": tiny.conditioning(5), "operation": tonemap}
    inputs = host_nodes.defaults(name)
    given = {key: value for key, value in sockets.items() if key in inputs}
    return host_nodes.run(name, **inputs | given | ACTS[name])


def there(name):
    if name not in host_nodes.classes():
        pytest.skip(f"this host has no {name}")


def test_every_node_of_the_host_is_tried_or_has_a_reason():
    tried = {*ACTS, *(name for names in OTHER.values() for name in names)}
    found = {
        name
        for name, node in host_nodes.classes().items()
        if "MODEL" in node.RETURN_TYPES and host_nodes.takes(node, "MODEL") and not name.startswith("Kinema")
    }
    assert found <= tried, f"neither tried nor explained: {sorted(found - tried)}"


@pytest.mark.parametrize("name", ACTS)
def test_windows_change_nothing_without_motion(model, base, name):
    there(name)
    assert_alike(sample(name, added(applied(name, model), windows=WINDOWS)), base(name, 4.0))


@pytest.mark.parametrize("name", ACTS)
def test_a_number_as_guidance_is_the_samplers_cfg_in_both_orders(model, base, name):
    there(name)
    before = applied(name, changed(model, guidance=Guidance(Constant(4.0))))
    after = changed(applied(name, model), guidance=Guidance(Constant(1.0)))
    assert_alike(sample(name, before, cfg=9.0), base(name, 4.0), EXACT)
    assert_alike(sample(name, after, cfg=9.0), base(name, 1.0), EXACT)


@pytest.mark.parametrize("name", ACTS)
def test_each_frame_of_a_curve_is_as_at_its_number(model, base, name):
    there(name)
    guided = sample(name, changed(applied(name, model), guidance=Guidance(Listed(CFGS))), cfg=9.0)
    if name in MIXES_FRAMES:
        assert torch.isfinite(guided).all()
        return
    for frame, cfg in enumerate(CFGS):
        assert_alike(guided[frame], base(name, cfg)[frame], EXACT)


@pytest.mark.parametrize("name", ACTS)
def test_motion_guidance_away_from_as_much_motion_changes_nothing(animated, name):
    """Its extra pass computes what the pass for the prompt computes, whatever the node keeps between model calls."""
    there(name)
    guidance = MotionGuidance(2.0, kept=Constant(1.0))
    guided = sample(name, applied(name, changed(animated, motion_guidance=guidance)))
    assert torch.isfinite(guided).all()
    if name not in NEEDS_BOTH:
        assert_alike(guided, sample(name, applied(name, animated)), EXACT)
