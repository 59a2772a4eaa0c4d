"""How a run has gone so far, in numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """A run at a step."""

    step: int  # steps that are done
    steps: int  # that the run will have done in the end
    losses: list[float]  # the loss of each step
    measurements: list[tuple[int, float]]  # steps, and the loss on fixed clips relative to the untrained model
