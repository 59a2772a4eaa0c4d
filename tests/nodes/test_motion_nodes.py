import shutil
from dataclasses import replace
from pathlib import Path

import folder_paths
import loras
import pytest
import safetensors.torch
import tiny
import torch

from kinema.motion.merge import check_same_modules
from kinema.nodes.animatediff import AnimateDiffNode
from kinema.nodes.apply_motion_model import ApplyMotionModelNode
from kinema.nodes.inputs import motion_files as motion_files_module
from kinema.nodes.inputs.motion_files import (
    EXTENSIONS,
    FOLDERS,
    LORA_FOLDER,
    MINIATURE_SETTINGS,
    MODEL_FOLDER,
    lora_files,
    motion_files,
    path_of,
    register_folders,
)
from kinema.nodes.load_miniature import LoadMiniatureNode
from kinema.nodes.load_motion_lora import LoadMotionLoraNode
from kinema.nodes.load_motion_model import LoadMotionModelNode
from kinema.nodes.merge_motion_models import MergeMotionModelsNode
from kinema.nodes.noise_schedule import NoiseScheduleNode
from kinema.nodes.save_motion_model import SaveMotionModelNode

APPLY = {
    "strength": 1.0, "noise_schedule": "automatic", "start_percent": 0.0, "end_percent": 1.0, "match": "authors",
    "beyond_table": "refuse", "position_offset": 0,
}  # fmt: skip


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A models folder of its own, registered as the extension does it."""
    monkeypatch.setattr(folder_paths, "models_dir", str(tmp_path))
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", dict(folder_paths.folder_names_and_paths))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    for folder in FOLDERS:
        folder_paths.folder_names_and_paths.pop(folder, None)
        (tmp_path / folder).mkdir()
    register_folders()
    return tmp_path


def sample(model, frames=4):
    return tiny.sample(model, frames, steps=1, cfg=1.0)


def test_only_model_files_are_listed(models):
    for name in ("a.safetensors", "b.ckpt", "notes.txt", "picture.png"):
        (models / MODEL_FOLDER / name).write_text("x")
    assert motion_files() == ["a.safetensors", "b.ckpt", "miniature_mm.safetensors"]
    assert folder_paths.folder_names_and_paths[MODEL_FOLDER][1] == EXTENSIONS
    register_folders()
    assert folder_paths.get_folder_paths(MODEL_FOLDER) == [str(models / MODEL_FOLDER)]


@pytest.mark.parametrize(
    "pack",
    ["ComfyUI-AnimateDiff-Evolved", "comfyui-animatediff-evolved", ".disabled/comfyui-animatediff-evolved@1_5_5"],
    ids=["git", "registry", "disabled"],
)
def test_files_left_in_folders_of_animatediff_evolved_are_found(pack, models, tmp_path_factory):
    packs = tmp_path_factory.mktemp("custom_nodes")
    for folder, name in ((MODEL_FOLDER, "models"), (LORA_FOLDER, "motion_lora")):
        (packs / pack / name).mkdir(parents=True)
        (packs / pack / name / f"{folder}.ckpt").write_text("x")
    folder_paths.folder_names_and_paths["custom_nodes"] = ([str(packs)], set())
    register_folders()
    assert f"{MODEL_FOLDER}.ckpt" in motion_files() and f"{LORA_FOLDER}.ckpt" in lora_files()


def test_the_miniatures_files_are_in_kinemas_lists_only(models):
    """So that they are never the file that another pack's loader starts with; a saved value is still found."""
    for folder, offered, node, name in (
        (MODEL_FOLDER, motion_files, LoadMotionModelNode, "miniature_mm.safetensors"),
        (LORA_FOLDER, lora_files, LoadMotionLoraNode, "miniature_zoom.safetensors"),
    ):
        (models / folder / "zoom.safetensors").write_text("x")
        assert offered() == ["zoom.safetensors", name]
        assert folder_paths.get_filename_list(folder) == ["zoom.safetensors"]
        assert node.validate_inputs(name) is True and Path(path_of(folder, name)).parents[1].name == "miniature"
    assert LoadMotionModelNode.execute("miniature_mm.safetensors", "automatic")[0].model.spec.native_frames == 16
    assert "miniature_neon_lora.safetensors" in folder_paths.get_filename_list("loras")


