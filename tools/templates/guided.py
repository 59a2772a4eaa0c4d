"""The templates that start from a picture, a sketch or a camera path."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .board import COLUMN, Link, Node, Stage, Template
from .downloads import ADAPTER, CAMERACTRL, PIA, SPARSE_RGB, SPARSE_SCRIBBLE, where
from .spine import ADAPTED, PROMPT, SAMPLE, SAVE, ending, lora, moved, note, spine, stages, with_inputs

PICTURE, LAST, SKETCH = "my_picture.png", "my_last_picture.png", "my_sketch.png"
FRAMES = 16


def picture_to_animation() -> Template:
    text = (
        "## Picture to animation\n\n**PIA** animates an image. Choose an image, and describe in the prompt what "
        f"it shows and what moves.\n\n{where(PIA)}\n- **motion** sets how much motion there is, and whether the "
        "video loops.\n- Use a checkpoint in the style of the image."
    )
    all_stages = stages(ANIMATED, models=PICTURED)
    notes = note(text, x=COLUMN, y=330, height=430)
    return Template("picture_to_animation", pictured("picture"), all_stages, notes, title="Picture to animation")


PICTURED = Stage("Models and a picture", "load", ("motion", "checkpoint", "picture"))
ANIMATED = Stage("Animate the picture", "motion", ("animate",))


def pictured(prefix: str) -> dict[str, Node]:
    """The spine with Animate Picture before Apply Motion Model."""
    nodes = spine(prefix, motion=PIA, room=1)
    nodes |= moved(nodes, COLUMN, "apply", "positive", "negative", "latent")
    nodes["picture"] = Node("LoadImage", 0, 320, {"image": PICTURE}, height=320)
    animate = {"motion_model": ["motion", 0], "image": ["picture", 0], "vae": ["checkpoint", 2], "motion": "small"}
    nodes["animate"] = Node("KinemaAnimatePicture", COLUMN, 0, animate, height=250)
    nodes["apply"] = with_inputs(nodes["apply"], motion_model=["animate", 0])
    return nodes


def first_and_last_frame() -> Template:
    nodes = sparse("first_and_last", SPARSE_RGB, "0, -1")
    nodes["first"] = Node("LoadImage", 2 * COLUMN, 230, {"image": PICTURE}, "First frame", 320, 260)
    nodes["last"] = Node("LoadImage", 2 * COLUMN, 610, {"image": LAST}, "Last frame", 320, 260)
    both = {"images.image0": ["first", 0], "images.image1": ["last", 0]}
    nodes["image"] = Node("BatchImagesNode", 1040, 280, both, height=80, width=250)
    text = (
        "## First and last frame\n\nWith **SparseCtrl**, the video starts from one image and ends with another; "
        f"the model generates the frames in between.\n\n{where(SPARSE_RGB, ADAPTER)}\n- **frames** sets the frames "
        "at which the images are placed: with *0*, the video starts from a single image; *spread* distributes any "
        "number of images over the video.\n- If frames with an image look brighter than the others, lower "
        "**strength** and **end_percent** of Apply ControlNet."
    )
    all_stages = sparse_stages(
        Stage("Pictures at some frames", "load", ("control", "first", "last")),
        Stage("Guide", "motion", ("guided", "image")),
    )
    return Template("first_and_last_frame", nodes, all_stages, sparse_note(text), title="First and last frame")


def sketch_to_animation() -> Template:
    nodes = sparse("sketch", SPARSE_SCRIBBLE, "0")
    nodes["sketch"] = Node("LoadImage", 2 * COLUMN, 230, {"image": SKETCH}, height=320, width=260)
    nodes["image"] = Node("ImageInvert", 2 * COLUMN, 610, {"image": ["sketch", 0]}, height=60, width=260)
    text = (
        "## Sketch to animation\n\nWith **SparseCtrl**, the video starts from a "
        f"sketch.\n\n{where(SPARSE_SCRIBBLE, ADAPTER)}\n- SparseCtrl expects **white lines on black**. Invert "
        "Image prepares a drawing on white paper; bypass this node if your lines are white on black.\n- For a "
        "storyboard, combine several sketches with Batch Images and set **frames** to *0, 8, -1* or *spread*."
    )
    all_stages = sparse_stages(
        Stage("A sketch at the first frame", "load", ("control", "sketch", "image")),
        Stage("Guide", "motion", ("guided",)),
    )
    return Template("sketch_to_animation", nodes, all_stages, sparse_note(text), title="Sketch to animation")


def sparse(prefix: str, file: Link, frames: str) -> dict[str, Node]:
    """The spine with v3's adapter, and SparseCtrl, which the node "image" gives its pictures."""
    nodes = spine(prefix) | {"lora": lora(ADAPTER, 1.0)}
    nodes["apply"] = with_inputs(nodes["apply"], model=["lora", 0])
    guides = {"positive": ["guided", 0], "negative": ["guided", 1]}
    nodes["sampler"] = with_inputs(nodes["sampler"], **guides, cfg=8.0, steps=25)
    load = {"sparsectrl": file.name, "frames": frames}
    nodes["control"] = Node("KinemaLoadSparseCtrl", 2 * COLUMN, 0, load, models=(file,), height=170, width=260)
    guide = {
        "positive": ["positive", 0], "negative": ["negative", 0], "control_net": ["control", 0], "image": ["image", 0],
        "vae": ["checkpoint", 2], "strength": 0.8, "start_percent": 0.0, "end_percent": 0.7,
    }  # fmt: skip
    nodes["guided"] = Node("ControlNetApplyAdvanced", 1040, 0, guide, height=220, width=250)
    nodes |= {name: replace(nodes[name], y=890) for name in ("vae", "vae again")}
    return nodes | sampled_above(nodes, prefix, 1350)


