"""Which motion models are on a MODEL, and how each of them acts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comfy.patcher_extension import WrappersMP

from ...motion.positions import REFUSE, PositionRule
from ..curves.curve import Curve

KEY = "kinema"
"""Names all that Kinema leaves on a MODEL: its wrappers, its additional models, its entry in transformer_options."""


@dataclass(frozen=True)
class Applied:
    """How one motion model acts: `strength` of its residual, the scale of its attentions' logits, and the part of the
    run (0..1) in which it acts.

    `match` (one of IMPLEMENTATIONS) says whose norm statistics to reproduce. `loras` are the motion LoRAs that have
    curves: their places among the MODEL's, and how strong each is.
    """

    strength: float | Curve = 1.0
    start_percent: float = 0.0
    end_percent: float = 1.0
    match: str = "authors"
    positions: PositionRule = REFUSE
    attention: float | Curve = 1.0
    loras: tuple[tuple[int, float | Curve], ...] = ()


def applied_to(patcher: Any, transformer_options: Mapping[str, Any]) -> list[tuple[Any, Applied]]:
    """The motion models (MOTION_MODEL) of a MODEL's `patcher`, in the order in which they act.

    They are looked up on the patcher in use and never captured, because the host deep-copies models for several GPUs.
    """
    if patcher is None:
        raise RuntimeError(
            "A model with motion was called outside a sampler of ComfyUI. Use it through a sampler node."
        )
    motions = patcher.get_additional_models_with_key(KEY)
    return [(motions[place], applied) for place, applied in transformer_options.get(KEY, ())]


def needs_motion(model: Any, name: str) -> Any:
    """A clone of `model` (MODEL) whose runs refuse to begin without a motion model, because the node `name` acts on it."""

    def outer_sample(executor: Any, *args: Any, **kwargs: Any) -> Any:
        if not executor.class_obj.model_options["transformer_options"].get(KEY):
            raise ValueError(
                f"{name} acts on the motion modules of a motion model, but the MODEL has none. Put Apply Motion Model "
                "before or after it."
            )
        return executor(*args, **kwargs)

    model = model.clone()
    model.remove_wrappers_with_key(WrappersMP.OUTER_SAMPLE, f"{KEY} {name}")
    model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, f"{KEY} {name}", outer_sample)
    return model
