"""The templates that start from a picture, a sketch, a camera path or a video."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .board import Link, Node, Stage, Template, bend
from .downloads import ADAPTER, CAMERACTRL, CANNY, LCM, LCM_LORA, PIA, SPARSE_RGB, SPARSE_SCRIBBLE, where
from .spine import (
    LOAD,
    MOTION,
    POSITIVE,
    PROMPT,
    SAMPLE,
    SAVE,
    moved,
    note,
    prompt,
    sampler,
    spine,
    stages,
    with_inputs,
)

PICTURE, LAST, SKETCH, VIDEO = "my_picture.png", "my_last_picture.png", "my_sketch.png", "my_video.mp4"
FRAMES = 16


def picture_to_animation() -> Template:
    text = (
        "## Picture to animation\n\nAn image comes to life with **PIA**: choose it, and let the prompt describe it and "
        f"what moves.\n\n{where(PIA)}\n- **motion** says how much moves, and whether the video loops.\n- Use a checkpoint "
        "in the style of the image."
    )
    return Template("picture_to_animation", pictured("picture"), stages(motion=PICTURED), note(text), crossings=2)


PICTURED = Stage("A picture that moves", "motion", ("motion", "picture", "animate"))


def pictured(prefix: str) -> dict[str, Node]:
    """The spine with Animate Picture before Apply Motion Model."""
    nodes = spine(prefix, motion=PIA, room=1.3)
    nodes |= moved(nodes, 1.3, "apply", "positive", "negative", "latent")
    nodes["clip"] = replace(nodes["clip"], column=2.9)
    nodes["vae up"] = bend(["vae", 0], "VAE", 1.9, 800)
    nodes["picture"] = Node("LoadImage", 1, 280, {"image": PICTURE}, height=360)
    animate = {"motion_model": ["motion", 0], "image": ["picture", 0], "vae": ["vae up", 0], "motion": "small"}
    nodes["animate"] = Node("KinemaAnimatePicture", 2.3, 100, animate, height=260, width=300)
    nodes["apply"] = with_inputs(nodes["apply"], motion_model=["animate", 0])
    return nodes


def first_and_last_frame() -> Template:
    nodes = sparse("first_and_last", SPARSE_RGB, "0, -1")
    nodes["first"] = Node("LoadImage", 1, 820, {"image": PICTURE}, "First frame", 360)
    nodes["last"] = Node("LoadImage", 1, 1230, {"image": LAST}, "Last frame", 360)
    both = {"images.image0": ["first", 0], "images.image1": ["last", 0]}
    nodes["image"] = Node("BatchImagesNode", 2, 1060, both, height=110)
    text = (
        "## First and last frame\n\n**SparseCtrl** shows the model an image at the first frame and one at the last; it "
        f"animates what is between.\n\n{where(SPARSE_RGB, ADAPTER)}\n- **frames** says where the images stand: *0* alone "
        "starts from one image, *spread* takes any number.\n- If frames with an image look brighter than the others, "
        "lower **strength** and **end_percent**."
    )
    pictures = Stage("Pictures at some frames", "load", ("first", "last", "control", "image"))
    return Template("first_and_last_frame", nodes, sparse_stages(pictures), note(text), crossings=1)


def sketch_to_animation() -> Template:
    nodes = sparse("sketch", SPARSE_SCRIBBLE, "0")
    nodes["sketch"] = Node("LoadImage", 1, 1060, {"image": SKETCH}, height=360)
    nodes["image"] = Node("ImageInvert", 2, 1060, {"image": ["sketch", 0]}, height=70)
    text = (
        "## Sketch to animation\n\n**SparseCtrl** follows a sketch at the first frame.\n\n"
        f"{where(SPARSE_SCRIBBLE, ADAPTER)}\n- It expects **white lines on black**. For a drawing on white paper, Invert "
        "Image makes that; bypass it if yours is white on black.\n- For a storyboard, batch several sketches and set "
        "**frames** to *0, 8, -1* or *spread*."
    )
    drawing = Stage("A sketch at the first frame", "load", ("sketch", "control", "image"))
    return Template("sketch_to_animation", nodes, sparse_stages(drawing), note(text), crossings=1)


def sparse(prefix: str, file: Link, frames: str) -> dict[str, Node]:
    """The spine with v3's adapter, and SparseCtrl, which the node "image" gives its pictures."""
    nodes = adapted(spine(prefix, room=1.3))
    nodes["sampler"] = with_inputs(nodes["sampler"], positive=["guided", 0], negative=["guided", 1], cfg=8.0, steps=25)
    load = {"sparsectrl": file.name, "frames": frames}
    nodes["control"] = Node("KinemaLoadSparseCtrl", 2, 820, load, models=(file,), height=170)
    guide = {
        "positive": ["positive", 0], "negative": ["negative", 0], "control_net": ["control", 0], "image": ["image", 0],
        "vae": ["vae up", 0], "strength": 0.8, "start_percent": 0.0, "end_percent": 0.7,
    }  # fmt: skip
    nodes["guided"] = Node("ControlNetApplyAdvanced", 3.5, 420, guide, height=220)
    nodes["latent"] = replace(nodes["latent"], column=3.5, y=800)
    nodes |= {name: replace(nodes[name], y=1780) for name in ("vae", "vae again")}
    nodes["vae first"] = bend(["checkpoint", 2], "VAE", 0.95, 660)
    nodes["vae"] = with_inputs(nodes["vae"], **{"": ["vae first", 0]})
    nodes["vae up"] = bend(["vae", 0], "VAE", 2.95, 1780)
    nodes["vae again"] = with_inputs(nodes["vae again"], **{"": ["vae up", 0]})
    return nodes