def sampled_above(nodes: dict[str, Node], prefix: str, x: float) -> dict[str, Node]:
    """The sampler at `x`, and below it what saves the video."""
    drawn = replace(nodes["sampler"], x=x, y=0, height=360)
    return {"sampler": drawn, "vae again": replace(nodes["vae again"], x=x - 110), **ending(prefix, x, 470)}


def sparse_stages(pictures: Stage, guide: Stage) -> tuple[Stage, ...]:
    return (ADAPTED, PROMPT, pictures, guide, SAMPLE, SAVE)


def sparse_note(text: str) -> dict[str, Any]:
    return note(text, y=490, height=370)


def camera_path() -> Template:
    nodes = spine("camera", room=2) | {"lora": lora(ADAPTER, 1.0)}
    nodes |= moved(nodes, 2 * COLUMN, "apply", "positive", "negative", "latent")
    nodes["path"] = Node("KinemaCameraPath", COLUMN, 0, {"preset": "move forward", "amount": 1.0}, height=600)
    follow = {"motion_model": ["motion", 0], "cameractrl": CAMERACTRL.name, "camera": ["path", 0], "strength": 1.0}
    nodes["follow"] = Node("KinemaLoadCameraCtrl", 2 * COLUMN, 0, follow, models=(CAMERACTRL,), height=140)
    nodes["apply"] = with_inputs(nodes["apply"], model=["lora", 0], motion_model=["follow", 0])
    nodes["plot"] = Node("KinemaPlotCameraPath", 2 * COLUMN, 260, {"camera": ["path", 0], "frames": FRAMES}, height=130)
    nodes["plotted"] = Node("PreviewImage", 2 * COLUMN, 450, {"images": ["plot", 0]}, height=310)
    nodes["latent"] = with_inputs(nodes["latent"], width=384, height=256)
    text = (
        "## Camera path\n\n**CameraCtrl** moves the camera; the plot shows the path before anything is "
        f"sampled.\n\n{where(ADAPTER)}\n- Start with **preset** and **amount**. To combine moves, chain Camera "
        "Path nodes; for other moves, connect curves.\n- CameraCtrl was trained at 384 × 256 pixels with the "
        "motion model v3."
    )
    path = Stage("Camera path", "motion", ("path",))
    follows = Stage("Motion model with camera", "motion", ("follow",))
    see = Stage("Plot of the path", "save", ("plot", "plotted"))
    nodes |= sampled_above(nodes, "camera", 4 * COLUMN)
    all_stages = (ADAPTED, path, follows, see, PROMPT, SAMPLE, SAVE)
    return Template("camera_path", nodes, all_stages, note(text, y=490, height=270), title="Camera path")
