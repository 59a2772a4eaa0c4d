"""What becomes of the option nodes of AnimateDiff-Evolved: the nodes of the chain and their inputs."""

from typing import Any

import pytest
from chains import chain, loader
from evolved_graphs import Sketch


def test_a_loader_becomes_load_and_apply() -> None:
    sketch = Sketch()
    checkpoint, sink = loader(sketch)
    sketch.sample(sink, checkpoint)
    found = chain(sketch)
    assert found["LoadMotionModel"]["motion_model"] == "mm.ckpt"
    apply = found["ApplyMotionModel"]
    assert (apply["noise_schedule"], apply["match"]) == ("as AnimateDiff-Evolved", "AnimateDiff-Evolved")
    assert apply["model"] == "CheckpointLoaderSimple" and "ContextWindows" not in found


@pytest.mark.parametrize(
    ("values", "attention", "match"),
    [
        (["mm.ckpt", "lcm"], 1.0, "AnimateDiff-Evolved"),
        (["mm.ckpt", "lcm", 1.3, False], 1.3, "AnimateDiff-Evolved, v2 as v1"),
        (["mm.ckpt", "lcm", 1.3, True, ""], 1.3, "AnimateDiff-Evolved"),
    ],
)
def test_layouts_of_the_old_loader(values: list[Any], attention: float, match: str) -> None:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    sink = sketch.add("ADE_AnimateDiffLoaderWithContext", *values, model=checkpoint)
    sketch.nodes[sink.node - 1]["inputs"][3]["name"] = "motion_model_settings"
    sketch.sample(sink, checkpoint)
    apply = chain(sketch)["ApplyMotionModel"]
    assert (apply["attention"], apply["match"], apply["noise_schedule"]) == (attention, match, "LCM")


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (
            "ADE_StandardStaticContextOptions",
            [12, 3],
            {"length": 12, "overlap": 3, "schedule": "static", "fuse_method": "pyramid"},
        ),
        (
            "ADE_StandardUniformContextOptions",
            [16, 2, 4, "relative"],
            {"schedule": "uniform", "stride": 2, "fuse_method": "relative"},
        ),
        (
            "ADE_AnimateDiffUniformContextOptions",
            [16, 1, 4, "uniform", True],
            {"closed_loop": True, "fuse_method": "flat"},
        ),
        (
            "ADE_AnimateDiffUniformContextOptions",
            [16, 1, 4, "uniform", True, "pyramid", True, 0.5, 1, ""],
            {"short_videos": "equal length", "fuse_method": "pyramid", "start_percent": 0.5},
        ),
        ("ADE_LoopedUniformContextOptions", [16, 1, 4, False], {"schedule": "looped", "short_videos": "leave"}),
        ("ADE_BatchedContextOptions", [8], {"length": 8, "overlap": 0, "schedule": "batched", "fuse_method": "flat"}),
        ("ADE_StandardStaticContextOptions", [16, 16], {"overlap": 4}),
        (
            "ADE_StandardStaticContextOptions",
            [16, 4, "\N{MICROSCOPE}pyramid-sigma inverse"],
            {"fuse_method": "pyramid-sigma-inverse"},
        ),
    ],
)
def test_context_options(kind: str, values: list[Any], expected: dict[str, Any]) -> None:
    sketch = Sketch()
    checkpoint, sink = loader(sketch, context_options=sketch.add(kind, *values))
    sketch.sample(sink, checkpoint, 24)
    found = chain(sketch)["ContextWindows"]
    assert found | expected == found and found["model"] == "KinemaApplyMotionModel"


def test_without_context_options_all_frames_are_computed_at_once() -> None:
    sketch = Sketch()
    checkpoint, sink = loader(sketch)
    sketch.sample(sink, checkpoint, 24)
    assert chain(sketch)["ContextWindows"]["length"] == 1024


def test_a_bypassed_context_stays_to_be_switched_on() -> None:
    sketch = Sketch()
    first = sketch.add("ADE_StandardStaticContextOptions", 8, 2)
    last = sketch.add("ADE_LoopedUniformContextOptions", 16, 1, 4, False, mode=4, prev_context=first)
    checkpoint, sink = loader(sketch, context_options=last)
    sketch.sample(sink, checkpoint, 24)
    found = chain(sketch)
    assert (found["ContextWindows"]["length"], found["ContextWindows"]["mode"]) in [(8, 0), (16, 4)]
    assert {found["ContextWindows"]["mode"], found["ContextWindows'"]["mode"]} == {0, 4}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, "FreeNoise", "comfy", 3, 0, False, ""], {"noise_type": "FreeNoise", "seed": 3, "length": 8, "overlap": 2}),
        ([0, "FreeNoise", "auto1111", 5, False], {"noise_type": "FreeNoise", "seed": 5, "seed_per_frame": True}),
        ([2, "FreeNoise", "comfy", 0, False], {"noise_type": "independent", "first_frame": 2}),
        ([0, "empty", "comfy", 0, 7], {"noise_type": "empty", "start_only": True}),
        ([0, "default", "comfy", 4, False], {"noise_type": "independent", "seed": 4}),
    ],
)
def test_sample_settings(values: list[Any], expected: dict[str, Any]) -> None:
    sketch = Sketch()
    windows = sketch.add("ADE_StandardStaticContextOptions", 8, 2)
    settings = sketch.add("ADE_AnimateDiffSamplingSettings", *values)
    checkpoint, sink = loader(sketch, context_options=windows, sample_settings=settings)
    sketch.sample(sink, checkpoint, 24)
    found = chain(sketch)
    assert found["AnimationNoise"] | expected == found["AnimationNoise"]
    assert found["ContextWindows"]["freenoise"] == (values[0] == 2)


