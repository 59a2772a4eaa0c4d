"""The pictures of SparseCtrl as its network takes them: latents of photographs or pixels of sketches, and a mask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import comfy.latent_formats
import comfy.model_management
import torch

from ...motion.host import HostEncoder
from ...motion.sparsectrl import CHANNELS, Condition
from ..call.areas import Areas
from ..pictures.encoding import cut_and_resized, in_colour
from .window_rows import PictureRows

PIXELS = 8
"""Of a picture to one of its latent."""
CUT_WORTH_SAYING = 0.02
"""Share of a picture."""
MOST_HINT_BYTES = 1 << 29
"""Of prepared pictures that a run keeps; one size of video is kept in any case."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Preparing:
    """How the pictures of a control are prepared."""

    condition: Condition  # what the pictures are: "rgb" or "scribble"
    vae: HostEncoder | None  # None for sketches
    tell: Callable[[str], None]  # shows a sentence to the user

    @property
    def ratio(self) -> int:
        """Pixels of the condition to one of the latents."""
        return 1 if self.condition == "rgb" else PIXELS

    def prepare(self, pictures: torch.Tensor, size: Size) -> torch.Tensor:
        """`pictures` (n, c, H, W), 0 to 1, for latents of `size` (h, w): cut at the centre and resized."""
        height = PIXELS * size[0]
        width = PIXELS * size[1]
        self._tell_cut(pictures, height, width)
        pixels = resized(in_colour(pictures).float(), height, width)
        return pixels if self.condition == "scribble" else self._encoded(pixels, size)

    def _encoded(self, pixels: torch.Tensor, size: Size) -> torch.Tensor:
        """Latents (n, 4, h, w). The VAE may take the memory of the run's models, so they are loaded again."""
        listed = comfy.model_management.loaded_models(only_currently_used=True)
        loaded = [model for model in listed if model is not None]  # the host also lists models of which nothing is left
        assert self.vae is not None  # see check_vae
        latents = self.vae.encode(pixels.movedim(1, -1))
        comfy.model_management.load_models_gpu(loaded)
        if tuple(latents.shape[1:]) != (CHANNELS["rgb"], *size):
            raise ValueError(
                f"SparseCtrl takes latents of shape {[CHANNELS['rgb'], *size]}, but the VAE makes latents of shape "
                f"{list(latents.shape[1:])}. Connect the VAE of an SD1.5 checkpoint to Apply ControlNet."
            )
        scaled: torch.Tensor = comfy.latent_formats.SD15().process_in(latents.float())
        return scaled

    def _tell_cut(self, pictures: torch.Tensor, height: int, width: int) -> None:
        theirs = pictures.shape[3] / pictures.shape[2]
        ours = width / height
        share = 1 - min(theirs / ours, ours / theirs)
        if share > CUT_WORTH_SAYING:
            self.tell(
                f"SparseCtrl crops {share:.0%} off its pictures of {pictures.shape[3]} x {pictures.shape[2]}, because the "
                f"video is {width} x {height}."
            )


def resized(pictures: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """`pictures` (n, c, H, W), 0 to 1, cut at the centre to the shape of the video and resized smoothly."""
    if pictures.shape[2:] == (height, width):
        return pictures
    shrinks = pictures.shape[2] >= height and pictures.shape[3] >= width
    method = "area" if shrinks else "bicubic"
    return cut_and_resized(pictures, height, width, method).clamp(0, 1)  # bicubic overshoots


class PreparedPictures:
    """What was prepared in a run, by the size of the video; the oldest sizes are dropped beyond MOST_HINT_BYTES."""

    def __init__(self) -> None:
        self._by_size: dict[Size, torch.Tensor] = {}

    def at(self, size: Size, prepare: Callable[[], torch.Tensor]) -> torch.Tensor:
        if size not in self._by_size:
            self._by_size[size] = prepare()
            while len(self._by_size) > 1 and sum(each.nbytes for each in self._by_size.values()) > MOST_HINT_BYTES:
                del self._by_size[next(iter(self._by_size))]
        return self._by_size[size]


def hint_of(rows: Sequence[int | None], pictures: torch.Tensor) -> torch.Tensor:
    """The input (f, c + 1, H, W) of the network for one of `pictures` (n, c, H, W) at each of `rows`; the last channel is
    the mask. Frames without a picture are zeros, for photographs too, where an encoded black one would not be."""
    channels, height, width = pictures.shape[1:]
    hint = pictures.new_zeros(len(rows), channels + 1, height, width)
    for row, picture in enumerate(rows):
        if picture is not None:
            hint[row, :channels] = pictures[picture]
            hint[row, channels] = 1
    return hint


def hint_in(
    areas: Areas | None, size: Size, rows: PictureRows, pictures: torch.Tensor, ratio: int, videos: int
) -> torch.Tensor:
    """The same (v*f, c + 1, H, W) for latents of `size` (h, w): in each of `areas` its cut of whole pictures, without
    areas once for each of `videos`."""
    if areas is None:
        return hint_of(rows, pictures).repeat(videos, 1, 1, 1)
    h = ratio * size[0]
    w = ratio * size[1]
    cuts = [pictures[:, :, ratio * y : ratio * y + h, ratio * x : ratio * x + w] for y, x in areas.corners]
    return torch.cat([hint_of(rows, cut) for cut in cuts])
