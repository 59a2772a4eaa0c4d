import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import comfy.samplers
import folder_paths
from comfy.cli_args import args
from comfy_api.latest import InputImpl, io, ui

from ..motion.atomic import check_writable
from ..motion.host import HostModel, HostVAE
from ..sampling.endless.endless_animation import EndlessRun, animate_without_end
from ..sampling.endless.endless_sampler import EndlessSettings
from ..sampling.endless.noise_queue import why_no_queue
from ..sampling.endless.video_file import KEYFRAMES, VideoFile
from ..sampling.run.animation import animation_of
from ..sampling.run.on_node import say
from .inputs.sockets import CATEGORY
from .inputs.values import reads_numbers


class EndlessAnimationNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaEndlessAnimation",
            display_name="Endless Animation",
            category=CATEGORY,
            description="Samples, decodes and saves a video of any length, frame by frame. It needs no more memory for a long "
            "video than for a short one. When you cancel it, the frames that are finished are saved.",
            search_aliases=["fifo", "fifo-diffusion", "infinite video", "long video", "video without end", "stream"],
            inputs=[
                io.Model.Input("model", tooltip="The model, with a motion model applied."),
                io.Conditioning.Input("positive", tooltip="The prompt, or prompts from Prompt Travel."),
                io.Conditioning.Input("negative", tooltip="What the video should not show."),
                io.Vae.Input("vae", tooltip="The VAE of the checkpoint, which decodes the frames."),
                io.Latent.Input(
                    "latent",
                    tooltip="The size of the frames: an Empty Latent Image, whose batch_size has no effect. Or finished "
                    "frames from a sampler, at least window_length of them: the video begins with a variation of them.",
                ),
                *_sampling_inputs(),
                *_file_inputs(),
                *_advanced_inputs(),
            ],
            outputs=[io.Video.Output(tooltip="The saved video.")],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(
        cls,
        frames: int | None = None,
        steps: int | None = None,
        window_length: int | None = None,
        lookahead: bool | None = None,
    ) -> bool | str:
        if frames is None or steps is None or window_length is None or lookahead is None:  # one comes from another node
            return True
        return why_no_queue(frames, window_length, steps, lookahead) or True

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        positive: Any,
        negative: Any,
        vae: HostVAE,
        latent: dict[str, Any],
        frames: int,
        seed: int,
        steps: int,
        cfg: float,
        scheduler: str,
        window_length: int,
        lookahead: bool,
        fps: float,
        filename_prefix: str,
        eta: float = 1.0,
        crf: int = 18,
    ) -> io.NodeOutput:
        path, subfolder = _new_file(filename_prefix)
        run = EndlessRun(model, positive, negative, vae, latent, seed, cfg, steps, scheduler)
        settings = EndlessSettings(frames, window_length, lookahead, eta)
        tell: list[Callable[[str], None]] = [say]  # the last one adds to what the run has said on the node
        check_writable(path)
        file = VideoFile(path, fps, crf, _metadata(cls.hidden))
        try:
            with file:
                animate_without_end(run, settings, file.write, lambda shown: tell.append(shown.tell))
        except BaseException as error:
            if file.frames:
                saved_as = (Path(subfolder) / path.name).as_posix()
                but = f", except for the last few (up to {KEYFRAMES})" if isinstance(error, OSError) else ""
                tell[-1](f"Stopped after {file.frames} of {frames} frames. They are saved in {saved_as}{but}.")
            raise
        saved = ui.SavedResult(path.name, subfolder, io.FolderType.output)
        tell[-1](f"{frames} frames, {frames / fps:.1f} s, saved as {path.name}.")
        if animation_of(model.model_options).guidance is not None:
            tell[-1]("cfg has no effect: Animation Guidance takes its place.")
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)), ui=ui.PreviewVideo([saved]))


def _sampling_inputs() -> list[io.Input]:
    return [
        io.Int.Input(
            "frames",
            default=64,
            min=2,
            max=1_000_000,
            tooltip="The length of the video in frames. You can also set a high number and cancel when you have enough.",
        ),
        io.Int.Input(
            "seed",
            default=0,
            min=0,
            max=0xFFFFFFFFFFFFFFFF,
            control_after_generate=True,
            tooltip="The seed of all noise. With the same seed, a longer video begins with the same frames, unless "
            "prompts or curves depend on its length.",
        ),
        io.Int.Input(
            "steps",
            default=32,
            min=2,
            max=1024,
            tooltip="In how many steps each frame is denoised: a multiple of window_length. With more steps, frames that the "
            "model sees together are closer in noise, but each frame takes longer. The paper uses 64 with windows of 16.",
        ),
        io.Float.Input(
            "cfg",
            default=7.5,
            min=0.0,
            max=100.0,
            step=0.1,
            tooltip="How closely the video follows the prompt. 7 to 8 is usual; distilled motion models need 1 to 2.",
        ),
        io.Combo.Input(
            "scheduler",
            options=list(comfy.samplers.SCHEDULER_NAMES),
            default="simple",
            tooltip="How the noise levels of the steps are spread. simple is close to the paper's.",
        ),
        io.Int.Input(
            "window_length",
            default=16,
            min=2,
            max=1024,
            tooltip="How many frames the model processes together. Use the length that the motion model was trained "
            "with: 16 for most models, 8 for HotshotXL.",
        ),
        io.Boolean.Input(
            "lookahead",
            default=True,
            tooltip="Shows the model cleaner frames before those that it denoises, which makes the video steadier. "
            "Takes twice as long.",
        ),
    ]


def _file_inputs() -> list[io.Input]:
    return [
        io.Float.Input(
            "fps",
            default=8.0,
            min=0.01,
            max=1000.0,
            step=0.01,
            tooltip="Frames per second of the video. 8 suits most motion models.",
        ),
        io.String.Input(
            "filename_prefix",
            default="video/endless",
            tooltip="The folder and the beginning of the file's name, in ComfyUI's output folder.",
        ),
    ]


def _advanced_inputs() -> list[io.Input]:
    return [
        io.Float.Input(
            "eta",
            default=1.0,
            min=0.0,
            max=1.0,
            step=0.01,
            optional=True,
            advanced=True,
            tooltip="How much noise each step adds: 1 as in the paper, 0 none.",
        ),
        io.Int.Input(
            "crf",
            default=18,
            min=0,
            max=51,
            optional=True,
            advanced=True,
            tooltip="The compression of the file (H.264): 18 is hardly visible, 28 makes small files, 0 loses only "
            "colour resolution (4:2:0).",
        ),
    ]


def _new_file(prefix: str) -> tuple[Path, str]:
    """Where the host would save the next video with `prefix`, and the folder as a part of its output folder."""
    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, folder_paths.get_output_directory())
    return Path(folder) / f"{name}_{counter:05}_.mp4", subfolder


def _metadata(hidden: Any) -> Mapping[str, str]:
    """The workflow, which the host reads from videos that are dropped on the canvas."""
    if hidden is None or args.disable_metadata:
        return {}
    parts = {"prompt": hidden.prompt, **(hidden.extra_pnginfo or {})}
    return {name: json.dumps(part) for name, part in parts.items() if part is not None}