def test_the_miniatures_style_lora_is_a_style():
    weights = [LoadMiniatureNode.execute(style)[0].patches for style in ("day", "neon LoRA")]
    assert not weights[0] and weights[1]


@pytest.mark.parametrize(
    "node, folder",
    [(LoadMotionModelNode, MODEL_FOLDER), (AnimateDiffNode, MODEL_FOLDER), (LoadMotionLoraNode, LORA_FOLDER)],
)
def test_no_files_says_where_to_put_one(models, node, folder):
    message = node.validate_inputs(None)
    assert message.startswith("No motion ") and str(models / folder) in message and "press R" in message


def test_unknown_file_is_named(models):
    (models / MODEL_FOLDER / "a.safetensors").write_text("x")
    assert LoadMotionModelNode.validate_inputs("a.safetensors") is True
    assert LoadMotionModelNode.validate_inputs("b.safetensors").startswith('"b.safetensors" was not found.')


def test_a_name_from_another_node_is_looked_up_when_it_is_known(models):
    """While a prompt is checked, the host gives None for what comes through a link."""
    tiny.save(tiny.motion_weights(), models / MODEL_FOLDER / "v3.safetensors")
    assert LoadMotionModelNode.validate_inputs(None) is True and AnimateDiffNode.validate_inputs(None) is True
    for name in ("gone.safetensors", None):
        with pytest.raises(FileNotFoundError, match=f'"{name}" was not found. Put this file into "'):
            LoadMotionModelNode.execute(name)


def test_loaded_once_however_many_nodes_use_it(models):
    tiny.save(tiny.motion_weights(), models / MODEL_FOLDER / "v3.safetensors")
    first = LoadMotionModelNode.execute("v3.safetensors", "automatic")[0]
    animated = AnimateDiffNode.execute(tiny.image_model(), "v3.safetensors", 1.0)[0]
    assert animated.get_additional_models_with_key("kinema")[0].model is first.model
    assert LoadMotionModelNode.execute("v3.safetensors", "AnimateDiff v1")[0].model.spec.family.name == "v1"


def test_one_node_equals_two(models):
    tiny.save(tiny.motion_weights(), models / MODEL_FOLDER / "v3.safetensors")
    model = tiny.image_model()
    two = ApplyMotionModelNode.execute(model, LoadMotionModelNode.execute("v3.safetensors", "automatic")[0], **APPLY)[0]
    one = AnimateDiffNode.execute(model, "v3.safetensors", 1.0)[0]
    assert torch.equal(sample(one), sample(two))


def test_match_changes_the_result(models):
    tiny.save(tiny.VERSIONS["v1"](), models / MODEL_FOLDER / "v1.safetensors")
    model, motion = tiny.image_model(), LoadMotionModelNode.execute("v1.safetensors", "automatic")[0]
    results = [
        sample(ApplyMotionModelNode.execute(model, motion, **APPLY | {"match": match})[0])
        for match in ("authors", "diffusers", "AnimateDiff-Evolved")
    ]
    for i in range(3):
        assert not torch.allclose(results[i], results[i - 1], atol=1e-2)


