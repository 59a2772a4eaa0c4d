"""The picture that a motion model animates, as the node asks for it."""

from dataclasses import dataclass

import torch

from ...motion.host import HostMotion, HostVAE
from ...motion.load import FILE
from ...motion.picture_parts import PICTURE_ATTACHMENT
from ..call.moment import Curve
from .affinity import DEFAULT_MOTION

TRAINED_DRIFT = 0.8
"""What the authors of AnimateLCM-I2V recommend for one picture."""


@dataclass(frozen=True, eq=False)
class AnimatedPicture:
    """One picture, or several of one size. Where and how they act depends on the motion model: PIA's places them on frames,
    AnimateLCM-I2V's gives one to all frames or one to each."""

    pictures: torch.Tensor  # (n, H, W, 3 or more), 0 to 1
    vae: HostVAE  # which encodes them
    strength: float | Curve = 1.0  # of what they add
    motion: str = DEFAULT_MOTION  # PIA: which of MOTION_AMOUNTS
    frame: int = 0  # PIA: where a single picture is; a negative number counts from the end
    affinity: float | Curve | None = None  # PIA: how much frames resemble the picture, in place of `motion`
    drift: float = TRAINED_DRIFT  # AnimateLCM-I2V: how far a single picture changes over the frames
    latents: torch.Tensor | None = None  # (n, 4, h, w) in a run that they act in, scaled as the UNet's input is

    @property
    def count(self) -> int:
        return len(self.pictures)

    @property
    def acts(self) -> bool:
        return isinstance(self.strength, Curve) or self.strength != 0


def animating(motion: HostMotion, picture: AnimatedPicture) -> HostMotion:
    """A clone of `motion` (MOTION_MODEL) that animates `picture`, in place of another one; `motion` stays as it is.

    Raises ValueError without a picture, for a motion model without an input for pictures, and for curves over blocks where
    it has none.
    """
    spec = motion.model.spec
    if not picture.count:
        raise ValueError("Animate Picture got 0 pictures, but needs 1 or more. Connect a picture to image.")
    if spec.picture == "none":
        raise ValueError(
            f'"{motion.get_attachment(FILE)}" is {spec.family.label} and has no picture input. Use Animate Picture with PIA '
            "or AnimateLCM-I2V. AnimateDiff v3 takes pictures through Load SparseCtrl; Inject Image works with any model."
        )
    curves = (picture.strength, picture.affinity)
    if spec.picture == "mask+picture" and any(isinstance(one, Curve) and one.over_blocks for one in curves):
        raise ValueError(
            f"A curve over blocks is connected to Animate Picture, but {spec.family.label} takes the picture only in the "
            "first layer of the UNet. Connect a curve over frames, steps or the picture."
        )
    animated = motion.clone()
    animated.set_attachments(PICTURE_ATTACHMENT, picture)
    return animated
