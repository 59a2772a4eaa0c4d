import os
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_api.latest import io

from ..motion.host import HostCLIP, HostVAE
from ..training.clip_encoder import Encoder
from ..training.prepare_clips import prepare_clips
from ..training.videos import Cut
from .inputs.sockets import CATEGORY
from .inputs.training_inputs import ClipsSocket
from .inputs.values import OpenInt, Told, reads_numbers

NONE = "none"


class LoadClipsNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaLoadClips",
            display_name="Load Clips",
            category=f"{CATEGORY}/training",
            description="Prepares training clips from a folder of videos or image sequences, or from connected "
            "images. The clips are encoded only once; their latents are kept on disk.",
            search_aliases=["dataset", "training data", "video folder", "captions", "train", "finetune"],
            inputs=[
                io.Vae.Input("vae", tooltip="The VAE of the checkpoint that you will train with."),
                io.Clip.Input(
                    "clip", tooltip="The CLIP of the checkpoint that you will train with. It encodes the captions."
                ),
                io.Combo.Input(
                    "folder",
                    options=[NONE, *folder_paths.get_input_subfolders()],
                    tooltip="A folder in ComfyUI's input folder. It contains either videos or one subfolder of "
                    "images per sequence. none: only the connected images. Press R to refresh after adding files.",
                ),
                io.String.Input(
                    "prompt",
                    default="",
                    multiline=True,
                    tooltip="The caption for videos without a caption file. To give a video a caption of its own, "
                    "write the caption into a .txt file with the same name as the video.",
                ),
                *_size_inputs(),
                *_advanced_inputs(),
                io.Image.Input(
                    "images",
                    optional=True,
                    tooltip="The frames of one video as a batch, to train on instead of the folder or in addition to "
                    "it.",
                ),
            ],
            outputs=[
                ClipsSocket.Output(
                    display_name="CLIPS",
                    tooltip="The clips, for Train Motion Model, Train Motion LoRA and Train SparseCtrl.",
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="A report of how many clips were loaded and which files were skipped.",
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, folder: str | None = None) -> bool | str:
        if folder in (None, NONE) or folder in folder_paths.get_input_subfolders():
            return True
        return (
            f'"{folder}" is not a folder inside "{folder_paths.get_input_directory()}". Pick another one, or press R '
            "to refresh the list."
        )

    @classmethod
    def fingerprint_inputs(cls, folder: str | None = None, **_inputs: Any) -> Any:
        """Changes with the files in the folder."""
        if folder in (None, NONE):
            return None
        files = sorted(file for file in _path(folder).rglob("*") if file.is_file())
        return [(str(file), os.stat(file).st_size, os.stat(file).st_mtime_ns) for file in files]

    @classmethod
    @reads_numbers
    def execute(
        cls,
        vae: HostVAE,
        clip: HostCLIP,
        folder: str,
        prompt: str,
        frames: int,
        stride: int,
        width: int,
        height: int,
        crop: str = "center",
        flip: bool = False,
        clips_per_video: int = 0,
        cache: bool = True,
        images: torch.Tensor | None = None,
    ) -> Told:
        cut = Cut(frames, stride, width, height, crop == "center", clips_per_video)
        encoder = Encoder(vae, cut, flip, _cache_folder() if cache else None)
        clips, report = prepare_clips(encoder, clip, prompt, None if folder == NONE else _path(folder), images)
        is_used = not prompt or any(clip.caption == prompt for clip in clips.clips)
        unused = [] if is_used else ["prompt has no effect, because every video has its own caption."]
        return Told(io.NodeOutput(clips, "\n".join(report)), unused)


def _path(folder: str) -> Path:
    return Path(folder_paths.get_input_directory()) / folder


def _cache_folder() -> Path:
    return Path(folder_paths.get_user_directory()) / "kinema" / "latents"


def _size_inputs() -> list[io.Input]:
    return [
        OpenInt(
            "frames",
            default=16,
            min=2,
            max=128,
            tooltip="Number of frames per clip. Use as many frames as you will animate at once.",
        ),
        OpenInt(
            "stride",
            default=4,
            min=1,
            max=128,
            tooltip="Distance between the frames that a clip takes from the video. A stride of 4 turns 30 fps into "
            "about 8 fps.",
        ),
        io.Int.Input("width", default=256, min=16, max=4096, step=8, tooltip="Width of the clips in pixels."),
        io.Int.Input("height", default=256, min=16, max=4096, step=8, tooltip="Height of the clips in pixels."),
    ]


def _advanced_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "crop",
            options=["center", "disabled"],
            default="center",
            optional=True,
            advanced=True,
            tooltip="What happens to images whose aspect ratio differs from that of the clips. center: the edges that "
            "do not fit are cropped. disabled: the images are stretched.",
        ),
        io.Boolean.Input(
            "flip",
            default=False,
            optional=True,
            advanced=True,
            tooltip="Adds a mirrored copy of each clip. Leave it off for camera pans and for captions that "
            "mention left or right.",
        ),
        OpenInt(
            "clips_per_video",
            default=0,
            min=0,
            max=100_000,
            optional=True,
            advanced=True,
            tooltip="Maximum number of clips from each video, taken one after another from the start of "
            "the video. 0: all clips.",
        ),
        io.Boolean.Input(
            "cache",
            default=True,
            optional=True,
            advanced=True,
            tooltip="Keeps the latents and captions in user/kinema/latents, so that the same videos load quickly "
            "next time. You can delete that folder while ComfyUI is not running.",
        ),
    ]
