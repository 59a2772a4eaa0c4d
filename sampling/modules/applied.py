"""How a motion model on a MODEL acts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...motion.host import HostGuider, HostMotion
from ...motion.positions import REFUSE, PositionRule
from ..call.moment import Curve
from ..camera.camera import Camera
from ..pictures.animated_picture import AnimatedPicture
from ..pictures.encoding import with_latents


@dataclass(frozen=True)
class Applied:
    """One motion model on a MODEL."""

    strength: float | Curve = 1.0  # of what its motion modules add
    start_percent: float = 0.0  # fraction of the run (0..1) at which it starts to act
    end_percent: float = 1.0  # and at which it stops
    match: str = "authors"  # whose norm statistics to reproduce, one of IMPLEMENTATIONS
    positions: PositionRule = REFUSE  # which rows of its position table the frames get
    attention: float | Curve = 1.0  # scale of the logits of its attentions
    index: int = 0  # of the motion model among the MODEL's
    loras: tuple[tuple[int, float | Curve], ...] = ()  # motion LoRAs with curves: index among the MODEL's, and strength
    picture: AnimatedPicture | None = None  # what it animates, if it is a motion model for pictures
    camera: Camera | None = None  # which it follows


def encoded(how: Applied, models: Sequence[HostMotion], guider: HostGuider, shape: Sequence[int]) -> Applied:
    """`how` with the latents of its picture, if it has one, for a run of the host's `guider` with latents of `shape`
    (f, c, h, w). `models` are the motion models of the MODEL. Raises ValueError as `with_latents`."""
    if how.picture is None:
        return how
    return replace(how, picture=with_latents(how.picture, models[how.index].model.spec, guider, shape))
