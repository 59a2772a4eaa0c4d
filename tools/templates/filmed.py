"""The templates that start from a video."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .board import COLUMN, Node, Stage, Template, bend
from .downloads import CANNY, LCM, LCM_LORA
from .guided import FRAMES, sampled_above
from .spine import ADAPTED, EDGES_GUIDE, MODELS, NARROW, POSITIVE, SAMPLE, SAVE, lora, note, prompt, spine, with_inputs

VIDEO = "my_video.mp4"
FILM = Stage("The frames of a video", "load", ("film", "frames", "part", "scale"))


def video_to_video() -> Template:
    nodes = spine("video", motion=LCM) | {"lora": lora(LCM_LORA, 0.8)} | film(700)
    del nodes["latent"]
    nodes["apply"] = with_inputs(nodes["apply"], model=["lora", 0])
    settings: dict[str, Any] = {"steps": 8, "cfg": 1.5, "sampler_name": "lcm", "scheduler": "simple", "denoise": 0.7}
    guides = {"positive": ["guided", 0], "negative": ["guided", 1], "latent_image": ["encode", 0]}
    nodes["sampler"] = with_inputs(nodes["sampler"], **guides, **settings)
    nodes |= sampled_above(nodes, "video", 1440)
    nodes["guided"] = Node("ControlNetApplyAdvanced", 1120, 0, EDGES_GUIDE, height=200, width=260)
    nodes["control"] = Node("ControlNetLoader", 1120, 260, {"control_net_name": CANNY.name}, models=(CANNY,), height=70,
                            width=260)  # fmt: skip
    edges = {"image": ["scale", 0], "low_threshold": 0.2, "high_threshold": 0.5}
    nodes["edges"] = Node("Canny", 1120, 390, edges, height=90, width=260)
    nodes["encode"] = replace(nodes["encode"], x=1120, y=700)
    text = (
        "## Video to video\n\nThe animation starts from your video and follows its edges; the prompt gives the "
        "animation a different look. **AnimateLCM** needs only 8 steps.\n\n- **denoise** sets how much is "
        "changed; 0.5 to 0.9 is usual.\n- Get Image from Batch selects the frames. If there are more than 16, they "
        "are computed in windows."
    )
    prompts = Stage("Prompt", "prompt", ("apply", "positive", "negative"))
    guide_stage = Stage("Guiding edges", "motion", ("guided", "control", "edges"))
    all_stages = (ADAPTED, prompts, FILM, guide_stage, Stage("Start", "load", ("encode",)), SAMPLE, SAVE)
    notes = note(text, x=2 * COLUMN, y=0, height=300)
    return Template("video_to_video", nodes, all_stages, notes, title="Video to video")


def film(y: float) -> dict[str, Node]:
    """A video's first frames as pictures and as latents, in place of Empty Latent Image."""
    part = {"image": ["frames", 0], "batch_index": 0, "length": FRAMES}
    size = {"upscale_method": "lanczos", "width": 512, "height": 512, "crop": "center"}
    return {
        "film": Node("LoadVideo", 0, y, {"file": VIDEO}, height=110),
        "frames": Node("GetVideoComponents", 330, y, {"video": ["film", 0]}, height=90, width=NARROW),
        "part": Node("ImageFromBatch", 575, y, part, height=90, width=NARROW),
        "scale": Node("ImageScale", 820, y, {"image": ["part", 0], **size}, height=140, width=NARROW),
        "encode": Node("VAEEncode", 1105, y, {"pixels": ["scale", 0], "vae": ["vae", 0]}, height=60, width=NARROW),
        "vae": bend(["checkpoint", 2], "VAE", 900, y - 110),
    }


def unsample() -> Template:
    nodes = spine("unsampled") | film(890)
    del nodes["latent"]
    nodes["shown"] = prompt(POSITIVE, 330, "What the video shows")
    nodes["positive"] = prompt(POSITIVE.replace("red", "blue"), 480, "Prompt")
    nodes["negative"] = replace(nodes["negative"], y=630)
    steps = {"model": ["apply", 0], "scheduler": "normal", "steps": 20, "denoise": 1.0}
    nodes["noises"] = Node("BasicScheduler", 2 * COLUMN, 0, steps, height=120, width=260)
    nodes["upwards"] = Node("FlipSigmas", 2 * COLUMN, 180, {"sigmas": ["noises", 0]}, height=60, width=260)
    nodes["method"] = Node("KSamplerSelect", 2 * COLUMN, 300, {"sampler_name": "euler"}, height=70, width=260)
    both = {"model": ["apply", 0], "negative": ["negative", 0], "sampler": ["method", 0], "noise_seed": 0,
            "add_noise": False}  # fmt: skip
    up = {"positive": ["shown", 0], "sigmas": ["upwards", 0], "latent_image": ["encode", 0], "cfg": 1.0}
    down = {"positive": ["positive", 0], "sigmas": ["noises", 0], "latent_image": ["up", 0], "cfg": 1.5}
    nodes["up"] = Node("SamplerCustom", 1050, 0, both | up, "From the video to noise", 360, 270)
    nodes["sampler"] = Node("SamplerCustom", 1380, 0, both | down, "From noise to another video", 360, 270)
    nodes |= sampled_above(nodes, "unsampled", 1380)
    nodes["vae again"] = replace(nodes["vae again"], y=770)
    text = (
        "## Unsample and sample again\n\nThe first sampler runs **backwards**: it finds the noise from which your "
        "video would be sampled. The second sampler starts from this noise with another prompt, so that much of "
        "the layout is kept.\n\n- In **What the video shows**, describe the video as it is.\n- **cfg** is 1 in "
        "the first sampler and 1.5 to 3 in the second; higher values change more.\n- If there are more than 16 "
        "frames, they are computed in windows, which is less exact."
    )
    prompts = Stage("Prompts", "prompt", ("apply", "shown", "positive", "negative"))
    schedule = Stage("Noise levels", "load", ("noises", "method", "upwards"))
    both_ways = Stage("Unsample and sample", "sample", ("up", "sampler"))
    all_stages = (MODELS, prompts, FILM, Stage("Start", "load", ("encode",)), schedule, both_ways, SAVE)
    return Template("unsample_and_sample_again", nodes, all_stages, note(text), title="Unsample and sample again")