def test_match_of_old_workflows(models):
    """v2 as v1 is a choice by the file; of several motion models the last one may decide for all."""
    tiny.save(tiny.VERSIONS["v2"](), models / MODEL_FOLDER / "v2.safetensors")
    tiny.save(tiny.VERSIONS["v1"](), models / MODEL_FOLDER / "v1.safetensors")
    tiny.save(tiny.VERSIONS["v3"](), models / MODEL_FOLDER / "v3.safetensors")
    evolved, old = "AnimateDiff-Evolved", "AnimateDiff-Evolved, v2 as v1"
    last, image = "AnimateDiff-Evolved, as the last motion model", tiny.image_model()

    def applied(file, match, kind="automatic", model=image):
        motion = LoadMotionModelNode.execute(f"{file}.safetensors", kind)[0]
        return ApplyMotionModelNode.execute(model, motion, **APPLY | {"match": match})[0]

    as_old = sample(applied("v2", old))
    assert torch.equal(as_old, sample(applied("v2", evolved, "AnimateDiff v1")))
    assert not torch.allclose(as_old, sample(applied("v2", evolved)), atol=1e-2)
    assert torch.equal(sample(applied("v1", old)), sample(applied("v1", evolved)))
    alone = sample(applied("v3", evolved))
    assert torch.equal(sample(applied("v3", old)), alone) and torch.equal(sample(applied("v3", last)), alone)
    both = applied("v1", evolved, model=applied("v3", last))
    expected = applied("v1", evolved, model=applied("v3", evolved, "AnimateDiff v1"))
    assert torch.equal(sample(both), sample(expected))


def test_beyond_the_table(models):
    tiny.save(tiny.motion_weights(positions=24), models / MODEL_FOLDER / "v1.safetensors")
    model, motion = tiny.image_model(), LoadMotionModelNode.execute("v1.safetensors", "AnimateDiff v3")[0]
    extended, stretched = (
        sample(
            ApplyMotionModelNode.execute(model, motion, **APPLY | {"beyond_table": how, "position_offset": 12})[0],
            frames=14,
        )
        for how in ("extend", "stretch")
    )
    assert torch.isfinite(extended).all() and not torch.allclose(extended, stretched, atol=1e-2)
    with pytest.raises(ValueError, match="has 12 positional encodings, but 14 frames are sampled"):
        sample(ApplyMotionModelNode.execute(model, motion, **APPLY | {"position_offset": 12})[0], frames=14)


def test_lora_node_leaves_the_motion_model(models):
    tiny.save(tiny.motion_weights(), models / MODEL_FOLDER / "v3.safetensors")
    tiny.save(loras.official(), models / LORA_FOLDER / "zoom.safetensors")
    model, motion = tiny.image_model(), LoadMotionModelNode.execute("v3.safetensors", "automatic")[0]
    zoom = LoadMotionLoraNode.execute(motion, "zoom.safetensors", 0.8)[0]
    assert LoadMotionLoraNode.execute(motion, "zoom.safetensors", 0.0)[0] is motion
    plain, zoomed = (ApplyMotionModelNode.execute(model, m, **APPLY)[0] for m in (motion, zoom))
    expected = sample(plain), sample(zoomed)
    assert not torch.allclose(*expected, atol=1e-2)
    both = ApplyMotionModelNode.execute(plain, zoom, **APPLY)[0]
    same = ApplyMotionModelNode.execute(plain, motion, **APPLY)[0]
    assert not torch.allclose(sample(both), sample(same), atol=1e-2)
    assert torch.equal(sample(plain), expected[0]) and torch.equal(sample(zoomed), expected[1])


def test_merge_is_linear_and_by_block(models):
    for seed in (1, 2):
        tiny.save(tiny.motion_weights(mid=True, seed=seed), models / MODEL_FOLDER / f"{seed}.safetensors")
    first, second = (LoadMotionModelNode.execute(f"{seed}.safetensors", "automatic")[0] for seed in (1, 2))
    mixed = {k: v.clone() for k, v in first.model.state_dict().items()}
    for key, other in second.model.state_dict().items():
        weight = {"d": 0.25, "m": 0.5, "u": 1.0}[key[0]]
        mixed[key] = (1 - weight) * mixed[key] + weight * other
    merged = MergeMotionModelsNode.execute(first, second, 0.25, 0.5, 1.0)[0]
    import comfy.model_management

    comfy.model_management.load_models_gpu([merged])
    for key, value in merged.model.state_dict().items():
        torch.testing.assert_close(value, mixed[key], atol=1e-6, rtol=1e-5)


