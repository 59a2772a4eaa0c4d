"""The workflow of the README and the demo: checkpoint and motion model in, a video and an animated picture out."""

from dataclasses import dataclass
from typing import Any

from tools.client import Prompt


@dataclass(frozen=True)
class Job:
    """What to animate."""

    checkpoint: str | None  # file name in the server's folder; None: the miniature
    motion_model: str  # file name in the server's folder
    prompt: str  # positive
    negative: str  # negative prompt
    frames: int  # of the video
    width: int  # pixels
    height: int  # pixels
    fps: float  # of the saved video
    steps: int  # of the sampler
    seed: int  # of the noise
    cfg: float = 7.5  # classifier-free guidance scale
    sampler: str = "euler"  # the host's name of the sampler
    scheduler: str = "normal"  # the host's name of the scheduler
    name: str = "kinema"  # prefix of the saved file


def animation(job: Job) -> Prompt:
    """Load Checkpoint (or Load Miniature), Load Motion Model, Apply Motion Model, KSampler, VAE Decode, Create Video, Save
    Video, and Save Animated WEBP."""
    miniature = _node("KinemaLoadMiniature", style="day")
    return {
        "1": _node("CheckpointLoaderSimple", ckpt_name=job.checkpoint) if job.checkpoint else miniature,
        "2": _node("KinemaLoadMotionModel", motion_model=job.motion_model),
        "3": _node(
            "KinemaApplyMotionModel",
            model=["1", 0],
            motion_model=["2", 0],
            strength=1.0,
            noise_schedule="automatic",
            start_percent=0.0,
            end_percent=1.0,
        ),
        "4": _node("CLIPTextEncode", clip=["1", 1], text=job.prompt),
        "5": _node("CLIPTextEncode", clip=["1", 1], text=job.negative),
        "6": _node("EmptyLatentImage", width=job.width, height=job.height, batch_size=job.frames),
        "7": _node(
            "KSampler",
            model=["3", 0],
            positive=["4", 0],
            negative=["5", 0],
            latent_image=["6", 0],
            seed=job.seed,
            steps=job.steps,
            cfg=job.cfg,
            denoise=1.0,
            sampler_name=job.sampler,
            scheduler=job.scheduler,
        ),
        "8": _node("VAEDecode", samples=["7", 0], vae=["1", 2]),
        "9": _node("CreateVideo", images=["8", 0], fps=job.fps),
        "10": _node("SaveVideo", video=["9", 0], filename_prefix=job.name, format="auto", codec="auto"),
        "11": _node(
            "SaveAnimatedWEBP",
            images=["8", 0],
            filename_prefix=job.name,
            fps=job.fps,
            lossless=False,
            quality=90,
            method="default",
        ),
    }


def _node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}
