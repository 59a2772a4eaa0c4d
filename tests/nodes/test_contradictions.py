"""Nothing that is asked for is silently ignored: every pair of inputs that can contradict each other, and what is said.

A case that has words is said on the node or refused with them; one that has none acts, so that nothing is said.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import folder_paths
import pytest
import text
import tiny
import torch
from PIL import Image

from kinema.evaluation.metrics import Measurement
from kinema.motion.load import load_motion_model
from kinema.nodes import NODES
from kinema.nodes.inputs.motion_files import CONTROL_FOLDER, LORA_FOLDER, MODEL_FOLDER
from kinema.nodes.inputs.without_effect import default_of
from kinema.sampling.camera.path import CameraMove, Joined
from kinema.sampling.camera.pose_text import read_poses
from kinema.sampling.curves.curve import Listed
from kinema.sampling.curves.curve_keys import Key, OverFrames, OverRun
from training import encoders, moving

NODE = {node.__name__.removesuffix("Node"): node for node in NODES}


@dataclass(frozen=True)
class Case:
    """A contradiction between the inputs of a node."""

    node: str  # class of the node, without "Node" at its end
    given: dict  # values of inputs, over those that the node starts with; functions are called
    said: str = ""  # what the node shows; empty: nothing, because all of it acts
    refused: str = ""  # or with which words it refuses to run


def no_effect(node, why, **given):
    """A case in which the last of the `given` inputs does not act."""
    return Case(node, given, f"{list(given)[-1]} has no effect{why}")


@cache
def plain():
    return tiny.image_model()


@cache
def motion():
    with TemporaryDirectory() as folder:
        return load_motion_model(tiny.save(tiny.motion_weights(), Path(folder) / "v3.safetensors"))


@cache
def windowed():
    return NODE["ContextWindows"].execute(plain(), 16, 4, "static")[0]


def following():
    return NODE["MotionFromVideo"].execute(plain(), PICTURES, None)[0]


def noisy():
    return NODE["AnimationNoise"].execute("constant", 0, 0.0, plain())[1]


def velocity():
    return tiny.image_model(v_prediction=True)


def without_captions():
    known = moving.clips()
    return replace(known, clips=tuple(replace(clip, caption="") for clip in known.clips))


SIGMAS, SIX = torch.tensor([14.6, 3.0, 0.0]), {"samples": torch.zeros(6, 4, 4, 4)}
PICTURE = torch.rand(1, 8, 8, 3)
PICTURES = torch.rand(3, 16, 16, 3)
SMALL = {"frames": 3, "stride": 1, "width": 16, "height": 16, "cache": False}
KIND = "kind has no effect, because a motion model is connected. "
CAPTIONS = " caption_dropout has no effect, because the clips have no captions."
ONE_STEP = {"steps": 1, "sample_every": 9, "save_every": 1, "accumulation": 1}
STEPS = OverRun((Key(0, False, 1.0), Key(40, False, 0.5)))
FRAMES = OverFrames((Key(0, False, 1.0), Key(9, False, 0.5)))
(POSE,) = read_poses("0 0.5 0.9 0.5 0.5 0 0 1 0 0 0 0 1 0 0 0 0 1 0")
NEVER = ": it is 0.8 and end_percent is 0.5, so this node never acts."
BATCHED = ", because windows do not overlap."
LATENT = ": it is 32, but the connected latent has a different number of frames, which is used instead."
NOISE_TYPE = ' with the noise type "{}".'

CASES = (
    no_effect("AnimationGuidance", ", because cfg is 1.", cfg=1.0, rescale=0.5),
    Case("AnimationGuidance", {"cfg": FRAMES, "rescale": 0.5}),
    no_effect("ApplyMotionModel", ", because strength is 0.", strength=0, attention=1.5),
    *(
        Case(node, {"start_percent": 0.8, "end_percent": 0.5}, f"start_percent has no effect{NEVER}")
        for node in (
            "ApplyMotionModel",
            "ContextWindows",
            "EnhanceMotion",
            "FastSampling",
            "MotionFromVideo",
            "MotionGuidance",
            "WindowReference",
        )
    ),
    *(
        no_effect("FastSampling", ", because guidance_interval is 1.", guidance_interval=1, **{name: value})
        for name, value in (("start_percent", 0.2), ("end_percent", 0.8))
    ),
    Case("MotionFromVideo", {"model": following}, "This node replaces the earlier Motion from Video node."),
    no_effect("MotionFromVideo", ", because strength is 0.", strength=0, level="fine"),
    no_effect("MotionFromVideo", ", because strength is 0.", strength=0, reference_noise=0.2),
    no_effect("MotionGuidance", ", because kept is connected.", kept=FRAMES, skip="up"),
    no_effect("MotionGuidance", ", because scale is 0.", scale=0, rescale=0.5),
    *(
        no_effect("BlendSigmas", ' with the mode "split".', mode="split", **{name: value})
        for name, value in (("weight", 0.2), ("weight_end", 0.2), ("easing", "ease in"))
    ),
    no_effect("BlendSigmas", ' with the mode "blend".', mode="blend", split_at=0.2),
    no_effect("BlendSigmas", ", because weight and weight_end are the same.", mode="blend", easing="ease in"),
    Case("BlendSigmas", {"mode": "blend", "weight": 0.2, "easing": "ease in"}),
    no_effect("CameraPath", ", because preset is none.", amount=2.0),
    no_effect("CameraPath", ", because no camera is connected.", join="on top"),
    no_effect("CameraPath", ", because right, up and forward are 0.", turn=5.0, along="the camera"),
    Case("CameraPath", {"right": FRAMES, "along": "the camera"}),
    no_effect("CameraPath", ", because there are no poses.", fit="as in the file"),
    *(
        no_effect(
            "ContextWindows",
            f': windows of the schedule "{schedule}" do not loop.',
            schedule=schedule,
            closed_loop=True,
        )
        for schedule in ("static", "uniform", "batched")
    ),
    Case("ContextWindows", {"schedule": "looped", "closed_loop": True, "stride": 2}),
    *(
        no_effect("ContextWindows", ": windows of the schedule", schedule=schedule, stride=2)
        for schedule in ("static", "batched", "shifting")
    ),
    no_effect("ContextWindows", ': windows of the schedule "batched" do not overlap.', schedule="batched", overlap=8),
    Case("ContextWindows", {"schedule": "shifting", "overlap": 0}),  # as in the template Long animation
    Case("ContextWindows", {"schedule": "batched", "freenoise": True, "overlap": 8}),
    no_effect("ContextWindows", BATCHED, schedule="batched", fuse_method="flat"),
    no_effect("ContextWindows", BATCHED, schedule="shifting", fuse_method="flat"),
    Case("ContextWindows", {"schedule": "shifting", "closed_loop": True, "freenoise": True, "overlap": 8}),
    no_effect("ContextWindows", BATCHED, overlap=0, fuse_method="flat"),
    no_effect("ContextWindows", ", because closed_loop is off.", schedule="looped", short_videos="leave"),
    Case("ContextWindows", {"short_videos": "leave"}, refused='Set schedule to "looped", or short_videos to "join".'),
    Case("ContextWindows", {"length": 4, "overlap": 4}, refused="An overlap of 4 is not smaller than the window"),
    Case("ContextWindows", {"model": windowed}, "This node replaces the earlier Context Windows node."),
    no_effect("MotionWindows", BATCHED, overlap=0, fuse_method="flat"),
    no_effect("MotionWindows", ", because closed_loop is off.", schedule="looped", short_videos="leave"),
    Case("MotionWindows", {"closed_loop": True}),
    Case("MotionWindows", {"closed_loop": True, "schedule": "uniform"}, refused="closed_loop is on, but windows of"),
    Case(
        "MotionWindows", {"global_attention": 0.25, "closed_loop": True}, refused="global_attention is 0.25, but closed"
    ),
    Case("MotionWindows", {"stride": 2}, refused='stride is 2, but windows of the schedule "static"'),
    no_effect("CurveFromFloats", ' with the scaling "as they are".', values=[1.0, 2.0], low=[0.5]),
    no_effect("CurveFromFloats", ' with the scaling "as they are".', values=[1.0, 2.0], high=[0.5]),
    Case("CurveFromFloats", {"values": [1.0, 2.0], "scaling": ["lowest to highest"], "low": [0.5], "high": [2.0]}),
    no_effect("InjectImage", ", because a latent is connected.", latent=SIX, vae="a VAE"),
    no_effect("InjectImage", ", because fit is on.", latent=SIX, x=8),
    no_effect("InjectImage", ", because fit is on.", latent=SIX, y=8),
    Case("InjectImage", {"latent": SIX, "fit": False, "x": 8, "y": 8}),
    Case(
        "InjectImage", {"latent": SIX, "image": PICTURE}, refused="either an image or a latent, but both are connected"
    ),
    Case("InjectImage", {"latent": SIX, "space": "pixel"}, refused="got a latent, but space is set to pixel"),
    Case("InjectImage", {"image": PICTURE}, refused="got an image but no VAE"),
    no_effect("RefineNoise", ' with the filter "gaussian".', filter="gaussian", order=2),
    *(
        no_effect("RefineNoise", ", because iterations is 1.", iterations=1, **{name: value})
        for name, value in {
            "method": "FreqPrior",
            "filter": "ideal",
            "space": 0.5,
            "time": 0.5,
            "coarse_to_fine": True,
            "until": 0.5,
            "new_noise": True,
            "order": 2,
        }.items()
    ),
    *(
        no_effect("NoiseSchedule", ' with the schedule "AnimateDiff", only with "custom".', **{name: value})
        for name, value in (("betas", "cosine"), ("first_beta", 0.001), ("last_beta", 0.01))
    ),
    *(
        no_effect(node, " with cosine betas.", schedule="custom", betas="cosine", **{name: 0.001})
        for node in ("NoiseSchedule", "SigmaSchedule")
        for name in ("first_beta", "last_beta")
    ),
    Case("NoiseSchedule", {"schedule": "custom", "first_beta": 0.001, "last_beta": 0.01}),
    *(
        no_effect("SigmaSchedule", ' with the schedule "AnimateDiff", only with "custom".', **{name: value})
        for name, value in (("betas", "cosine"), ("first_beta", 0.001), ("last_beta", 0.01))
    ),
    no_effect(
        "SigmaSchedule", ' with the schedule "the model\'s".', model=plain, schedule="the model's", prediction="epsilon"
    ),
    no_effect(
        "SigmaSchedule", ' with the schedule "the model\'s".', model=plain, schedule="the model's", zero_snr="on"
    ),
    no_effect(
        "SigmaSchedule",
        ", because schedule, prediction and zero_snr are set.",
        prediction="epsilon",
        zero_snr="on",
        model=plain,
    ),
    Case("SigmaSchedule", {"model": plain, "zero_snr": "on"}),
    Case(
        "SigmaSchedule",
        {"model": plain, "schedule": "the model's", "lcm_steps": 4},
        refused="lcm_steps is 4, but the schedule is",
    ),
    Case("SigmaSchedule", {"schedule": "the model's"}, refused='is set to "the model\'s", but no model is connected'),
    no_effect("WindowPlan", ", because sigmas is connected.", sigmas=SIGMAS, steps=7),
    no_effect("WindowPlan", ", because sigmas is connected.", sigmas=SIGMAS, scheduler="karras"),
    no_effect("WindowPlan", ": it is 64, but the connected latent", latent=SIX, frames=64),
    no_effect("PlotCurve", LATENT, latent=SIX, frames=32),
    Case("PlotCurve", {"latent": SIX, "frames": 6}),
    Case(
        "PlotCurve",
        {"curve": FRAMES, "frames": 8},
        "The value of a curve at frame 9 is not reached: the last frame is 7.",
    ),
    Case(
        "PlotCurve",
        {"curve": OverFrames((Key(-9, False, 1.0),)), "frames": 8},
        "The value of a curve at frame -9 is not reached: the first frame is -8.",
    ),
    Case(
        "PlotCurve",
        {"curve": OverRun((Key(-9, False, 1.0),)), "steps": 8},
        "The value of a curve at step -9 is not reached: the first step is -8.",
    ),
    Case(
        "PlotCurve", {"curve": STEPS, "steps": 8}, "The value of a curve at step 40 is not reached: the last step is 7."
    ),
    Case("PlotCurve", {"curve": Listed((1.0,) * 9), "frames": 8}, "Of the 9 values of a curve, only the first 8"),
    Case("PlotCurve", {"curve": FRAMES, "frames": 10}),
    no_effect("PlotCameraPath", ", because no image is connected.", distance=2.0),
    Case(
        "PlotCameraPath",
        {"camera": Joined(CameraMove(frames=6), CameraMove(frames=4)), "frames": 8},
        "The camera path takes 10 frames, but the video has 8: the rest of the path is not reached.",
    ),
    Case(
        "PlotCameraPath",
        {"camera": CameraMove(poses=(POSE,) * 9, fit="as in the file"), "frames": 8},
        "Of the 9 poses of a camera path, only the first 8 are used, one for each frame.",
    ),
    Case("PlotCameraPath", {"camera": CameraMove(poses=(POSE,) * 9, frames=8), "frames": 8}),
    Case("PlotCameraPath", {"image": PICTURE.expand(2, -1, -1, -1)}, "Only the first of the 2 images is shown."),
    no_effect("PromptTravel", LATENT, latent=SIX, frames=32),
    Case(
        "PromptTravel",
        {"prompts": "0: a\n9: b", "frames": 8},
        "The prompt at frame 9 is not reached: the last frame is 7.",
    ),
    *(
        no_effect("PromptTravel", ", because there is only one prompt.", prompts="0: a", **{name: value})
        for name, value in (("closed_loop", True), ("easing", "ease in"), ("blend", "spherical"))
    ),
    Case("PromptTravel", {"closed_loop": True, "easing": "ease in", "blend": "spherical"}),
    no_effect("AdjustMotionModel", ", because add is 0 and multiply is 1.", weights="attention"),
    Case("MergeMotionModels", {"mid": 0.2}, "mid has no effect, because these motion models have no motion module in"),
    Case("MetricsPlot", {"labels": "a\nb\nc"}, "labels has 3 lines, but the number of animations is 1"),
    no_effect("AnimationNoise", ' with the mode "replace".', weight=0.2),
    *(
        no_effect("AnimationNoise", NOISE_TYPE.format("empty"), noise_type="empty", **{name: value})
        for name, value in (("correlation", 0.5), ("seed_per_frame", True), ("frame_seeds", "4, 2"), ("first_frame", 3))
    ),
    no_effect("AnimationNoise", NOISE_TYPE.format("constant"), noise_type="constant", correlation=0.5),
    no_effect("AnimationNoise", NOISE_TYPE.format("independent"), length=8),
    no_effect("AnimationNoise", NOISE_TYPE.format("repeated"), noise_type="repeated", overlap=2),
    Case("AnimationNoise", {"noise_type": "FreeNoise", "length": 8, "overlap": 2}),
    Case("AnimationNoise", {"length": 4}, f"length has no effect{NOISE_TYPE.format('independent')}"),
    Case(
        "AnimationNoise",
        {"noise_type": "FreeNoise", "length": 4},
        refused="An overlap of 4 is not smaller than the wind",
    ),
    no_effect("AnimationNoise", ", because frame_seeds is set.", frame_seeds="4, 2", seed_per_frame=True),
    Case("AnimationNoise", {"start_only": True}, refused="start_only is on, but no model is connected"),
    Case("AnimationNoise", {"authors_start": True}, refused="acts through the model output"),
    Case("AnimationMetrics", {"prompt": "a fish"}, refused="Text similarity needs both clip and prompt"),
    Case(
        "AnimationNoise",
        {"model": noisy, "noise": lambda: NODE["AnimationNoise"].execute("constant", 1, 0.0)[0]},
        "is replaced, because noise is connected.",
    ),
    Case("AnimationNoise", {"model": noisy}),
    Case("Text2VideoZero", {"high_timestep": 500, "low_timestep": 600}, refused="low_timestep"),
    *(
        Case(
            node,
            {"model": lambda node=node, given=given: NODE[node].execute(plain(), *given)[0]},
            "This node replaces the earlier",
        )
        for node, given in {
            "AnimationGuidance": [7.5],
            "EnhanceMotion": [2.0],
            "FastSampling": [2],
            "MotionFromVideo": [PICTURES, None],
            "MotionGuidance": [1.0, "all"],
            "MotionWindows": [16, 4],
            "NoiseSchedule": ["AnimateDiff"],
            "RefineNoise": ["FreeInit", 3, "gaussian"],
            "Text2VideoZero": [1.0, 1.0],
            "WindowReference": ["attend", 1.0],
        }.items()
    ),
    Case(
        "LoadClips", SMALL | {"folder": "fish", "prompt": "a cat"}, "prompt has no effect, because every video has its"
    ),
    Case("LoadClips", SMALL | {"folder": "none", "prompt": "a cat", "images": PICTURES}),
    Case("LoadClips", SMALL | {"folder": "none"}, refused="folder is set to none, and images is not connected"),
    Case("LoadClips", SMALL | {"images": PICTURES[:2], "folder": "none", "frames": 4}, refused="cannot be used"),
    *(
        Case(
            node,
            ONE_STEP | {"model": velocity, "start_again": True, "other_clips": True, "weight_limit": 20.0, **given},
            f"sample_every has no effect: it is 9, but steps is 1. {said}"
            "other_clips has no effect, because start_again is on. "
            f"weight_limit has no effect, because the connected model uses v-prediction.{end}",
        )
        for node, given, said, end in (
            ("TrainMotionLora", {"rank": 1}, "", ""),
            ("TrainMotionModel", {"motion_model": motion, "kind": "v2"}, KIND, ""),
            ("TrainSparseCtrl", {"clips": without_captions}, "", CAPTIONS),
        )
    ),
    Case("RemoveMotion", {}, "Kinema's nodes have added nothing to the connected model"),
)

NEEDED = {  # by type, for the inputs without a default
    "MODEL": plain,
    "SIGMAS": lambda: SIGMAS,
    "IMAGE": lambda: torch.rand(2, 8, 8, 3),
    "KINEMA_CAMERA": CameraMove,
    "VAE": encoders.vae,
    "MOTION_CLIPS": moving.clips,
    "MOTION_MODEL": motion,
    "CLIP": text.clip,
    "COMFY_AUTOGROW_V3": lambda: {"metrics0": Measurement(2, {"flicker": [0.5]}).to_json()},
}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """With a sequence of images that has its own caption."""
    for key in (MODEL_FOLDER, LORA_FOLDER, CONTROL_FOLDER):
        monkeypatch.setitem(folder_paths.folder_names_and_paths, key, ([str(tmp_path / key)], {".safetensors"}))
    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path))
    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path / "temp"))
    (tmp_path / "fish").mkdir()
    (tmp_path / "fish.txt").write_text("a fish")
    for number in range(3):
        Image.new("RGB", (16, 16), (80 * number, 0, 0)).save(tmp_path / "fish" / f"{number}.png")


def run(case):
    values = {}
    for socket in NODE[case.node].define_schema().inputs:
        if not socket.optional and socket.id not in case.given:
            default = default_of(socket)
            values[socket.id] = NEEDED[socket.get_io_type()]() if default is None else default
    given = {name: value() if callable(value) else value for name, value in case.given.items()}
    NODE[case.node].execute(**values | given)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.node} {list(case.given)}")
def test_what_contradicts_acts_or_is_said_or_refused(case, screen):
    if case.refused:
        with pytest.raises(ValueError) as refusal:
            run(case)
        assert case.refused in str(refusal.value)
        return
    run(case)
    assert case.said in screen.text if case.said else screen.text == ""


ACT_ALWAYS = {  # inputs that act whatever the others are, so that they have no case
    "AdjustMotionModel": "motion_model stretch initial_offset cap length final_offset add multiply",
    "AnimateDiff": "model motion_model strength",
    "AnimationGuidance": "pag",
    "AnimationMetrics": "images clip_vision clip reference",
    "AnimationNoise": "seed mask mode",
    "ApplyMotionModel": "model motion_model noise_schedule match beyond_table position_offset preview_plays",
    "BlendSigmas": "sigmas_1 sigmas_2",
    "CameraPath": "preset camera up forward tilt roll zoom poses frames",
    "CombineCurves": "a b operation",
    "ContextWindows": "windows_at_once",
    "Curve": "values easing",
    "CurveFromMask": "mask black white scaling",
    "CurveOverBlocks": "down mid up single",
    "CurveOverSteps": "values easing",
    "EndlessAnimation": "model positive negative vae latent frames seed steps cfg scheduler window_length lookahead fps "
    "filename_prefix eta crf",
    "EnhanceMotion": "weight",
    "FastSampling": "guidance_interval",
    "FirstFrameAttention": "model",
    "InjectImage": "model percent strength mask first_frame",
    "LoadCameraCtrl": "motion_model cameractrl camera strength",
    "LoadMiniature": "style",
    "LoadMotionLora": "motion_model lora strength",
    "LoadMotionModel": "motion_model kind",
    "LoadSparseCtrl": "sparsectrl frames motion strength empty_windows",
    "MergeMotionModels": "first second down up",
    "MetricsPlot": "results width",
    "MotionFromVideo": "images vae",
    "MotionWindows": "length freenoise global_attention",
    "NoiseSchedule": "prediction zero_snr lcm_steps",
    "PlotCameraPath": "camera frames",
    "PlotCurve": "scheduler model width",
    "PromptTravel": "clip text_before text_after",
    "RemoveMotion": "model",
    "SaveMotionModel": "motion_model filename bake_loras precision",
    "SigmaSchedule": "scheduler steps denoise",
    "Text2VideoZero": "motion_x motion_y",
    "WindowPlan": "model width",
    "WindowReference": "mode strength",
}
IN_EVERY_TRAINING = (
    "model clips name learning_rate batch_size seed noise_schedule beta_start beta_end warmup learning_rate_curve "
    "weight_decay clip_norm average caption_dropout timestep_bias precision gradient_checkpointing automatic_checkpointing "
)
ACT_ALWAYS |= {
    "LoadClips": "vae clip crop flip clips_per_video",
    "TrainMotionLora": IN_EVERY_TRAINING + "motion_model debias learn_looks_apart",
    "TrainMotionModel": IN_EVERY_TRAINING + "weights",
    "TrainSparseCtrl": IN_EVERY_TRAINING + "motion_model",
}


def test_every_input_has_a_case_or_acts_always(draft):
    lacking = []
    for name in sorted(NODE.keys() - {"AnimatePicture"}):  # its own test has its cases
        with_case = {given for case in CASES if case.node == name for given in case.given}
        always = set(ACT_ALWAYS.get(name, "").split())
        inputs = {socket.id for socket in NODE[name].define_schema().inputs}
        if wrong := (with_case | always) ^ inputs:
            lacking.append(f"{name}: {' '.join(sorted(wrong))}")
    unlisted(lacking, draft)


def test_every_input_that_may_not_act_has_a_case(draft):
    lacking = []
    for name, node in NODE.items():
        said = " ".join(case.said for case in CASES if case.node == name)
        rows = (row.name for row in getattr(node, "IDLE", ()) if f"{row.name} has no effect" not in said)
        lacking += [f"{name}: {row}" for row in rows]
    unlisted(lacking, draft)


def unlisted(inputs, draft):
    """Fails if there are such `inputs`; while a node is in the making, they are listed instead."""
    if inputs and draft:
        pytest.skip("CASES and ACT_ALWAYS in test_contradictions.py lack " + "; ".join(inputs))
    assert not inputs, "\n".join(inputs)
