"""Pictures as latents: encoded once, before the models of a run are loaded."""

from collections.abc import Sequence
from dataclasses import replace

import comfy.utils
import torch
import torch.nn.functional as F

from ...motion.host import HostGuider, HostVAE
from ...motion.picture_encoder import LATENT_CHANNELS
from ...motion.spec import MotionSpec
from .animated_picture import AnimatedPicture


def with_latents(
    picture: AnimatedPicture, spec: MotionSpec, guider: HostGuider, shape: Sequence[int]
) -> AnimatedPicture:
    """`picture` with its latents for a run of the host's `guider` with latents of `shape` (f, c, h, w) and a motion model of
    `spec`; unchanged where it does not act.

    To be called before the models of the run are loaded, so that the VAE has the memory for itself. Raises ValueError
    for pictures that do not fit the frames, and for the VAE of another kind of model.
    """
    if not picture.acts:
        return picture
    frames = shape[0]
    if spec.picture == "mask+picture":
        _check_places(picture, frames)
    h, w = shape[-2:]
    latents = encoded_pictures(picture.pictures[:frames], picture.vae, (h, w), "Animate Picture")
    return replace(picture, latents=guider.model_patcher.model.process_latent_in(latents.float()))


def of_size(latents: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """`latents` (n, c, h, w) for a model call whose latents have another `size`, as some samplers make them."""
    if latents.shape[2:] == size:
        return latents
    return F.interpolate(latents, size, mode="bilinear", antialias=True)


def _check_places(picture: AnimatedPicture, frames: int) -> None:
    if picture.count > frames:
        raise ValueError(
            f"Animate Picture has {picture.count} pictures, but the video has {frames} frames. Connect {frames} pictures "
            "or fewer, or make the video longer."
        )
    if not -frames <= picture.frame < frames:
        raise ValueError(
            f"Animate Picture puts the picture at frame {picture.frame}, but the video has {frames} frames. Set frame to "
            f"a number from {-frames} to {frames - 1}."
        )


def in_colour(pictures: torch.Tensor) -> torch.Tensor:
    """`pictures` (n, c, H, W) as (n, 3, H, W): grey ones, of 1 or 2 channels, three times; without an alpha channel."""
    return pictures[:, :3] if pictures.shape[1] >= 3 else pictures[:, :1].expand(-1, 3, -1, -1)


def cut_and_resized(pictures: torch.Tensor, height: int, width: int, method: str) -> torch.Tensor:
    """`pictures` (n, c, H, W), cut around their centre to the shape of `height` x `width` and resized by a `method` of the
    host. This is the host's "center", which fails where it would leave less than half a pixel of a narrow picture."""
    h, w = pictures.shape[-2:]
    theirs = w / h
    ours = width / height
    x = round((w - w * (ours / theirs)) / 2) if theirs > ours else 0
    y = round((h - h * (theirs / ours)) / 2) if theirs < ours else 0
    x = min(x, (w - 1) // 2)  # so that a pixel is left
    y = min(y, (h - 1) // 2)
    cut = pictures[..., y : h - y, x : w - x]
    resized: torch.Tensor = comfy.utils.common_upscale(cut, width, height, method, "disabled")
    return resized


def encoded_pictures(pictures: torch.Tensor, vae: HostVAE, size: tuple[int, int], node: str) -> torch.Tensor:
    """`pictures` (n, H, W, c) as latents (n, 4, h, w) of `size` (h, w), cut to the shape of the video around their centre.

    Raises ValueError, in the name of the `node`, for the VAE of another kind of model.
    """
    if vae.latent_channels != LATENT_CHANNELS:
        raise ValueError(
            f"{node} got a VAE whose latents have {vae.latent_channels} channels, but the motion model needs "
            f"{LATENT_CHANNELS}. Connect the VAE of the SD1.5 checkpoint."
        )
    h, w = size
    ratio = vae.spacial_compression_encode()
    pixels = in_colour(pictures.movedim(-1, 1))
    grows = pixels.shape[2] < h * ratio or pixels.shape[3] < w * ratio
    pixels = cut_and_resized(pixels, h * ratio, w * ratio, "bicubic" if grows else "area")
    return vae.encode(pixels.clamp(0, 1).movedim(1, -1))
