"""The nodes that the converter knows are those of the pack, and its rules only use inputs that they have."""

import asyncio

import pytest

import kinema
from kinema.convert.definitions.node_definitions import evolved_nodes, target_nodes
from kinema.convert.definitions.widget_values import named_values
from kinema.convert.rules.beta_schedules import SCHEDULES
from kinema.convert.rules.motion_settings import PARTS
from kinema.convert.rules.twins import TWINS
from tools.help.converter import CONVERTER_NODES, converter_text


def test_kinemas_nodes_are_those_of_their_schemas() -> None:
    async def schemas() -> list[object]:
        extension = await kinema.comfy_entrypoint()
        await extension.on_load()
        return [node.define_schema() for node in await extension.get_node_list()]

    found = sorted(asyncio.run(schemas()), key=lambda schema: str(schema.node_id))  # type: ignore[attr-defined]
    assert CONVERTER_NODES.read_text(encoding="utf-8") == converter_text(found), "run python3 dev.py docs"


def test_all_classes_of_ade_are_known() -> None:
    assert len(evolved_nodes()) == 145


def test_twins_have_the_inputs_that_they_are_given() -> None:
    for name, twin in TWINS.items():
        old, new = evolved_nodes()[name], target_nodes()[twin.type]
        assert twin.names.keys() | twin.fixed.keys() <= new.inputs.keys()
        assert set(twin.names.values()) | set(twin.passes.values()) <= old.widgets.keys() | old.sockets.keys()


def test_named_schedules_and_parts_are_options() -> None:
    apply = target_nodes()["KinemaApplyMotionModel"].inputs["noise_schedule"].options
    schedule = target_nodes()["KinemaNoiseSchedule"].inputs["schedule"].options
    parts = target_nodes()["KinemaAdjustMotionModel"].inputs["weights"].options
    assert apply is not None and schedule is not None and parts is not None
    assert {entry.named for entry in SCHEDULES.values() if entry.named} <= {*apply}
    assert {entry.inputs["schedule"] for entry in SCHEDULES.values()} <= {*schedule}
    assert PARTS.keys() == {*parts}


@pytest.mark.parametrize(
    ("kind", "stored", "expected"),
    [
        ("ADE_AnimateDiffSamplingSettings", [0, "empty", "comfy", 3, 7], {"seed_offset": 3}),
        ("ADE_AnimateDiffSamplingSettings", [0, "empty", "comfy", 3, 7, True, ""], {"adapt_denoise_steps": True}),
        ("ADE_AnimateDiffSamplingSettings", [0, "empty", "comfy", 3, True], {"adapt_denoise_steps": True}),
        ("ADE_AnimateDiffCombine", [8, 0, True, "name"], {"save_image": True, "filename_prefix": "name"}),
        (
            "ADE_PromptSchedulingLatents",
            ["0: a", "", "", False, "slerp"],
            {"prompts": "0: a", "tensor_interp": "slerp"},
        ),
        ("ADE_PromptSchedulingLatents", ["", False, "lerp"], {"prompts": "", "tensor_interp": "lerp"}),
        ("AnimateDiffLoaderV1", ["mm.ckpt"], {"model_name": "mm.ckpt"}),
        ("ADE_AnimateDiffLoRALoader", {"lora_name": "zoom.ckpt"}, {"name": "zoom.ckpt"}),
        ("ADE_AnimateDiffSettings", [""], {}),
        ("ADE_AnimateDiffSettings", None, {}),
        ("ADE_AnimateDiffSettings", "nonsense", {}),
    ],
)
def test_values_by_name(kind: str, stored: object, expected: dict[str, object]) -> None:
    found = named_values(evolved_nodes()[kind], stored)
    assert found | expected == found and found.keys() <= evolved_nodes()[kind].widgets.keys()
