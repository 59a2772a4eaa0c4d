"""What there is to measure about an animation, and one measurement of it as numbers, curves and JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One thing that is measured."""

    name: str  # key of its curve, in workflows and tables
    title: str  # its name in plots
    unit: str  # of its values
    better: str  # "higher" or "lower"; empty: neither is better
    between: bool  # whether its curve has a point between two frames, not at each
    meaning: str  # one or two sentences for the help page


METRICS = (
    Metric(
        "smoothness", "Smoothness", "cosine x 100", "higher", True,
        "Mean CLIP similarity of consecutive frames, as in the AnimateDiff paper: 100 for a still image. Requires "
        "clip_vision.",
    ),
    Metric(
        "text_similarity", "Text", "cosine x 100", "higher", False,
        "CLIP similarity between the frames and the prompt. Compare only values that were computed with the same CLIP "
        "models. Requires clip_vision and clip.",
    ),
    Metric(
        "domain_similarity", "Domain", "cosine x 100", "higher", False,
        "How well the frames keep the look of the image model: the CLIP similarity between the frames and the "
        "reference images, 100 if they are identical. Requires clip_vision and reference.",
    ),
    Metric(
        "flicker", "Flicker", "% of the value range", "lower", True,
        "Change from frame to frame that motion does not explain, as a percentage of the value range: 0 for a "
        "still image, about 1 or less for a video without visible flicker.",
    ),
    Metric(
        "motion", "Motion", "% of the shorter side per frame", "", True,
        "How far the content of the picture moves per frame, as a percentage of the picture's shorter side. "
        "Unreliable if flicker is high, because motion cannot be tracked then.",
    ),
    Metric(
        "neighbour_difference", "Difference", "% of the value range", "", True,
        "How much consecutive frames differ because of motion and flicker together, as a percentage of the value "
        "range: 0 for a still image.",
    ),
    Metric(
        "seam", "Seam", "x the median step", "lower", True,
        "Difference between the last frame and the first, as a multiple of the median difference between "
        "neighbouring frames: 1 for a seamless loop.",
    ),
)  # fmt: skip

LOOPS = 4.0
"""The seam of a loop at most. Of an animation that does not loop it says nothing, and is many times as large."""


def _better(metric: Metric) -> str:
    return f" ({metric.better} is better)" if metric.better else ""


@dataclass(frozen=True)
class Measurement:
    """What was measured of an animation."""

    frames: int  # of the animation
    curves: Mapping[str, Sequence[float]]  # of each metric that was measured, by its name

    def value(self, name: str) -> float:
        """The one number of a metric: its curve's mean, for the seam its last point; NaN when it was not measured."""
        curve = self.curves.get(name)
        if curve is None:
            return math.nan
        return curve[-1] if name == "seam" else sum(curve) / len(curve)

    def shows(self, name: str) -> bool:
        """Whether a metric says something of the animation: that it was measured, and for the seam that there is a loop."""
        return name in self.curves and (name != "seam" or self.value(name) <= LOOPS)

    @property
    def sentence(self) -> str:
        """The numbers in one line, for people."""
        shown = (
            f"{metric.title} {self.value(metric.name):.2f}{_better(metric)}"
            for metric in METRICS
            if self.shows(metric.name)
        )
        return f"{', '.join(shown)}."

    def to_json(self) -> str:
        values = {name: round(self.value(name), 4) for name in self.curves}
        curves = {name: [round(point, 4) for point in curve] for name, curve in self.curves.items()}
        return json.dumps({"frames": self.frames, "values": values, "curves": curves})

    @classmethod
    def from_json(cls, text: str) -> "Measurement":
        """What `to_json` wrote. Raises ValueError for any other text."""
        try:
            content = json.loads(text)
            curves = {name: [float(point) for point in curve] for name, curve in content["curves"].items()}
            if not all(curves.values()):
                raise ValueError("empty curve")
            return cls(int(content["frames"]), curves)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            shown = text if len(text) <= 40 else text[:40] + "..."
            raise ValueError(
                f'"{shown}" is not a result of Animation Metrics. Connect its metrics output, or text saved from it.'
            ) from error
