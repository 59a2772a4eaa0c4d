"""Templates with the miniature's weights in place of those that people have: they run anywhere, in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import comfy.cldm.cldm
import comfy.ops
import torch
from safetensors.torch import save_file

from kinema.miniature import models

from ..miniature import world
from . import random_files
from .board import Node, Template
from .downloads import PIA, SPARSE_RGB
from .filmed import VIDEO

SIZE = 128
PROMPT = "a red fish swimming right, coral reef"
TRAVEL = "0: a red fish swimming right, coral reef\n16: a blue fish swimming right, deep sea"
CONTROL_NET, CLIPS = "random_controlnet.safetensors", "clips"
"""What the server's folders must hold next to the files of `random_files`: a ControlNet of the miniature's shape, and a
folder of videos."""


def small(template: Template, frames: int, steps: int, side: int = SIZE) -> Template:
    """`template` with the miniature: `side` pixels, at most `frames` frames and `steps` steps."""
    nodes = {name: _small(node, frames, steps, side) for name, node in template.nodes.items()}
    return replace(template, nodes=nodes)


def _small(node: Node, frames: int, steps: int, side: int) -> Node:
    if node.kind == "CheckpointLoaderSimple":
        return replace(node, kind="KinemaLoadMiniature", inputs={"style": "day"}, models=())
    inputs = node.inputs | _instead(node, frames, steps, side)
    return replace(node, inputs=inputs, models=())


def _instead(node: Node, frames: int, steps: int, side: int) -> dict[str, Any]:
    given = node.inputs
    match node.kind:
        case "KinemaLoadMotionModel":
            pictured = given["motion_model"] == PIA.name
            return {"motion_model": random_files.PIA if pictured else Path(models.MOTION).name}
        case "KinemaLoadMotionLora":
            return {"lora": Path(models.ZOOM).name}
        case "LoraLoaderModelOnly":
            return {"lora_name": Path(models.NEON_LORA).name}
        case "ControlNetLoader":
            return {"control_net_name": CONTROL_NET}
        case "LoadVideo":
            return {"file": VIDEO}
        case "KinemaLoadSparseCtrl":
            is_rgb = given["sparsectrl"] == SPARSE_RGB.name
            return {"sparsectrl": Path(models.SPARSE_CONTROL).name if is_rgb else random_files.SCRIBBLE}
        case "KinemaLoadCameraCtrl":
            return {"cameractrl": random_files.CAMERA}
        case "CLIPTextEncode":
            return {"text": ""} if node.title == "Negative prompt" else {}
        case "KinemaPromptTravel":
            return {"prompts": TRAVEL, "frames": min(given.get("frames", frames), frames), "text_after": ""}
        case "EmptyLatentImage":
            return {"width": side, "height": side, "batch_size": min(given["batch_size"], frames)}
        case "ImageScale":
            return {"width": side, "height": side}
        case "ImageFromBatch":
            return {"length": min(given["length"], frames)}
        case "BasicScheduler":
            return {"steps": min(given["steps"], steps)}
        case "SamplerCustom":
            return {"cfg": min(given["cfg"], 2.0)}
        case "KSampler":
            usual = {"sampler_name": "dpmpp_2m", "scheduler": "karras"} if given["sampler_name"] == "euler" else {}
            return {"steps": min(given["steps"], steps), "cfg": min(given["cfg"], 2.0), **usual}
        case "KinemaLoadClips":
            return {"folder": CLIPS, "width": side, "height": side, "stride": 1, "prompt": PROMPT}
        case "KinemaTrainMotionLora":
            return {"steps": min(given["steps"], steps), "rank": 4, "sample_every": 0}
        case _:
            return {}


def place_files(base: Path) -> None:
    """Puts CONTROL_NET, CLIPS, a video and what `random_files` makes into the folders of a server with the base directory
    `base`."""
    folder = base / "models" / "controlnet"
    folder.mkdir(parents=True)
    random_files.place(base)
    save_file(_control_net(), folder / CONTROL_NET)
    (base / "input" / CLIPS).mkdir(parents=True)
    for path in (base / "input" / VIDEO, base / "input" / CLIPS / "one.mp4"):
        _write_video(path)


def _control_net() -> dict[str, torch.Tensor]:
    """A ControlNet of the miniature's UNet with random weights, in the layout of the published ones."""
    left_out = ("out_channels", "transformer_depth_output")
    config = {key: value for key, value in models.UNET_CONFIG.items() if key not in left_out}
    network = comfy.cldm.cldm.ControlNet(
        **config,
        **models.MiniatureConfig.unet_extra_config,
        hint_channels=3,
        operations=comfy.ops.disable_weight_init,
    )
    random = torch.Generator().manual_seed(0)
    return {
        f"control_model.{name}": torch.randn(weight.shape, generator=random) * 0.02
        for name, weight in network.state_dict().items()
    }


def _write_video(path: Path) -> None:
    """A clip of the miniature's world: a fish that swims across the picture."""
    pictures, _ = world.clip(random_files.CLIP_SEED, random_files.CLIP_FRAMES, across=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