def sparse_stages(pictures: Stage) -> tuple[Stage, ...]:
    motion = Stage("Motion model and its LoRA", "motion", ("lora", "motion"))
    prompts = Stage("Prompt", "prompt", ("apply", "positive", "negative"))
    guide = Stage("Guide, and number of frames", "prompt", ("guided", "latent"))
    return (LOAD, motion, prompts, pictures, guide, SAMPLE, SAVE)


def adapted(nodes: dict[str, Node]) -> dict[str, Node]:
    """With the LoRA that v3 was trained with."""
    lora = {"model": ["checkpoint", 0], "lora_name": ADAPTER.name, "strength_model": 1.0}
    nodes["lora"] = Node("LoraLoaderModelOnly", 1, -130, lora, models=(ADAPTER,), height=90)
    nodes["apply"] = with_inputs(nodes["apply"], model=["lora", 0])
    return nodes


def camera_path() -> Template:
    nodes = adapted(spine("camera", room=1))
    nodes |= moved(nodes, 1, "apply", "positive", "negative", "latent")
    nodes["clip"] = replace(nodes["clip"], column=2.62)
    nodes |= {name: replace(nodes[name], y=1500) for name in ("vae", "vae again")}
    nodes["path"] = Node("KinemaCameraPath", 1, 260, {"preset": "move forward", "amount": 1.0}, height=600)
    follow = {"motion_model": ["motion", 0], "cameractrl": CAMERACTRL.name, "camera": ["path", 0], "strength": 1.0}
    nodes["follow"] = Node("KinemaLoadCameraCtrl", 2, 100, follow, models=(CAMERACTRL,), height=140)
    nodes["apply"] = with_inputs(nodes["apply"], motion_model=["follow", 0])
    nodes["plot"] = Node("KinemaPlotCameraPath", 2, 960, {"camera": ["path", 0], "frames": FRAMES}, height=140)
    nodes["plotted"] = Node("PreviewImage", 3, 960, {"images": ["plot", 0]}, height=360)
    nodes["latent"] = with_inputs(nodes["latent"], width=384, height=256)
    text = (
        "## Camera path\n\n**CameraCtrl** moves the camera; the plot shows the path before anything is sampled.\n\n"
        f"{where(ADAPTER)}\n- **preset** and **amount** are a first move. Chain Camera Path nodes to join moves, or connect "
        "curves.\n- CameraCtrl was trained at 384 × 256 with the motion model v3."
    )
    motion = Stage("Motion model that follows a camera", "motion", ("lora", "motion", "path", "follow"))
    see = Stage("See the path", "save", ("plot", "plotted"))
    return Template("camera_path", nodes, (LOAD, motion, PROMPT, see, SAMPLE, SAVE), note(text), crossings=1)


def video_to_video() -> Template:
    nodes = spine("video", motion=LCM, room=3.2) | film()
    del nodes["latent"]
    lora = {"model": ["checkpoint", 0], "lora_name": LCM_LORA.name, "strength_model": 0.8}
    nodes["lora"] = Node("LoraLoaderModelOnly", 1, -130, lora, models=(LCM_LORA,), height=90)
    nodes["apply"] = with_inputs(nodes["apply"], model=["lora", 0])
    settings: dict[str, Any] = {"steps": 8, "cfg": 1.5, "sampler_name": "lcm", "scheduler": "simple", "denoise": 0.7}
    nodes["sampler"] = sampler(["apply", 0], ["encode", 0], column=6.6, **settings)
    nodes["sampler"] = with_inputs(nodes["sampler"], positive=["guided", 0], negative=["guided", 1])
    nodes["control"] = Node("ControlNetLoader", 4, 820, {"control_net_name": CANNY.name}, models=(CANNY,), height=70)
    edges = {"image": ["scale", 0], "low_threshold": 0.2, "high_threshold": 0.5}
    nodes["edges"] = Node("Canny", 4, 960, edges, height=110)
    guide = {
        "positive": ["positive", 0], "negative": ["negative", 0], "control_net": ["control", 0], "image": ["edges", 0],
        "strength": 0.8, "start_percent": 0.0, "end_percent": 0.8,
    }  # fmt: skip
    nodes["guided"] = Node("ControlNetApplyAdvanced", 5.4, 350, guide, height=200)
    text = (
        "## Video to video\n\nYour video is the start, its edges are the guide: the prompt gives it another look. With "
        "**AnimateLCM** it takes 8 steps.\n\n- **denoise**: how much changes, 0.5 to 0.9.\n- Image From Batch says which "
        "frames are used; more than 16 are computed in windows."
    )
    motion = Stage("Motion model and its LoRA", "motion", ("lora", "motion"))
    prompts = Stage("Prompt", "prompt", ("apply", "positive", "negative"))
    guide_stage = Stage("Edges that guide", "motion", ("guided", "control", "edges"))
    all_stages = (LOAD, motion, prompts, FILM, guide_stage, Stage("Start", "load", ("encode",)), SAMPLE, SAVE)
    return Template("video_to_video", nodes, all_stages, note(text))


