"""Nodes of AnimateDiff-Evolved that the host, or Kinema, has under another name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .option_nodes import OptionNode
from .plan import APPROXIMATE, Made, Plan, Value


@dataclass(frozen=True)
class Twin:
    """The node that does the same under another name."""

    type: str  # its class
    names: Mapping[str, str] = field(default_factory=dict)  # its inputs: ADE's names; the others have the same name
    passes: Mapping[int, str] = field(default_factory=dict)  # outputs of ADE that only pass an input on
    slot: int = 0  # the first output of ADE that it makes
    fixed: Mapping[str, Value] = field(default_factory=dict)  # inputs that ADE does not have


GUARANTEE = "guarantee_steps has no equivalent in the keyframes of ComfyUI: the next keyframe may begin earlier."
HOOKS = {"hooks": "lora_hook"}
ALL = {"mask": "opt_mask", "hooks": "opt_lora_hook", "timesteps": "opt_timesteps"}
TWINS = {
    "ADE_EmptyLatentImageLarge": Twin("EmptyLatentImage"),
    "ADE_RegisterLoraHook": Twin("CreateHookLora", passes={0: "model", 1: "clip"}, slot=2),
    "ADE_RegisterLoraHookModelOnly": Twin("CreateHookLoraModelOnly", passes={0: "model"}, slot=1),
    "ADE_RegisterModelAsLoraHook": Twin("CreateHookModelAsLora", passes={0: "model", 1: "clip"}, slot=2),
    "ADE_RegisterModelAsLoraHookModelOnly": Twin("CreateHookModelAsLoraModelOnly", passes={0: "model"}, slot=1),
    "ADE_CombineLoraHooks": Twin("CombineHooks2", {f"hooks_{side}": f"lora_hook_{side}" for side in "AB"}),
    "ADE_CombineLoraHooksFour": Twin("CombineHooks4", {f"hooks_{side}": f"lora_hook_{side}" for side in "ABCD"}),
    "ADE_CombineLoraHooksEight": Twin("CombineHooks8", {f"hooks_{side}": f"lora_hook_{side}" for side in "ABCDEFGH"}),
    "ADE_SetLoraHookKeyframe": Twin("SetHookKeyframes", HOOKS),
    "ADE_AttachLoraHookToCLIP": Twin("SetClipHooks", HOOKS, fixed={"apply_to_conds": True}),
    "ADE_LoraHookKeyframe": Twin("CreateHookKeyframe", {"strength_mult": "strength_model"}),
    "ADE_LoraHookKeyframeInterpolation": Twin("CreateHookKeyframesInterpolated", {"keyframes_count": "intervals"}),
    "ADE_LoraHookKeyframeFromStrengthList": Twin(
        "CreateHookKeyframesFromFloats", {"floats_strength": "strengths_float"}
    ),
    "ADE_AttachLoraHookToConditioning": Twin("ConditioningSetProperties", {**HOOKS, "cond_NEW": "conditioning"}),
    "ADE_PairedConditioningSetMask": Twin(
        "PairConditioningSetProperties", {**ALL, "positive_NEW": "positive_ADD", "negative_NEW": "negative_ADD"}
    ),
    "ADE_ConditioningSetMask": Twin("ConditioningSetProperties", {**ALL, "cond_NEW": "cond_ADD"}),
    "ADE_PairedConditioningSetMaskAndCombine": Twin(
        "PairConditioningSetPropertiesAndCombine",
        {**ALL, "positive_NEW": "positive_ADD", "negative_NEW": "negative_ADD"},
    ),
    "ADE_ConditioningSetMaskAndCombine": Twin("ConditioningSetPropertiesAndCombine", {**ALL, "cond_NEW": "cond_ADD"}),
    "ADE_PairedConditioningSetUnmaskedAndCombine": Twin(
        "PairConditioningSetDefaultCombine", {"hooks": "opt_lora_hook"}
    ),
    "ADE_ConditioningSetUnmaskedAndCombine": Twin("ConditioningSetDefaultCombine", {"hooks": "opt_lora_hook"}),
    "ADE_PairedConditioningCombine": Twin("PairConditioningCombine"),
    "ADE_ConditioningCombine": Twin("ConditioningCombine", {"conditioning_1": "cond_A", "conditioning_2": "cond_B"}),
    "ADE_TimestepsConditioning": Twin("ConditioningTimestepsRange"),
    "ADE_AnimateDiffUnload": Twin("KinemaRemoveMotion"),
}


def make_twin(plan: Plan, option: OptionNode, twin: Twin) -> None:
    """Makes the twin of `option`, the origin of `plan`."""
    new = plan.make(twin.type, option.node, {})
    for name, target in new.definition.inputs.items():
        old = twin.names.get(name, name)
        value: Value | None = None
        if name in twin.fixed:
            value = twin.fixed[name]
        elif old in option.definition.widgets:
            value = option.value(old)
        elif old in option.definition.sockets:
            value = option.loose(old)
        if value is not None:
            new.inputs[name] = plan.fitted(value, target, option.node)
    new.mode = option.node.mode
    plan.outputs = {slot: option.link(name) for slot, name in twin.passes.items()}
    made = enumerate(new.definition.outputs)
    plan.outputs |= {
        twin.slot + number: Made(new, number) for number, _ in made if twin.slot + number not in plan.outputs
    }
    guarantee = "guarantee_steps" in option.definition.widgets and option.number("guarantee_steps") > 1
    if guarantee:
        plan.remark(APPROXIMATE, option.node, GUARANTEE, "Raise start_percent of the next keyframe.")
