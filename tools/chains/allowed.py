"""The chains whose results a redesign may change, each by a rule that says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .chain import Chain, Node

WINDOWS = ("ContextWindows", "MotionWindows")
APPLY = ("ApplyMotionModel", "AnimateDiff")


@dataclass(frozen=True)
class Rule:
    """A reason why results differ."""

    name: str  # short name of the change, for the report
    why: str  # a sentence for the report
    holds: Callable[[Chain], bool]  # whether a chain is one that may differ


def rule_for(chain: Chain) -> Rule | None:
    """The first rule that allows `chain` to differ."""
    return next((rule for rule in RULES if rule.holds(chain)), None)


def _has(chain: Chain, *ids: str) -> bool:
    return set(ids) <= set(chain.ids)


def _reschedules(chain: Chain) -> bool:
    return any(node.id in WINDOWS and node.get("freenoise", False) for node in chain.nodes)


def _is_before(chain: Chain, first: Callable[[Node], bool], second: Callable[[Node], bool]) -> bool:
    """Whether a node that `first` is true for comes before one that `second` is true for."""
    firsts = [place for place, node in enumerate(chain.nodes) if first(node)]
    seconds = [place for place, node in enumerate(chain.nodes) if second(node)]
    return bool(firsts and seconds) and firsts[0] < seconds[-1]


def _has_masked_motion(chain: Chain) -> bool:
    """Whether a curve over the picture says how the modules of a motion model act."""
    acting = [node for node in chain.nodes if node.id in (*APPLY, "EnhanceMotion", "MotionGuidance")]
    return any(within.id == "CurveFromMask" for node in acting for within in node.within())


RULES = (
    Rule(
        "B1",
        "FreeNoise of windows and Animation Noise acted in the order of their nodes, and FreeNoise could be lost.",
        lambda chain: _reschedules(chain) and _has(chain, "AnimationNoise"),
    ),
    Rule(
        "B3",
        "Text2Video-Zero before Inject Image was refused, although the other order was not.",
        lambda chain: _has(chain, "Text2VideoZero", "InjectImage"),
    ),
    Rule(
        "B6",
        "Two Motion Guidance nodes added up, although with all other guidance, the later node replaces the earlier one.",
        lambda chain: chain.ids.count("MotionGuidance") > 1,
    ),
    Rule(
        "schedule first",
        "The schedule of a Noise Schedule node before Apply Motion Model was replaced by that of the motion model.",
        lambda chain: _is_before(chain, lambda node: node.id == "NoiseSchedule", lambda node: node.id in APPLY),
    ),
    Rule(
        "areas at once",
        "Several windows at once, a regional prompt and a curve over the picture for the motion failed in combination.",
        lambda chain: (
            chain.conds in ("area", "mask bounds")
            and _has_masked_motion(chain)
            and any(node.id == "ContextWindows" and node.get("windows_at_once", 1) > 1 for node in chain.nodes)
        ),
    ),
    Rule(
        "PAG last",
        "Motion Guidance was added before PAG if its node came before Animation Guidance, otherwise after PAG.",
        lambda chain: _is_before(
            chain,
            lambda node: node.id == "MotionGuidance",
            lambda node: node.id == "AnimationGuidance" and node.get("pag", 0) != 0,
        ),
    ),
    Rule(
        "first frame first",
        "Window Reference before First-Frame Attention used the strength of the first frame for all frames.",
        lambda chain: _is_before(
            chain,
            lambda node: node.id == "WindowReference",
            lambda node: node.id in ("FirstFrameAttention", "Text2VideoZero"),
        ),
    ),
)
