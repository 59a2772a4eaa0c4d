"""The templates that make animations with weights people have: SD1.5, a motion model, and what goes with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .board import COLUMN, Node, Stage, Template
from .downloads import CANNY, LCM, LCM_LORA, LIGHTNING, V2, ZOOM
from .spine import (
    ADAPTED,
    EDGES_GUIDE,
    MODELS,
    NARROW,
    PROMPT,
    SAMPLE,
    SAVE,
    lora,
    note,
    sampler,
    spine,
    stages,
    with_inputs,
)


def text_to_animation() -> Template:
    text = (
        "## Text to animation\n\nWrite a **prompt** and press **Run**. The 16 frames become a video of two "
        "seconds.\n\n- If a model is missing, ComfyUI offers to download it.\n- **batch_size** is the number of "
        "frames. For more than 16, windows are used automatically.\n- You can use any SD1.5 checkpoint, with or "
        "without LoRAs."
    )
    return Template("text_to_animation", spine("text"), stages(), note(text), title="Text to animation")


def long_animation() -> Template:
    nodes = windowed("long", 64, overlap=0, schedule="shifting")
    text = (
        "## Long animation\n\nA video of 64 frames, although the motion model was trained with 16: the frames are "
        "sampled in **windows** of 16 frames. With the schedule *shifting*, the windows move at each step, so that "
        "no seam stays in one place.\n\n- Longer videos do not need more memory for sampling.\n- If content "
        "jumps, set **schedule** to *static* and **overlap** to 4; this takes a quarter longer.\n- Without Context "
        "Windows, *static* windows with an overlap of 4 are used automatically."
    )
    all_stages = stages(Stage("Windows", "motion", ("windows",)))
    return Template("long_animation", nodes, all_stages, note(text), title="Long animation")


def windowed(prefix: str, frames: int, **settings: Any) -> dict[str, Node]:
    """The spine with Context Windows of 16 frames before the sampler."""
    nodes = spine(prefix, frames, room=1)
    nodes["windows"] = Node(
        "KinemaContextWindows", 2 * COLUMN, 0, {"model": ["apply", 0], "length": 16, **settings}, height=300
    )
    nodes["sampler"] = with_inputs(nodes["sampler"], model=["windows", 0])
    return nodes


def prompt_travel() -> Template:
    lines = "0: a forest in spring, fresh leaves\n16: a forest in summer, sunlight\n32: a forest in autumn, red leaves"
    travel = {"clip": ["checkpoint", 1], "prompts": lines, "frames": 48, "text_after": "photo, masterpiece"}
    nodes = spine("travel", frames=48)
    nodes["positive"] = Node("KinemaPromptTravel", COLUMN, 330, travel, "Prompt Travel", 315)
    nodes["negative"] = replace(nodes["negative"], y=760)
    nodes["latent"] = replace(nodes["latent"], x=0, y=670)
    nodes |= {name: replace(nodes[name], y=905) for name in ("vae", "vae again")}
    text = (
        "## Prompt travel\n\nEach line names the **frame** at which its prompt is reached; in between, each "
        "prompt changes into the next.\n\n- **text_before** and **text_after** are added to every prompt.\n- Set "
        "**frames** to the batch_size of the latent, or connect the latent."
    )
    length = Stage("Size and number of frames", "prompt", ("latent",))
    prompts = Stage("Prompts", "prompt", ("apply", "positive", "negative"))
    all_stages = (MODELS, length, prompts, SAMPLE, SAVE)
    return Template("prompt_travel", nodes, all_stages, note(text, height=240), title="Prompt travel")


def loop() -> Template:
    nodes = windowed("loop", 32, overlap=8, schedule="looped", closed_loop=True)
    text = (
        "## Loop\n\nThe last frame leads back to the first: in Context Windows, **schedule** is *looped* and "
        "**closed_loop** is on.\n\n- Longer loops close more smoothly.\n- A larger **overlap** hides the seam "
        "better."
    )
    return Template("loop", nodes, stages(Stage("A closed loop", "motion", ("windows",))), note(text), title="Loop")


def motion_lora() -> Template:
    zoom = {"motion_model": ["motion", 0], "lora": ZOOM.name, "strength": 0.8}
    nodes = spine("motion_lora", motion=V2)
    nodes["lora"] = Node("KinemaLoadMotionLora", 0, 150, zoom, models=(ZOOM,), height=90)
    nodes["checkpoint"] = replace(nodes["checkpoint"], y=320)
    nodes["apply"] = with_inputs(nodes["apply"], motion_model=["lora", 0])
    nodes["sampler"] = with_inputs(nodes["sampler"], seed=11)  # zooms best at the miniature
    text = (
        "## Motion LoRA\n\nA motion LoRA is a small file that adds one movement. Here, the camera zooms in; other "
        "motion LoRAs pan, tilt or roll the camera.\n\n- The official motion LoRAs were made for the motion model "
        "**v2**.\n- Set **strength** to a value from 0.7 to 1. To combine motion LoRAs, chain several Load Motion "
        "LoRA nodes."
    )
    return Template("motion_lora", nodes, stages(models=ADAPTED), note(text, y=490, height=270), title="Motion LoRA")


def fast_lightning() -> Template:
    nodes = spine("lightning", motion=LIGHTNING)
    nodes["sampler"] = sampler(["apply", 0], ["latent", 0], 2 * COLUMN + 20, steps=4, cfg=1.0, scheduler="simple")
    text = (
        "## Fast: AnimateDiff-Lightning\n\nThis workflow needs only four steps instead of twenty, and uses **cfg 1**, "
        "at which the pass for the negative prompt is skipped, so sampling is about ten times as fast.\n\n- Use exactly "
        "as many **steps** as the file name states: 1, 2, 4 or 8.\n- Use the sampler *euler* and the scheduler *simple*."
    )
    return Template("fast_lightning", nodes, stages(), note(text), title="Fast with Lightning")


def fast_animatelcm() -> Template:
    nodes = spine("animatelcm", motion=LCM)
    nodes["lora"] = lora(LCM_LORA, 0.8)
    nodes["apply"] = with_inputs(nodes["apply"], model=["lora", 0])
    settings: dict[str, Any] = {"steps": 6, "cfg": 1.5, "sampler_name": "lcm", "scheduler": "simple"}
    nodes["sampler"] = sampler(["apply", 0], ["latent", 0], 2 * COLUMN + 20, **settings)
    text = (
        "## Fast: AnimateLCM\n\nWith the sampler **lcm** and the **LoRA** of AnimateLCM, four to eight steps are "
        "enough.\n\n- Set **cfg** to a value from 1 to 2. At 1, the negative prompt has no effect, and a step takes "
        "half the time.\n- The noise schedule is chosen automatically."
    )
    all_stages = stages(models=ADAPTED)
    return Template("fast_animatelcm", nodes, all_stages, note(text, y=490, height=270), title="Fast with AnimateLCM")


def upscale() -> Template:
    nodes = spine("upscaled", room=1)
    nodes["sampler"] = replace(nodes["sampler"], x=2 * COLUMN + 20)
    bigger = {"samples": ["sampler", 0], "upscale_method": "bislerp", "scale_by": 1.5}
    nodes["bigger"] = Node("LatentUpscaleBy", 2 * COLUMN + 20, 60, bigger, height=110)
    nodes["again"] = sampler(["apply", 0], ["bigger", 0], 3 * COLUMN + 20, denoise=0.5, steps=12)
    nodes["decode"] = with_inputs(nodes["decode"], samples=["again", 0])
    text = (
        "## Upscale and sample again\n\nThe motion models are made for 512 pixels. For a larger video, animate at "
        "512 pixels, enlarge the latents, and sample them once more with a **denoise** of 0.4 to 0.6.\n\n- The "
        "second sampler uses the same model with motion, so the frames stay consistent."
    )
    sampling = (
        SAMPLE,
        Stage("Enlarge", "sample", ("bigger",)),
        Stage("Sample again", "sample", ("again",)),
    )
    all_stages = (MODELS, PROMPT, *sampling, SAVE)
    return Template("upscale_and_sample_again", nodes, all_stages, note(text), title="Upscale and sample again")


def controlnet_over_time() -> Template:
    nodes = spine("controlnet", room=1.05)
    nodes["sampler"] = with_inputs(nodes["sampler"], positive=["guided", 0], negative=["guided", 1])
    nodes["sampler"] = replace(nodes["sampler"], height=400)
    nodes |= {name: replace(nodes[name], y=780) for name in ("vae", "vae again")}
    nodes["control"] = Node("ControlNetLoader", 0, 320, {"control_net_name": CANNY.name}, models=(CANNY,), height=70)
    nodes["film"] = Node("LoadVideo", 0, 890, {"file": "my_video.mp4"}, height=110)
    nodes["frames"] = Node("GetVideoComponents", 330, 890, {"video": ["film", 0]}, height=90, width=NARROW)
    nodes["edges"] = Node(
        "Canny",
        575,
        890,
        {"image": ["frames", 0], "low_threshold": 0.2, "high_threshold": 0.5},
        height=90,
        width=NARROW,
    )
    nodes["guided"] = Node("ControlNetApplyAdvanced", 780, 330, EDGES_GUIDE, height=200, width=250)
    text = (
        "## ControlNet over time\n\nFrame k of your video guides frame k of the animation; with windows, each "
        "window is guided by its own frames. No other node pack is needed.\n\n- If **batch_size** is higher than "
        "the number of frames in your video, the last frame of the video is repeated.\n- A single picture instead "
        "of a video guides all frames."
    )
    models = Stage("Models", "load", ("motion", "checkpoint", "control"))
    control = Stage("Guiding video", "load", ("film", "frames", "edges"))
    guide_stage = Stage("Guide", "motion", ("guided",))
    all_stages = (models, PROMPT, control, guide_stage, SAMPLE, SAVE)
    return Template(
        "controlnet_over_time", nodes, all_stages, note(text, y=450, height=290), title="ControlNet from a video"
    )
