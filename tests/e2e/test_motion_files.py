"""Motion LoRA, merge, save and load again, through the real server."""

import tiny

from tools.workflow import animation

from .conftest import APPLY, JOB, LOADER
from .motion_files import LORA, make_lora, pixels


def test_lora_merge_save_and_load(comfy, client):
    make_lora(comfy)
    prompt = animation(JOB)
    prompt["20"] = {
        "class_type": "KinemaLoadMotionLora",
        "inputs": {"motion_model": [LOADER, 0], "lora": LORA, "strength": 0.5},
    }
    prompt["21"] = {
        "class_type": "KinemaMergeMotionModels",
        "inputs": {"first": [LOADER, 0], "second": ["20", 0], "down": 1.0, "mid": 1.0, "up": 1.0},
    }
    prompt["22"] = {
        "class_type": "KinemaSaveMotionModel",
        "inputs": {"motion_model": ["21", 0], "filename": "baked/zoomed", "bake_loras": True},
    }
    prompt[APPLY]["inputs"]["motion_model"] = ["22", 0]
    merged = comfy.path(client.run(prompt).outputs["11"][0])
    again = animation(JOB)
    again[LOADER]["inputs"]["motion_model"] = "baked/zoomed.safetensors"
    saved = comfy.path(client.run(again).outputs["11"][0])
    plain = comfy.path(client.run(animation(JOB)).outputs["11"][0])
    pictures = [pixels(file) for file in (merged, saved, plain)]
    assert abs(pictures[0] - pictures[1]).max() <= 2  # rounding of a merge in fp32
    assert abs(pictures[0] - pictures[2]).mean() > 1


def test_a_file_that_could_be_v1_or_v3_says_so_on_the_node(comfy, client):
    file = "longer.safetensors"
    tiny.save(tiny.motion_weights(positions=48), comfy.base / "models" / "animatediff_models" / file)
    load = {"class_type": "KinemaLoadMotionModel", "inputs": {"motion_model": file}}
    kept = {"motion_model": ["1", 0], "filename": "kept", "bake_loras": True}
    prompt = {"1": load, "2": {"class_type": "KinemaSaveMotionModel", "inputs": kept}}
    said = client.run(prompt).said
    assert list(said) == ["1"]
    assert said["1"].startswith(
        "AnimateDiff v3 for SD1.5, trained with 16 frames. Usual settings: 25 steps, euler, normal, cfg 7.5."
    )
    assert f'"{file}": it could be AnimateDiff v1 or v3' in said["1"]
    assert said["1"].endswith('set kind of Load Motion Model to "AnimateDiff v1".')
    load["inputs"]["kind"] = "AnimateDiff v1"
    assert client.run(prompt).said["1"].startswith("AnimateDiff v1 for SD1.5, trained with 16 frames.")
