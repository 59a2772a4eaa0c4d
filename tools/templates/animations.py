"""The templates that make animations with weights people have: SD1.5, a motion model, and what goes with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .board import Node, Stage, Template, bend
from .downloads import CANNY, LCM, LCM_LORA, LIGHTNING, V2, ZOOM
from .spine import LOAD, MOTION, PROMPT, SAMPLE, SAVE, moved, note, sampler, spine, stages, with_inputs


def text_to_animation() -> Template:
    text = (
        "## Text to animation\n\nWrite a **prompt** and press **Run**. The 16 frames become a video of two seconds.\n\n- "
        "No model yet? The two loaders offer downloads.\n- **batch_size** is the number of frames. For more than 16, "
        "windows are used automatically.\n- Any SD1.5 checkpoint or LoRA works in place of the first node."
    )
    return Template("text_to_animation", spine("text"), stages(), note(text))


def long_animation() -> Template:
    nodes = windowed("long", 64, overlap=4, fuse_method="pyramid")
    text = (
        "## Long animation\n\n64 frames from a motion model trained on 16: they are sampled in **windows** of 16 "
        "frames with an overlap of 4.\n\n- Memory does not grow with the length.\n- More **overlap** is smoother and "
        "slower.\n- Without the Context Windows node, the same happens with these values; use it to change them."
    )
    return Template("long_animation", nodes, stages(Stage("Windows", "motion", ("windows",))), note(text))


def windowed(prefix: str, frames: int, **settings: Any) -> dict[str, Node]:
    """The spine with Context Windows of 16 frames before the sampler."""
    nodes = spine(prefix, frames, room=1)
    nodes["windows"] = Node("KinemaContextWindows", 3, 0, {"model": ["apply", 0], "length": 16, **settings}, height=300)
    nodes["sampler"] = with_inputs(nodes["sampler"], model=["windows", 0])
    return nodes


def prompt_travel() -> Template:
    lines = "0: a forest in spring, fresh leaves\n16: a forest in summer, sunlight\n32: a forest in autumn, red leaves"
    travel = {"clip": ["clip", 0], "prompts": lines, "frames": 48, "text_after": "photo, masterpiece"}
    nodes = spine("travel", frames=48)
    nodes["positive"] = Node("KinemaPromptTravel", 2, 330, travel, "Prompt Travel", 330)
    nodes |= {name: replace(nodes[name], y=nodes[name].y + 190) for name in ("negative", "latent", "vae", "vae again")}
    text = (
        "## Prompt travel\n\nEach line names the **frame** at which its prompt is reached; in between, one changes "
        "into the next.\n\n- **text_before** and **text_after** are added to every prompt.\n- Set **frames** to the "
        "number of frames below, or connect the latent."
    )
    return Template("prompt_travel", nodes, stages(), note(text))


def loop() -> Template:
    nodes = windowed("loop", 32, overlap=8, schedule="looped", closed_loop=True)
    text = (
        "## Loop\n\nThe last frame leads back to the first: schedule **looped** and **closed_loop**.\n\n- Longer loops "
        "close more smoothly.\n- A larger overlap hides the seam."
    )
    return Template("loop", nodes, stages(Stage("A closed loop", "motion", ("windows",))), note(text))


def motion_lora() -> Template:
    lora = {"motion_model": ["motion", 0], "lora": ZOOM.name, "strength": 0.8}
    nodes = spine("motion_lora", motion=V2, room=1)
    nodes |= moved(nodes, 1, "apply", "positive", "negative", "latent")
    nodes["clip"] = replace(nodes["clip"], column=2.5)
    nodes["lora"] = Node("KinemaLoadMotionLora", 2, 100, lora, models=(ZOOM,), height=110)
    nodes["apply"] = with_inputs(nodes["apply"], motion_model=["lora", 0])
    nodes["sampler"] = with_inputs(nodes["sampler"], seed=11)  # zooms best at the miniature
    text = (
        "## Motion LoRA\n\nA small file that adds one movement: here, the camera zooms in. There are also pan, tilt "
        "and roll.\n\n- They were made for the **v2** motion models.\n- **strength** 0.7 to 1; several in a row add up."
    )
    motion = Stage("Motion model and motion LoRA", "motion", ("motion", "lora"))
    return Template("motion_lora", nodes, stages(motion=motion), note(text))


def fast_lightning() -> Template:
    nodes = spine("lightning", motion=LIGHTNING)
    nodes["sampler"] = sampler(["apply", 0], ["latent", 0], steps=4, cfg=1.0, scheduler="simple")
    text = (
        "## Fast: AnimateDiff-Lightning\n\nFour steps instead of twenty, at **cfg 1**, which skips the pass for the "
        "negative prompt: about ten times as fast.\n\n- The file name says how many **steps** to use: 1, 2, 4 or 8.\n- "
        "Sampler euler, scheduler simple."
    )
    return Template("fast_lightning", nodes, stages(), note(text))


def fast_animatelcm() -> Template:
    nodes = spine("animatelcm", motion=LCM)
    lora = {"model": ["checkpoint", 0], "lora_name": LCM_LORA.name, "strength_model": 0.8}
    nodes["lora"] = Node("LoraLoaderModelOnly", 1, -130, lora, models=(LCM_LORA,), height=90)
    nodes["apply"] = with_inputs(nodes["apply"], model=["lora", 0])
    nodes["sampler"] = sampler(["apply", 0], ["latent", 0], steps=6, cfg=1.5, sampler_name="lcm", scheduler="simple")
    text = (
        "## Fast: AnimateLCM\n\nFour to eight steps with the sampler **lcm** and its **LoRA**.\n\n- **cfg** 1 to 2: at 1 "
        "the negative prompt has no effect, and a step takes half the time.\n- The noise schedule is chosen "
        "automatically."
    )
    motion = Stage("Motion model and its LoRA", "motion", ("lora", "motion"))
    return Template("fast_animatelcm", nodes, stages(motion=motion), note(text))


def upscale() -> Template:
    nodes = spine("upscaled", room=2)
    nodes["sampler"] = replace(nodes["sampler"], column=3.4)
    bigger = {"samples": ["sampler", 0], "upscale_method": "bislerp", "scale_by": 1.5}
    nodes["bigger"] = Node("LatentUpscaleBy", 4.4, 700, bigger, height=110)
    nodes["again"] = sampler(["apply", 0], ["bigger", 0], column=5.4, denoise=0.5, steps=12)
    nodes["decode"] = with_inputs(nodes["decode"], samples=["again", 0])
    text = (
        "## Upscale and sample again\n\nThe motion models are made for 512 pixels. For larger videos, animate at 512, "
        "enlarge the latents, and sample once more with **denoise** 0.4 to 0.6.\n\n- The second sampler uses the same "
        "animated model, so the frames stay consistent."
    )
    sampling = (
        Stage("Animate", "sample", ("sampler",)),
        Stage("Enlarge and sample again", "sample", ("bigger", "again")),
    )
    return Template("upscale_and_sample_again", nodes, (LOAD, MOTION, PROMPT, *sampling, SAVE), note(text), crossings=3)


def controlnet_over_time() -> Template:
    nodes = spine("controlnet", room=1.1)
    nodes["sampler"] = with_inputs(nodes["sampler"], positive=["guided", 0], negative=["guided", 1])
    nodes["film"] = Node("LoadVideo", 0, 820, {"file": "my_video.mp4"}, height=420)
    nodes["frames"] = Node("GetVideoComponents", 1, 820, {"video": ["film", 0]}, height=110)
    nodes["edges"] = Node(
        "Canny", 2, 960, {"image": ["frames", 0], "low_threshold": 0.2, "high_threshold": 0.5}, height=110
    )
    nodes["control"] = Node("ControlNetLoader", 2, 820, {"control_net_name": CANNY.name}, models=(CANNY,), height=70)
    guide = {
        "positive": ["positive", 0], "negative": ["negative", 0], "control_net": ["control", 0], "image": ["edges", 0],
        "strength": 0.8, "start_percent": 0.0, "end_percent": 0.8,
    }  # fmt: skip
    nodes["guided"] = Node("ControlNetApplyAdvanced", 3.3, 420, guide, height=200)
    nodes["latent"] = replace(nodes["latent"], y=1380)
    nodes |= {name: replace(nodes[name], y=1600) for name in ("vae", "vae again")}
    nodes["vae first"] = bend(["checkpoint", 2], "VAE", 0.95, 660)
    nodes["vae"] = with_inputs(nodes["vae"], **{"": ["vae first", 0]})
    text = (
        "## ControlNet over time\n\nFrame k of your video guides frame k of the animation; with windows, each window "
        "gets its own frames. Nothing else has to be installed.\n\n- **batch_size**: no more than the frames of your "
        "video; beyond its end, the last one is repeated.\n- A single picture instead of a video guides all frames."
    )
    prompts = Stage("Prompt", "prompt", ("apply", "positive", "negative"))
    control = Stage("A video that guides", "load", ("film", "frames", "edges", "control"))
    length = Stage("Length", "prompt", ("latent",))
    guide_stage = Stage("Guide", "motion", ("guided",))
    all_stages = (LOAD, MOTION, prompts, control, length, guide_stage, SAMPLE, SAVE)
    return Template("controlnet_over_time", nodes, all_stages, note(text))