def test_merge_refuses_other_versions(models):
    tiny.save(tiny.motion_weights(mid=True), models / MODEL_FOLDER / "v2.safetensors")
    tiny.save(tiny.motion_weights(), models / MODEL_FOLDER / "v3.safetensors")
    first, second = (LoadMotionModelNode.execute(f"{v}.safetensors", "automatic")[0] for v in ("v2", "v3"))
    with pytest.raises(
        ValueError,
        match=r"\(AnimateDiff v2\) and .* \(AnimateDiff v3\) cannot be merged: they have 21 and 20 motion modules",
    ):
        MergeMotionModelsNode.execute(first, second, 0.5, 0.5, 0.5)
    spec = first.model.spec
    with pytest.raises(ValueError, match="they have 2 and 1 temporal attentions in each motion module"):
        check_same_modules(spec, replace(spec, attentions=1), "a", "b")


def test_noise_schedule_overrides():
    model = tiny.image_model()
    named = NoiseScheduleNode.execute(model, "AnimateDiff SDXL", "sqrt_linear", 0.0001, 0.02)[0]
    assert abs(float(named.get_model_object("model_sampling").sigma_max) - 65.9287) < 1e-3
    own = NoiseScheduleNode.execute(model, "custom", "sqrt_linear", 0.0001, 0.02)[0]
    assert abs(float(own.get_model_object("model_sampling").sigma_max) - 157.4073) < 1e-2
    assert abs(float(model.get_model_object("model_sampling").sigma_max) - 14.6146) < 1e-3


def test_saved_file_loads_again_bit_equal(models):
    weights = tiny.motion_weights(mid=True)
    tiny.save(weights, models / MODEL_FOLDER / "v2.safetensors")
    motion = LoadMotionModelNode.execute("v2.safetensors", "automatic")[0]
    SaveMotionModelNode.execute(motion, "sub/copy", True, "as loaded")
    again = safetensors.torch.load_file(models / MODEL_FOLDER / "sub" / "copy.safetensors")
    assert again.keys() == weights.keys()
    assert all(torch.equal(again[key], weights[key]) for key in weights if not key.endswith(".pe"))
    loaded = LoadMotionModelNode.execute("sub/copy.safetensors", "automatic")[0]
    assert loaded.model.spec == motion.model.spec
    assert [p.name for p in (models / MODEL_FOLDER / "sub").iterdir()] == ["copy.safetensors"]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ((), ""),
        (
            ("down_blocks.0.attentions.0.surprise",),
            "1 key of the file matches no layer of the motion model and had no effect, such as "
            '"down_blocks.0.attentions.0.surprise".',
        ),
        (
            ("one", "two"),
            '2 keys of the file match no layer of the motion model and had no effect, such as "one".',
        ),
    ],
)
def test_keys_of_a_lora_that_do_not_act_are_said(models, screen, others, said):
    tiny.save(tiny.motion_weights(), models / MODEL_FOLDER / "v3.safetensors")
    tiny.save(
        {**loras.official(), **{key: torch.zeros(1) for key in others}}, models / LORA_FOLDER / "zoom.safetensors"
    )
    motion = LoadMotionModelNode.execute("v3.safetensors", "automatic")[0]
    before = screen.text
    LoadMotionLoraNode.execute(motion, "zoom.safetensors", 0.8)
    assert screen.text == (said or before)


