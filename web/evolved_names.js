// People who type what AnimateDiff-Evolved calls a node find the node of ComfyUI that does the same. Kinema's own nodes have
// such names in their schemas (nodes/inputs/evolved_names.py).

import { app } from "../../scripts/app.js";

const EVOLVED_NAMES = {
    EmptyLatentImage: ["empty latent image big batch"],
    CreateVideo: ["animatediff combine"],
    SaveAnimatedWEBP: ["animatediff combine"],
    CreateHookLora: ["register lora hook"],
    CreateHookLoraModelOnly: ["register lora hook model only"],
    CreateHookModelAsLora: ["register model as lora hook"],
    CreateHookModelAsLoraModelOnly: ["register model as lora hook mo"],
    CombineHooks2: ["combine lora hooks 2"],
    CombineHooks4: ["combine lora hooks 4"],
    CombineHooks8: ["combine lora hooks 8"],
    SetHookKeyframes: ["set lora hook keyframes"],
    CreateHookKeyframe: ["lora hook keyframe"],
    CreateHookKeyframesInterpolated: ["lora hook keyframes interp"],
    CreateHookKeyframesFromFloats: ["lora hook keyframes from list"],
    SetClipHooks: ["set clip lora hook"],
    ConditioningSetProperties: ["set model lora hook", "set props on cond"],
    ConditioningSetPropertiesAndCombine: ["set props and combine cond"],
    PairConditioningSetProperties: ["set props on conds"],
    PairConditioningSetPropertiesAndCombine: ["set props and combine conds"],
    ConditioningSetDefaultCombine: ["set unmasked cond"],
    PairConditioningSetDefaultCombine: ["set unmasked conds"],
    ConditioningCombine: ["manual combine cond"],
    PairConditioningCombine: ["manual combine conds"],
    ConditioningTimestepsRange: ["timesteps conditioning"],
};

app.registerExtension({
    name: "kinema.evolvedNames",

    addCustomNodeDefs(definitions) {
        for (const [kind, names] of Object.entries(EVOLVED_NAMES)) {
            const definition = definitions[kind];
            if (definition) definition.search_aliases = [...(definition.search_aliases ?? []), ...names];
        }
    },
});
