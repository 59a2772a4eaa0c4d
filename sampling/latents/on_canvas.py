"""Pictures on the canvas of a video, with the mask of where they lie."""

from dataclasses import dataclass

import comfy.utils
import torch
import torch.nn.functional as F

from ..pictures.encoding import cut_and_resized

GREY = 0.5


@dataclass(frozen=True, eq=False)
class OnCanvas:
    """Pictures with a mask, scaled to cover the canvas or in their own size at a place on it."""

    pictures: torch.Tensor  # (n, c, H, W)
    mask: torch.Tensor | None = None  # (m, H, W), 0..1, in any size; 1: the picture is seen; None: all of it is
    fit: bool = True  # whether both are scaled to cover the canvas, cut at their edges
    x: int = 0  # from the left edge of the canvas to that of the picture, where it does not fit; may be negative
    y: int = 0  # from the top edge of the canvas to that of the picture, likewise

    @property
    def count(self) -> int:
        return max(len(self.pictures), 0 if self.mask is None else len(self.mask))

    def on(self, height: int, width: int, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The first `rows` pictures on a canvas, (rows, c, height, width), and where they lie, (rows, 1, height, width)."""
        masked = comfy.utils.repeat_to_batch_size(self._with_mask(), rows)
        size = (height, width)
        masked = cut_and_resized(masked, *size, "bicubic") if self.fit else self._at_corner(masked, *size)
        return masked[:, :-1], masked[:, -1:].clamp(0, 1)

    def _with_mask(self) -> torch.Tensor:
        """The pictures with the mask as their last channel."""
        pictures = comfy.utils.repeat_to_batch_size(self.pictures.float(), self.count)
        if self.mask is None:
            return torch.cat([pictures, torch.ones_like(pictures[:, :1])], 1)
        mask = self.mask.float().reshape(-1, 1, *self.mask.shape[-2:])
        mask = F.interpolate(mask, size=pictures.shape[-2:], mode="bilinear")
        return torch.cat([pictures, comfy.utils.repeat_to_batch_size(mask, self.count).to(pictures)], 1)

    def _at_corner(self, masked: torch.Tensor, height: int, width: int) -> torch.Tensor:
        h, w = masked.shape[-2:]
        if not (-w < self.x < width and -h < self.y < height):
            raise ValueError(
                f"A picture of {w} x {h} at x {self.x}, y {self.y} is outside the video, which is {width} x {height}. "
                "Move it with x and y, or turn on fit."
            )
        before = (self.x, width - self.x - w, self.y, height - self.y - h)  # negative ones cut
        canvas = F.pad(masked, before, value=0.0)
        outside = F.pad(torch.zeros_like(masked[:, :1]), before, value=1.0)
        colour = canvas[:, :-1] + GREY * outside  # the VAE sees the border, the mask hides it
        return torch.cat([colour, canvas[:, -1:]], 1)
