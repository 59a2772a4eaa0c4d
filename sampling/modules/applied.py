"""How a motion model on a MODEL acts."""

from dataclasses import dataclass

from ...motion.positions import REFUSE, PositionRule
from ..call.moment import Curve
from ..camera.camera import Camera
from ..pictures.animated_picture import AnimatedPicture


@dataclass(frozen=True)
class Applied:
    """One motion model on a MODEL."""

    strength: float | Curve = 1.0  # of what its motion modules add
    start_percent: float = 0.0  # fraction of the run (0..1) at which it starts to act
    end_percent: float = 1.0  # and at which it stops
    match: str = "authors"  # whose norm statistics to reproduce, one of IMPLEMENTATIONS
    positions: PositionRule = REFUSE  # which rows of its position table the frames get
    attention: float | Curve = 1.0  # scale of the logits of its attentions
    place: int = 0  # which of the MODEL's motion models it is
    loras: tuple[tuple[int, float | Curve], ...] = ()  # motion LoRAs with curves: place among the MODEL's, and strength
    picture: AnimatedPicture | None = None  # what it animates, if it is a motion model for pictures
    camera: Camera | None = None  # which it follows