def test_freenoise_alone_is_a_switch_of_the_windows() -> None:
    sketch = Sketch()
    windows = sketch.add("ADE_StandardStaticContextOptions", 8, 2)
    settings = sketch.add("ADE_AnimateDiffSamplingSettings", 0, "FreeNoise", "comfy", 0, False)
    checkpoint, sink = loader(sketch, context_options=windows, sample_settings=settings)
    sketch.sample(sink, checkpoint, 24)
    found = chain(sketch)
    assert found["ContextWindows"]["freenoise"] and "AnimationNoise" not in found


def test_loras_settings_and_multivals_of_two_motion_models() -> None:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    weights = sketch.add("ADE_AdjustWeightAllMult", 1.01, False)
    stretch = sketch.add("ADE_AdjustPESweetspotStretch", 16, 18, False)
    settings = sketch.add("ADE_AnimateDiffSettings", weight_adjust=weights, pe_adjust=stretch)
    first = sketch.add("ADE_LoadAnimateDiffModel", "one.ckpt", ad_settings=settings)
    second = sketch.add("ADE_LoadAnimateDiffModel", "two.ckpt")
    empty = sketch.add("ADE_AnimateDiffLoRALoader", None, 1.0)
    lora = sketch.add("ADE_AnimateDiffLoRALoader", "zoom.ckpt", 0.8, "", prev_motion_lora=empty)
    scale = sketch.add("ADE_MultivalDynamic", 1.2, "")
    one = sketch.add("ADE_ApplyAnimateDiffModel", 0.1, 0.9, motion_model=first, motion_lora=lora)
    both = sketch.add("ADE_ApplyAnimateDiffModel", 0, 1, motion_model=second, scale_multival=scale, prev_m_models=one)
    sink = sketch.add("ADE_UseEvolvedSampling", "sqrt_linear (AnimateDiff)", model=checkpoint, m_models=both)
    sketch.sample(sink, checkpoint)
    found = chain(sketch)
    adjusted = (found["AdjustMotionModel"], found["AdjustMotionModel'"])
    assert sorted((part["cap"], part["length"], part["multiply"]) for part in adjusted) == [(0, 0, 1.01), (16, 18, 1.0)]
    assert (found["LoadMotionLora"]["lora"], found["LoadMotionLora"]["strength"]) == ("zoom.ckpt", 0.8)
    applies = {part["match"]: part for part in (found["ApplyMotionModel"], found["ApplyMotionModel'"])}
    earlier = applies["AnimateDiff-Evolved, as the last motion model"]
    assert (earlier["start_percent"], earlier["end_percent"], earlier["noise_schedule"]) == (
        0.1,
        0.9,
        "keep the model's",
    )
    last = applies["AnimateDiff-Evolved"]
    assert (last["attention"], last["noise_schedule"], last["model"]) == (1.2, "AnimateDiff", "KinemaApplyMotionModel")


def test_keyframes_become_held_steps() -> None:
    sketch = Sketch()
    scale, effect = sketch.add("ADE_MultivalDynamic", 1.2), sketch.add("ADE_MultivalDynamic", 0.5)
    first = sketch.add("ADE_AnimateDiffKeyframe", 0, True, 1, scale_multival=scale)
    last = sketch.add("ADE_AnimateDiffKeyframe", 0.5, True, 1, effect_multival=effect, prev_ad_keyframes=first)
    cfg = sketch.add("ADE_CustomCFGSimple", 4)
    later = sketch.add("ADE_CustomCFGKeyframeSimple", 1.5, 0.5, 1, prev_custom_cfg=cfg)
    settings = sketch.add("ADE_AnimateDiffSamplingSettings", 0, "default", "comfy", 0, False, custom_cfg=later)
    checkpoint, sink = loader(sketch, ad_keyframes=last, sample_settings=settings)
    sketch.sample(sink, checkpoint)
    found = chain(sketch)
    texts = {found["CurveOverSteps"]["values"], found["CurveOverSteps'"]["values"]}
    assert texts == {"0%: 1, 50%: 0.5 hold", "0%: 4, 50%: 1.5 hold"}
    assert found["ApplyMotionModel"]["attention"] == 1.2


@pytest.mark.parametrize(
    ("name", "apply", "extra"),
    [
        ("avg(sqrt_linear,linear)", "mean of AnimateDiff and Stable Diffusion", {}),
        ("lcm[100_ots]", "keep the model's", {"schedule": "Stable Diffusion", "lcm_steps": 100, "prediction": "lcm"}),
        ("lcm >> sqrt_linear", "keep the model's", {"schedule": "custom", "betas": "sqrt_linear", "prediction": "lcm"}),
        ("cosine", "keep the model's", {"schedule": "custom", "betas": "cosine", "prediction": "the checkpoint's"}),
        ("use existing", "keep the model's", {}),
    ],
)
def test_schedules(name: str, apply: str, extra: dict[str, Any]) -> None:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    sketch.sample(sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", name, model=checkpoint), checkpoint)
    found = chain(sketch)
    assert found["ApplyMotionModel"]["noise_schedule"] == apply
    assert ("NoiseSchedule" in found) == bool(extra)
    assert not extra or found["NoiseSchedule"] | extra == found["NoiseSchedule"]
