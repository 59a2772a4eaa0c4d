"""Files in place of those that guide: models with random numbers in the miniature's shape, and pictures of its world. With
the models a template runs; what it makes shows nothing."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageFilter, ImageOps
from safetensors.torch import load_file, save_file

from kinema.miniature import models

from .. import tiny_controls
from ..miniature import world
from .guided import LAST, PICTURE, SKETCH

PIA, CAMERA = "random_pia.safetensors", "random_cameractrl.safetensors"
SCRIBBLE = "random_sparsectrl_scribble.safetensors"
WIDTHS = (models.UNET_CONFIG["model_channels"],) * 4
CLIP_SEED, CLIP_FRAMES = 45, 20  # a red fish swims right in a coral reef
MOMENTS = {PICTURE: 5, LAST: 15}  # frames of that clip
SIDE = 256  # pixels


def place(base: Path) -> None:
    """Puts all into the folders of a server whose base directory is `base`."""
    motion = base / "models" / "animatediff_models"
    controls = base / "models" / "controlnet"
    pictures = base / "input"
    for folder in (motion, controls, pictures):
        folder.mkdir(parents=True, exist_ok=True)
    first_layer = {
        key: weight for key, weight in tiny_controls.pia(widths=WIDTHS).items() if key.startswith("conv_in.")
    }
    save_file(load_file(models.FOLDER / models.MOTION) | first_layer, motion / PIA)
    save_file(tiny_controls.camera_ctrl(widths=WIDTHS), motion / CAMERA)
    context = models.UNET_CONFIG["context_dim"]
    save_file(tiny_controls.sparse_ctrl("scribble", widths=WIDTHS, context=context), controls / SCRIBBLE)
    frames, _ = world.clip(CLIP_SEED, CLIP_FRAMES, across=True)
    for name, moment in MOMENTS.items():
        Image.fromarray(frames[moment]).resize((SIDE, SIDE)).save(pictures / name)
    _sketch(Image.fromarray(frames[MOMENTS[PICTURE]])).resize((SIDE, SIDE)).save(pictures / SKETCH)


def _sketch(picture: Image.Image) -> Image.Image:
    """The edges in `picture` as dark lines on white."""
    edges = picture.filter(ImageFilter.FIND_EDGES).convert("L").crop((1, 1, picture.width - 1, picture.height - 1))
    return ImageOps.invert(edges.point(lambda value: 255 if value > 30 else 0).filter(ImageFilter.MaxFilter(3)))