def test_loras_are_baked_in_when_asked(models):
    weights, lora = tiny.motion_weights(), loras.official()
    tiny.save(weights, models / MODEL_FOLDER / "v3.safetensors")
    tiny.save(lora, models / LORA_FOLDER / "zoom.safetensors")
    zoom = LoadMotionLoraNode.execute(
        LoadMotionModelNode.execute("v3.safetensors", "automatic")[0], "zoom.safetensors", 0.8
    )[0]
    tiny.sample(ApplyMotionModelNode.execute(tiny.image_model(), zoom, **APPLY)[0], steps=1)  # now it is in the weights
    expected = loras.merged(weights, lora, 0.8)
    for bake, reference in ((True, expected), (False, weights)):
        SaveMotionModelNode.execute(zoom, "zoomed", bake, "as loaded")
        saved = safetensors.torch.load_file(models / MODEL_FOLDER / "zoomed.safetensors")
        for key, value in saved.items():
            torch.testing.assert_close(value, reference[key], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", ["../up", "/root", "a//b", "c:\\x", ""])
def test_names_outside_the_folder_are_refused(name):
    assert SaveMotionModelNode.validate_inputs(name) == (
        f'"{name}" is not a valid name for a file in models/animatediff_models. Use e.g. my_motion_model.'
    )


def test_a_failed_save_leaves_the_old_file(models, monkeypatch):
    tiny.save(tiny.motion_weights(), models / MODEL_FOLDER / "v3.safetensors")
    motion = LoadMotionModelNode.execute("v3.safetensors", "automatic")[0]
    SaveMotionModelNode.execute(motion, "mine", True, "as loaded")
    before = (models / MODEL_FOLDER / "mine.safetensors").read_bytes()

    def full_disk(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        SaveMotionModelNode.execute(motion, "mine", True, "fp16")
    assert (models / MODEL_FOLDER / "mine.safetensors").read_bytes() == before
    assert sorted(p.name for p in (models / MODEL_FOLDER).iterdir()) == ["mine.safetensors", "v3.safetensors"]


def test_a_replaced_file_is_loaded_again(models):
    path = tiny.save(tiny.motion_weights(), models / MODEL_FOLDER / "v3.safetensors")
    before = LoadMotionModelNode.fingerprint_inputs(motion_model="v3.safetensors", kind="automatic")
    assert before == AnimateDiffNode.fingerprint_inputs(motion_model="v3.safetensors", strength=1.0)
    first = LoadMotionModelNode.execute("v3.safetensors")[0]
    tiny.save(tiny.motion_weights(mid=True), path)
    assert LoadMotionModelNode.fingerprint_inputs(motion_model="v3.safetensors") != before
    assert LoadMotionModelNode.execute("v3.safetensors")[0].model.spec != first.model.spec
    assert LoadMotionModelNode.fingerprint_inputs(motion_model="gone.safetensors") == ""


def test_animatediff_starts_with_the_best_family(tmp_path, monkeypatch):
    """Each file is read once, and only as long as the canvas may wait."""
    (tmp_path / MODEL_FOLDER).mkdir()
    folder = ([str(tmp_path / MODEL_FOLDER)], {".safetensors"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, MODEL_FOLDER, folder)
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})

    def default():
        monkeypatch.setattr(folder_paths, "filename_list_cache", {})
        return next(one for one in AnimateDiffNode.define_schema().inputs if one.id == "motion_model").default

    monkeypatch.setattr(motion_files_module, "READING", 60)  # no matter how busy the machine is
    assert default() is None
    file = tiny.save(tiny.motion_weights(mid=True), tmp_path / MODEL_FOLDER / "a_lightning.safetensors")
    assert default() == "a_lightning.safetensors"
    (tmp_path / MODEL_FOLDER / "text.safetensors").write_text("no weights")
    shutil.copy(file, tmp_path / MODEL_FOLDER / "m_v2.safetensors")
    assert default() == "m_v2.safetensors"
    tiny.save(tiny.motion_weights(), tmp_path / MODEL_FOLDER / "z.safetensors")
    assert default() == "z.safetensors"
    (tmp_path / MODEL_FOLDER / "z.safetensors").unlink()
    for number in range(50):
        shutil.copy(file, tmp_path / MODEL_FOLDER / f"lightning_{number}.safetensors")
    assert default() == "m_v2.safetensors"
    monkeypatch.setattr(motion_files_module, "READING", 0)
    assert default() == "a_lightning.safetensors"


def test_the_node_names_the_miniatures_own_settings(models, screen):
    LoadMotionModelNode.execute("miniature_mm.safetensors")
    assert MINIATURE_SETTINGS in screen.text
