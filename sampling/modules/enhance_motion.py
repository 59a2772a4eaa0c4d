"""Enhance Motion: Enhance-A-Video on the attentions of the motion modules of a MODEL."""

from dataclasses import dataclass

from ..call.moment import Curve


@dataclass(frozen=True)
class Enhance:
    """How the attentions over frames are enhanced."""

    temperature: float | Curve  # added to the number of frames (equation 5); 0: off
    start_percent: float = 0.0  # fraction of the run (0..1) at which it starts
    end_percent: float = 1.0  # and at which it ends
