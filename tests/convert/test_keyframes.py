"""Keyframes of AnimateDiff-Evolved that set a camera, a picture, a reference or lists of numbers."""

import pytest
from chains import chain, loader
from evolved_graphs import Out, Sketch

from kinema.convert import convert


def gen2(sketch: Sketch, kind: str, load: str, *files: str, **links: Out) -> None:
    """A workflow with an Apply node of the class `kind`."""
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    applied = sketch.add(kind, 0.0, 1.0, motion_model=sketch.add(load, *files), **links)
    sketch.sample(sketch.add("ADE_UseEvolvedSampling", "autoselect", model=checkpoint, m_models=applied), checkpoint)


def test_keyframes_of_the_camera_act_on_its_strength() -> None:
    sketch = Sketch()
    numbers = [sketch.add("ADE_MultivalDynamic", value) for value in (0.8, 0.5)]
    key = sketch.add("ADE_CameraCtrlAnimateDiffKeyframe", 0.5, True, 1, cameractrl_multival=numbers[1])
    links = {"cameractrl_multival": numbers[0], "ad_keyframes": key}
    poses = sketch.add("ADE_CameraPoseBasic", "Pan Left", 1.0, 16)
    files = ("ADE_LoadAnimateDiffModelWithCameraCtrl", "mm.ckpt", "camera.ckpt")
    gen2(sketch, "ADE_ApplyAnimateDiffModelWithCameraCtrl", *files, cameractrl_poses=poses, **links)
    found = chain(sketch)
    assert found["LoadCameraCtrl"]["strength"] == "KinemaCombineCurves"
    assert found["CombineCurves"]["a"] == 0.8
    assert found["CurveOverSteps"]["values"] == "0%: 1, 50%: 0.5 hold"


def test_a_keyframe_that_never_acts_leaves_nothing() -> None:
    sketch = Sketch()
    picture = sketch.add("LoadImage", "a.png")
    mask = sketch.add("ADE_MultivalScaledMask", 0.0, 1.0, "absolute", mask=Out(picture.node, 1))
    first = sketch.add("ADE_AnimateDiffKeyframe", 0.0, True, 1, effect_multival=mask)
    number = sketch.add("ADE_MultivalDynamic", 0.5)
    last = sketch.add("ADE_AnimateDiffKeyframe", 0.0, True, 1, effect_multival=number, prev_ad_keyframes=first)
    checkpoint, sink = loader(sketch, ad_keyframes=last)
    sketch.sample(sink, checkpoint)
    found = chain(sketch)
    assert found["ApplyMotionModel"]["strength"] == 0.5 and "CurveFromMask" not in found


def test_keyframes_of_a_picture_act_on_its_affinity() -> None:
    sketch = Sketch()
    vae = Out(sketch.add("CheckpointLoaderSimple", "b.safetensors").node, 2)
    numbers = [sketch.add("ADE_MultivalDynamic", value) for value in (0.9, 0.4)]
    first, later = [sketch.add("ADE_InputPIA_Multival", multival=number) for number in numbers]
    key = sketch.add("ADE_PIA_AnimateDiffKeyframe", 0.5, True, 1, pia_input=later)
    links = {"image": sketch.add("LoadImage", "a.png"), "vae": vae, "pia_input": first, "ad_keyframes": key}
    gen2(sketch, "ADE_ApplyAnimateDiffModelWithPIA", "ADE_LoadAnimateDiffModel", "pia.ckpt", **links)
    found = chain(sketch)
    assert found["AnimatePicture"]["affinity"] == "KinemaCurveOverSteps"
    assert found["CurveOverSteps"]["values"] == "0%: 0.9, 50%: 0.4 hold"


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (("0:4, 8:2", False, 17), "0%: 4, 50%: 2, 100%: 2"),
        (('{"0": 4, "10": 1.5}', False, 0), "0%: 4, 100%: 1.5"),
        (("0:(sin(t))", False, 16), None),
    ],
)
def test_guidance_from_a_list(schedule: tuple[str, bool, int], expected: str | None) -> None:
    sketch = Sketch()
    numbers = sketch.add("ADE_ValueScheduling", *schedule)
    cfg = sketch.add("ADE_CustomCFGKeyframeFromList", 0.0, 1.0, False, cfgs_float=numbers)
    settings = sketch.add("ADE_AnimateDiffSamplingSettings", 0, "default", "comfy", 0, False, custom_cfg=cfg)
    checkpoint, sink = loader(sketch, sample_settings=settings)
    sketch.sample(sink, checkpoint)
    if expected is None:
        (unit, *_) = convert(sketch.ui()).report.units
        assert unit.can_be_accepted and "known only while the workflow runs" in unit.remarks[0].text
    else:
        found = chain(sketch)
        assert found["AnimationGuidance"]["cfg"] == "KinemaCurveOverSteps"
        assert found["CurveOverSteps"]["values"] == expected


@pytest.mark.parametrize(("tuning", "is_lost"), [((1.0, 1.0, 0.7), False), ((0.5, 1.0, 0.7), True)])
def test_the_strength_of_a_reference_is_kept(tuning: tuple[float, ...], is_lost: bool) -> None:
    sketch = Sketch()
    tune = sketch.add("ADE_ContextExtras_ContextRef_TuneAttn", *tuning)
    reference = sketch.add("ADE_ContextExtras_ContextRef", 0.0, 0.25, contextref_tune=tune)
    windows = sketch.add("ADE_StandardStaticContextOptions", 8, 2)
    extras = sketch.add("ADE_ContextExtras_Set", context_opts=windows, context_extras=reference)
    checkpoint, sink = loader(sketch, context_options=extras)
    sketch.sample(sink, checkpoint, 24)
    conversion = convert(sketch.ui(), accept=True)
    (reference_node,) = [node for node in conversion.workflow["nodes"] if node["type"] == "KinemaWindowReference"]
    assert 0.7 in reference_node["widgets_values"]
    assert bool(conversion.report.losses) == is_lost
