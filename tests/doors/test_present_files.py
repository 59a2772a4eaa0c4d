"""Files that are here under another name."""

from typing import Any

import pytest
from evolved_graphs import Sketch

from kinema.convert import convert
from kinema.doors.present_files import missing_files, with_present_files

HERE = {"animatediff_models": ["sub/v3_MM.safetensors"], "animatediff_motion_lora": ["pan.ckpt"]}


def workflow(motion_model: Any, lora: Any) -> Sketch:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    loras = sketch.add("ADE_AnimateDiffLoRALoader", lora, 1.0)
    gen1 = sketch.add("ADE_AnimateDiffLoaderGen1", motion_model, "autoselect", model=checkpoint, motion_lora=loras)
    sketch.sample(gen1, checkpoint)
    return sketch


@pytest.mark.parametrize("is_prompt", [False, True])
def test_a_file_elsewhere_is_taken(is_prompt: bool) -> None:
    drawn = workflow("old\\v3_mm.ckpt", "pan.ckpt")
    conversion = convert(drawn.api() if is_prompt else drawn.ui())
    before = str(conversion.workflow)
    resolved = with_present_files(conversion.workflow, lambda folder: HERE.get(folder, []))
    assert resolved.said == ("old\\v3_mm.ckpt was not found; sub/v3_MM.safetensors is used instead.",)
    assert "old" not in str(resolved.workflow) and "sub/v3_MM.safetensors" in str(resolved.workflow)
    assert str(conversion.workflow) == before
    assert not missing_files(conversion.report.files, lambda folder: HERE.get(folder, []))


def test_a_file_that_is_nowhere_stays_and_is_missing() -> None:
    conversion = convert(workflow("v2.ckpt", "pan.ckpt").ui())
    resolved = with_present_files(conversion.workflow, lambda folder: HERE.get(folder, []))
    assert resolved.workflow == conversion.workflow
    assert not resolved.said
    (missing,) = missing_files(conversion.report.files, lambda folder: HERE.get(folder, []))
    assert (missing.name, missing.folder) == ("v2.ckpt", "animatediff_models")
