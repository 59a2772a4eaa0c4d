"""Generated workflows: every sink with every kind of option, in all layouts, wired in all ways, in all modes, and sinks
one behind the other. Whatever comes out can be opened, and nothing else changed."""

from collections.abc import Callable
from typing import Any

import pytest
from evolved_graphs import inside
from generated_workflows import Maker

from kinema.convert import convert
from kinema.convert.definitions.node_definitions import evolved_nodes, target_nodes
from kinema.convert.report import NOT_CONVERTED, RANKS
from kinema.convert.rules.option_nodes import OptionNode
from kinema.convert.rules.plan import SAID
from tools.conversions.validity import evolved_types, problems

UNREAD = {  # what the rules may overlook, because it has no effect on the result, or because all of it is left out, said
    "adapt_denoise_steps": "dead in ADE",
    "unlimited_area_hack": "only memory",
    "context_schedule": "ignored by ADE",
    "guarantee_steps": "of a context that only has views",
    "print_adjustment": "only prints",
    "print_keyframes": "only prints",
    "print_schedule": "only prints",
    "print_values": "only prints",
    "intervals": "how finely ADE cuts a way that is smooth here, said",
    "iter_batch_offset": "fresh noise, said",
    "iter_seed_offset": "fresh noise, said",
}
UNREAD_OF = {  # the same, of single classes
    "ADE_StandardStaticContextOptions": ["use_on_equal_length"],  # changes nothing there
    "ADE_StandardUniformContextOptions": ["use_on_equal_length"],
    "ADE_ValueScheduling": ["max_length"],  # a curve has no length
    "ADE_ValueSchedulingLatents": ["latent"],
    "ADE_VisualizeContextOptionsK": ["sampler_name", "denoise"],  # a picture of another kind, said
    "ADE_VisualizeContextOptionsKAdv": ["sampler_name", "start_step", "end_step"],
}
LEFT_OUT = frozenset(
    [
        *(
            "ADE_AncestralOptions",
            "ADE_ConditionExtraction",
            "ADE_ValuesReplace",
            "ADE_ContextExtras_ContextRef_ModeIndexes",
        ),
        *("ADE_ContextExtras_ContextRef_ModeSliding", "ADE_ContextExtras_ContextRef_TuneAttn"),
        *("ADE_ContextExtras_ContextRef_TuneAttnAdain", "ADE_ContextExtras_ContextRef_KeyframeFromList"),
        *("ADE_ContextExtras_NaiveReuse_KeyframeFromList", "ADE_CustomCFGKeyframeFromList", "ADE_LoadCameraPoses"),
        *("ADE_LoadCameraPosesFromPath", "ADE_ReplaceCameraParameters", "ADE_ReplaceOriginalPoseAspectRatio"),
        *("ADE_FloatToFloats", "ADE_LoraHookKeyframeFromStrengthList", "ADE_UpscaleAndVAEEncode"),
    ]
)
"""Classes that the report names as left out or refuses, and one that only passes on."""

FORMS: dict[str, Callable[[Maker], dict[str, Any]]] = {
    "canvas": Maker.workflow,
    "prompt": Maker.prompt,
    "subgraph": lambda maker: inside(maker.workflow()),
}


@pytest.mark.parametrize("form", FORMS)
def test_generated_workflows(form: str) -> None:
    results = dict.fromkeys(RANKS, 0)
    for seed, wanted in enumerate(sorted(evolved_nodes())):
        before = FORMS[form](Maker(seed, wanted))
        accept, core = seed % 2 == 0, seed % 3 == 0
        conversion = convert(before, accept, core)
        found = problems(before, conversion.workflow, target_nodes())
        assert not found, f"{wanted}: {found[:3]}"
        again = convert(conversion.workflow, accept, core)
        assert again.workflow is conversion.workflow, f"{wanted}: {again.report.text()}"
        units = conversion.report.units
        left = evolved_types(conversion.workflow)
        assert not left or any(unit.result == NOT_CONVERTED for unit in units), f"{wanted}: {left}"
        for unit in units:
            results[unit.result] += 1
            assert unit.refusal or unit.result != NOT_CONVERTED or unit.can_be_accepted
            assert all(remark.nearer or remark.level == SAID for remark in unit.remarks), unit.remarks
    assert min(results.values()) > 5, results


def test_every_value_and_socket_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing is lost in silence: what no rule reads is in the lists above, with the reason."""
    read: set[tuple[str, str]] = set()
    plain = OptionNode._socket

    def recorded(option: OptionNode, name: str) -> Any:
        read.add((option.type, name))
        return plain(option, name)

    monkeypatch.setattr(OptionNode, "_socket", recorded)
    for wanted in sorted(evolved_nodes().keys() - LEFT_OUT):
        for seed in range(3):
            convert(Maker(seed, wanted, is_plain=True).workflow(), accept=True)
    unread = {
        (kind, name)
        for kind, definition in evolved_nodes().items()
        for name in (*definition.widgets, *definition.sockets)
        if kind not in LEFT_OUT and name not in UNREAD and name not in UNREAD_OF.get(kind, ())
    } - read
    assert sorted(unread) == []
