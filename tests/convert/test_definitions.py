"""The nodes that the converter knows are those of the pack, and its rules only use inputs that they have."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from kinema.convert.definitions.node_definitions import evolved_nodes, target_nodes
from kinema.convert.definitions.widget_values import named_values
from kinema.convert.rules.beta_schedules import SCHEDULES
from kinema.convert.rules.motion_settings import WEIGHT_WIDGETS
from kinema.convert.rules.twins import TWINS
from tools.environment import REPOSITORY


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
    assert WEIGHT_WIDGETS.keys() == {*parts}


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


def test_the_converter_needs_no_host_and_no_files() -> None:
    """It imports the standard library and itself; only its room for files opens some, with what comes with ComfyUI."""
    room = REPOSITORY / "convert"
    for file in room.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
        foreign = {name.split(".")[0] for name in names} - sys.stdlib_module_names
        assert foreign <= ({"PIL", "av"} if file.parent.name == "files" else set()), f"{file} imports {foreign}"


def test_the_command_works_without_the_pack_being_imported(tmp_path: Path) -> None:
    """As in a registry install: `python -m convert` in the pack's folder."""
    (tmp_path / "a.json").write_text('{"nodes": [], "links": []}', encoding="utf-8")
    command = [sys.executable, "-m", "convert", str(tmp_path / "a.json")]
    shown = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert shown.strip().endswith("a.json: nothing to convert")