FILM = Stage("The frames of a video", "load", ("film", "frames", "part", "scale"))


def film() -> dict[str, Node]:
    """A video's first frames as pictures and as latents, in place of Empty Latent Image."""
    nodes = {
        "film": Node("LoadVideo", 0, 820, {"file": VIDEO}, height=420),
        "frames": Node("GetVideoComponents", 1, 820, {"video": ["film", 0]}, height=110),
        "part": Node(
            "ImageFromBatch", 2, 820, {"image": ["frames", 0], "batch_index": 0, "length": FRAMES}, height=110
        ),
    }
    size = {"upscale_method": "lanczos", "width": 512, "height": 512, "crop": "center"}
    nodes["scale"] = Node("ImageScale", 3, 820, {"image": ["part", 0], **size}, height=170)
    nodes["encode"] = Node("VAEEncode", 4, 1240, {"pixels": ["scale", 0], "vae": ["vae", 0]}, height=70)
    nodes["vae first"] = bend(["checkpoint", 2], "VAE", 0.95, 660)
    nodes["vae"] = bend(["vae first", 0], "VAE", 1.2, 1420)
    nodes["vae again"] = bend(["vae", 0], "VAE", 6.0, 1420)
    return nodes


def unsample() -> Template:
    nodes = spine("unsampled", room=4.4) | film()
    del nodes["latent"]
    nodes["shown"] = prompt(POSITIVE, 380, "What the video shows")
    nodes["positive"] = prompt(POSITIVE.replace("red", "blue"), -220, "Prompt")
    nodes["negative"] = replace(nodes["negative"], y=710)
    nodes |= {name: replace(nodes[name], y=nodes[name].y + 190) for name in FILM.names}
    nodes |= {name: replace(nodes[name], y=-580) for name in SAVE.names}
    nodes["encode"] = replace(nodes["encode"], y=1040)
    nodes["vae again"] = replace(nodes["vae again"], column=8.2)
    steps = {"model": ["apply", 0], "scheduler": "normal", "steps": 20, "denoise": 1.0}
    nodes["noises"] = Node("BasicScheduler", 3, 140, steps, height=130)
    nodes["method"] = Node("KSamplerSelect", 4, 680, {"sampler_name": "euler"}, height=70)
    nodes["upwards"] = Node("FlipSigmas", 5, -220, {"sigmas": ["noises", 0]}, height=70)
    both = {
        "model": ["apply", 0],
        "negative": ["negative", 0],
        "sampler": ["method", 0],
        "noise_seed": 0,
        "add_noise": False,
    }
    up = {"positive": ["shown", 0], "sigmas": ["upwards", 0], "latent_image": ["encode", 0], "cfg": 1.0}
    down = {"positive": ["positive", 0], "sigmas": ["noises", 0], "latent_image": ["up", 0], "cfg": 1.5}
    nodes["up"] = Node("SamplerCustom", 6.3, -460, both | up, "From the video to noise", 400)
    nodes["sampler"] = Node("SamplerCustom", 7.2, -640, both | down, "From noise to another video", 400)
    text = (
        "## Unsample and sample again\n\nThe first sampler runs **backwards**: it finds the noise that your video would "
        "come from. The second starts from it with another prompt, so that much of the layout stays.\n\n- **What the "
        "video shows** describes the video as it is.\n- **cfg** is 1 backwards and 1.5 to 3 forwards: higher values change "
        "more.\n- More than 16 frames are computed in windows, which is less exact."
    )
    prompts = Stage("Prompts", "prompt", ("apply", "shown", "positive", "negative"))
    schedule = Stage("The same steps in both directions", "load", ("noises", "method", "upwards"))
    both_ways = Stage("There and back", "sample", ("up", "sampler"))
    all_stages = (LOAD, MOTION, prompts, FILM, Stage("Start", "load", ("encode",)), schedule, both_ways, SAVE)
    return Template("unsample_and_sample_again", nodes, all_stages, note(text), crossings=9)
