"""What the picture of each help page shows: IMAGEs from top to bottom, mostly without the node and with it.

A batch of frames becomes a strip, a single picture stays as it is. `dev.py docs --pictures` makes them all.
"""

from __future__ import annotations

from .graphs import (
    BLUE,
    DEEP_SEED,
    LAGOON,
    LONG,
    MINIATURE,
    MOTION,
    MOVING,
    PLOT,
    SEED,
    SHOWN,
    TRAVEL,
    TRAVEL_SEED,
    VAE,
    YELLOW,
    ZOOM,
    ZOOM_SEED,
    Node,
    Output,
    Row,
    animation,
    applied,
    endless,
    floats,
    followed,
    measured,
    node,
    plotted,
    sampled_at,
    travel,
    windows,
)
from .rows import (
    BLUE_PICTURE,
    LOW_PICTURE,
    PLAIN,
    RED_PICTURE,
    STILL,
    WINDOWS,
    camera,
    jumps,
    long,
    mended,
    on_model,
    panel,
    pictured,
    right_half,
    seen,
    sigmas,
    training,
    with_strength,
    zooming,
)

SCENES: dict[str, tuple[Node | Output | Row, ...]] = {
    "KinemaAdjustMotionModel": (
        PLAIN,
        jumps(animation(applied(node("KinemaAdjustMotionModel", motion_model=MOTION, stretch=32)))),
    ),
    "KinemaAnimateDiff": (STILL, on_model("KinemaAnimateDiff", MINIATURE, motion_model="miniature_mm.safetensors")),
    "KinemaAnimatePicture": (  # the affinities of PIA; there is no miniature of it
        plotted(node("KinemaCurve", values="0: 1, 1: 0.8, 2: 0.7, 9: 0.7, 10: 0.6, 11: 0.5, -1: 0.5")),
        plotted(
            node(
                "KinemaCurve",
                values="0: 1, 1: 0.8, 2: 0.7, 5: 0.7, 6: 0.6, 7: 0.5, 8: 0.5, 9: 0.6, 10: 0.7, 13: 0.7, 14: 0.8, 15: 1",
            )
        ),
    ),
    "KinemaAnimationGuidance": (
        animation(cfg=1.0),
        on_model("KinemaAnimationGuidance", cfg=node("KinemaCurve", values="0: 1, -1: 9")),
    ),
    "KinemaAnimationMetrics": (STILL, PLAIN, measured(above=STILL.view, below=PLAIN)),
    "KinemaAnimationNoise": (
        PLAIN,
        jumps(animation(node("KinemaAnimationNoise", model=MOVING, noise_type="constant", seed=SEED).output(1))),
    ),
    "KinemaApplyMotionModel": (STILL, jumps(animation(applied(strength=0.5))), PLAIN),
    "KinemaBlendSigmas": (
        sampled_at(sigmas("exponential")),
        sampled_at(sigmas("beta")),
        sampled_at(node("KinemaBlendSigmas", sigmas_1=sigmas("exponential"), sigmas_2=sigmas("beta"))),
    ),
    "KinemaCameraPath": (
        panel(camera("move right", 2.0)),
        panel(camera(camera=camera("move right", 2.0), turn=-60.0, forward=1.5)),
    ),
    "KinemaCombineCurves": (
        plotted(node("KinemaCurve", values="0: 1, 8: 0.2, -1: 1")),
        plotted(
            node(
                "KinemaCombineCurves",
                a=node("KinemaCurve", values="0: 1, 8: 0.2, -1: 1"),
                b=node("KinemaCurveOverSteps", values="0%: 1, 100%: 0"),
            )
        ),
    ),
    "KinemaContextWindows": (long(windows(schedule="batched", overlap=0)), long(WINDOWS)),
    "KinemaCurve": with_strength(node("KinemaCurve", values="0: 1, -1: 0")),
    "KinemaCurveFromFloats": with_strength(
        node("KinemaCurveFromFloats", values=floats(1, 1, 0.8, 0.6, 0.4, 0.2, 0.4, 0.6, 0.8, 1))
    ),
    "KinemaCurveFromMask": with_strength(node("KinemaCurveFromMask", mask=right_half())),
    "KinemaCurveOverBlocks": with_strength(node("KinemaCurveOverBlocks", down=1.0, mid=1.0, up=0.0)),
    "KinemaCurveOverSteps": with_strength(node("KinemaCurveOverSteps", values="0: 1, 2: 0 hold")),
    "KinemaEndlessAnimation": (long(WINDOWS), jumps(endless(LONG))),
    "KinemaEnhanceMotion": mended("KinemaEnhanceMotion", weight=4.0),
    "KinemaFastSampling": (PLAIN, on_model("KinemaFastSampling")),
    "KinemaFirstFrameAttention": (
        jumps(animation(MINIATURE, travel(SHOWN), SHOWN), *TRAVEL),
        jumps(animation(node("KinemaFirstFrameAttention", model=MINIATURE), travel(SHOWN), SHOWN), *TRAVEL),
    ),
    "KinemaInjectImage": (
        RED_PICTURE,
        PLAIN,
        jumps(on_model("KinemaInjectImage", image=RED_PICTURE, vae=VAE, percent=0.3)),
    ),
    "KinemaLoadMiniature": (
        jumps(animation(MINIATURE, YELLOW, frames=SHOWN, seed=ZOOM_SEED), YELLOW),
        jumps(animation(MINIATURE, LAGOON, frames=SHOWN, seed=TRAVEL_SEED), LAGOON),
    ),
    "KinemaLoadMotionLora": (zooming(MOTION), zooming(ZOOM)),
    "KinemaLoadMotionModel": (
        jumps(animation(MINIATURE, BLUE, seed=DEEP_SEED), BLUE),
        Row(animation(prompt=BLUE, seed=DEEP_SEED), (BLUE,)),
    ),
    "KinemaLoadSparseCtrl": (
        LOW_PICTURE,
        Row(animation(prompt=BLUE, seed=DEEP_SEED), (BLUE,)),
        pictured(LOW_PICTURE),
    ),
    "KinemaMergeMotionModels": (
        zooming(MOTION),
        zooming(ZOOM),
        zooming(node("KinemaMergeMotionModels", first=MOTION, second=ZOOM)),
    ),
    "KinemaMetricsPlot": (measured(**{"0": STILL.view, "0.5": animation(applied(strength=0.5)), "1": PLAIN}),),
    "KinemaMotionFromVideo": followed(),
    "KinemaMotionGuidance": (PLAIN, on_model("KinemaMotionGuidance", scale=1.0)),
    "KinemaMotionWindows": (
        long(node("KinemaMotionWindows", model=MOVING)),
        long(node("KinemaMotionWindows", model=MOVING, global_attention=0.25)),
    ),
    "KinemaNoiseSchedule": (PLAIN, jumps(on_model("KinemaNoiseSchedule", schedule="LCM"))),
    "KinemaPlotCameraPath": (
        panel(camera("move forward", 0.7, roll=15.0), 2),
        Row(seen(camera("move forward", 0.7, roll=15.0), image=BLUE_PICTURE), ()),
    ),
    "KinemaPlotCurve": (
        plotted(node("KinemaCurve", values="0: 1, 8: 0.2, 12: 0.2, -1: 1 ease in and out")),
        plotted(node("KinemaCurveFromMask", mask=right_half())),
    ),
    "KinemaPromptTravel": (
        Row(animation(prompt=LAGOON, seed=TRAVEL_SEED), (LAGOON,)),
        Row(animation(prompt=travel(16), seed=TRAVEL_SEED), TRAVEL),
    ),
    "KinemaRefineNoise": mended("KinemaRefineNoise", iterations=3, coarse_to_fine=True),
    "KinemaRemoveMotion": (PLAIN, jumps(on_model("KinemaRemoveMotion"))),
    "KinemaSigmaSchedule": (sampled_at(sigmas("beta")), sampled_at(sigmas("exponential"))),
    "KinemaText2VideoZero": (
        jumps(animation(MINIATURE, frames=8)),
        jumps(
            on_model(
                "KinemaText2VideoZero", MINIATURE, 8, motion_x=12.0, motion_y=0.0, high_timestep=700, low_timestep=500
            )
        ),
    ),
    "KinemaTrainMotionLora": (PLAIN, training("KinemaTrainMotionLora", rank=4, steps=100, learning_rate=1e-3)),
    "KinemaTrainMotionModel": (PLAIN, training("KinemaTrainMotionModel", steps=100, accumulation=1)),
    "KinemaWindowPlan": (
        node("KinemaWindowPlan", model=windows(schedule="uniform", overlap=4), frames=48, steps=3, width=PLOT),
    ),
    "KinemaWindowReference": (
        long(WINDOWS),
        long(node("KinemaWindowReference", model=WINDOWS, mode="reuse", end_percent=0.6)),
    ),
}

WITHOUT_PICTURE = frozenset(
    {"KinemaLoadClips", "KinemaSaveMotionModel", "KinemaTrainSparseCtrl"}  # what these nodes make are files
    | {"KinemaLoadCameraCtrl"}  # there is no CameraCtrl model for the miniature
)
"""Nodes whose help pages have no picture."""
