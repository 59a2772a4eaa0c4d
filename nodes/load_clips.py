import os
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io

from ..training.prepare_clips import Encoder, prepare_clips
from ..training.videos import Cut
from .inputs.sockets import CATEGORY
from .inputs.training_inputs import ClipsSocket

NONE = "none"


class LoadClipsNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaLoadClips",
            display_name="Load Clips",
            category=CATEGORY,
            description="Makes clips to train motion on from a folder of videos or image sequences, or from images. "
            "Latents are encoded once and kept on disk.",
            search_aliases=["dataset", "training data", "video folder", "captions", "train", "finetune"],
            inputs=[
                io.Vae.Input("vae", tooltip="The VAE of the checkpoint that you train with."),
                io.Clip.Input("clip", tooltip="Encodes the captions: the CLIP of the checkpoint that you train with."),
                io.Combo.Input(
                    "folder",
                    options=[NONE, *folder_paths.get_input_subfolders()],
                    tooltip="A folder inside ComfyUI's input folder, with videos, or with one folder of images for each "
                    "sequence. Press R after copying new ones.",
                ),
                io.String.Input(
                    "prompt",
                    default="",
                    multiline=True,
                    tooltip="The caption of clips that have none. A video's own is in a .txt file of the same name.",
                ),
                io.Int.Input(
                    "frames",
                    default=16,
                    min=2,
                    max=128,
                    tooltip="Frames of a clip: as many as you will animate at once.",
                ),
                io.Int.Input(
                    "stride",
                    default=4,
                    min=1,
                    max=128,
                    tooltip="Every how many frames of the video one is taken. 4 of a 30 fps video are about 8 fps.",
                ),
                io.Int.Input("width", default=256, min=16, max=4096, step=8, tooltip="Width of the clips in pixels."),
                io.Int.Input("height", default=256, min=16, max=4096, step=8, tooltip="Height of the clips in pixels."),
                io.Combo.Input(
                    "crop",
                    options=["center", "disabled"],
                    default="center",
                    optional=True,
                    advanced=True,
                    tooltip="center cuts off what does not fit; disabled stretches the pictures instead.",
                ),
                io.Boolean.Input(
                    "flip",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="Adds every clip once more, mirrored. Not for captions that say left or right, nor for pans.",
                ),
                io.Int.Input(
                    "clips_per_video",
                    default=0,
                    min=0,
                    max=100_000,
                    optional=True,
                    advanced=True,
                    tooltip="At most so many clips of a video, one after the other from its start. 0: all it has.",
                ),
                io.Boolean.Input(
                    "cache",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="Keep the latents in user/kinema/latents, so that the same videos are ready at once next time. "
                    "You may delete that folder at any time.",
                ),
                io.Image.Input(
                    "images",
                    optional=True,
                    tooltip="Frames of one video in a batch, to train on beside the folder or alone.",
                ),
            ],
            outputs=[
                ClipsSocket.Output(
                    display_name="CLIPS", tooltip="The clips, for Train Motion Model and Train Motion LoRA."
                ),
                io.String.Output(
                    display_name="report", tooltip="How many clips there are, and which files were left out."
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, folder: str | None = None) -> bool | str:
        if folder in (None, NONE) or folder in folder_paths.get_input_subfolders():
            return True
        return (
            f'"{folder}" is not a folder inside "{folder_paths.get_input_directory()}". Pick another one, or press R.'
        )

    @classmethod
    def fingerprint_inputs(cls, folder: str | None = None, **_inputs: Any) -> Any:
        """Changes with the files in the folder."""
        if folder in (None, NONE):
            return None
        files = sorted(file for file in _path(folder).rglob("*") if file.is_file())
        return [(str(file), os.stat(file).st_size, os.stat(file).st_mtime_ns) for file in files]

    @classmethod
    def execute(
        cls,
        vae: Any,
        clip: Any,
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
        images: Any = None,
    ) -> io.NodeOutput:
        cut = Cut(frames, stride, width, height, crop == "center", clips_per_video)
        encoder = Encoder(vae, cut, flip, _cache_folder() if cache else None)
        clips, report = prepare_clips(encoder, clip, prompt, None if folder == NONE else _path(folder), images)
        return io.NodeOutput(clips, "\n".join(report))


def _path(folder: str) -> Path:
    return Path(folder_paths.get_input_directory()) / folder


def _cache_folder() -> Path:
    return Path(folder_paths.get_user_directory()) / "kinema" / "latents"
