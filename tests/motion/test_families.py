"""Every layout that people own is recognised, at the full published sizes too, without reading a weight."""

import re
from pathlib import Path

import families
import pytest
import tiny
import torch
from comfy.cli_args import args
from compare import HALF_PRECISION

from kinema.motion.detect import detect
from kinema.motion.files import MotionFileError, TensorInfo, read_header
from kinema.motion.load import load_motion_model, usual_settings
from kinema.motion.spec import BASE_NAMES, IMPLEMENTATIONS

README = Path(__file__).resolve().parents[2] / "README.md"
SD15, SDXL = (320, 640, 1280, 1280), (320, 640, 1280)


@pytest.mark.parametrize("file", families.KINDS)
def test_is_recognised_and_loads(file, tmp_path):
    kind = families.KINDS[file]
    model = load_motion_model(tiny.save(kind.make(), tmp_path / file)).model
    spec = model.spec
    assert (spec.family.name, spec.base) == (kind.family, kind.base)
    assert spec.max_frames == kind.frames
    table = model.at("up_blocks.0.motion_modules.0").transformer_blocks[0].attention_blocks[1].positions
    torch.testing.assert_close(table, tiny.sinusoid(spec.max_frames, table.shape[1]), atol=1e-6, rtol=0)


# modules, keys, learnable parameters: as counted in the published files
PUBLISHED = {
    "v1": (SD15, False, 24, 560, 417_137_600),
    "v2": (SD15, True, 32, 588, 453_209_280),
    "v3": (SD15, False, 32, 560, 417_137_600),
    "sdxl": (SDXL, False, 32, 420, 236_779_200),
    "animatelcm": (SD15, True, None, 546, 453_209_280),
}


@pytest.mark.parametrize("family", PUBLISHED)
def test_published_sizes(family):
    widths, mid, positions, keys, parameters = PUBLISHED[family]
    header = {
        f"{place}.temporal_transformer.{name}": TensorInfo(shape, torch.float16)
        for place, width in tiny.module_places(widths, mid).items()
        for name, shape in tiny.module_shapes(width, positions).items()
    }
    assert len(header) == keys
    spec, layout = detect(header, "model.safetensors")
    assert spec.family.name == family and len(layout.keys) == keys
    assert sum(22 * w * w + 21 * w for _, w in spec.modules) == parameters
    assert [w for p, w in spec.modules if p.startswith("down")] == [w for w in widths for _ in range(2)]


@pytest.mark.parametrize(
    "file, steps",
    [("animatediff_lightning_1step_comfyui.safetensors", "1 step"), ("AnimateLCM_sd15_t2v.ckpt", "6 steps")],
)
def test_the_log_names_the_kind_and_the_node_its_usual_settings(file, steps, tmp_path, caplog):
    caplog.set_level("INFO")
    spec = load_motion_model(tiny.save(families.KINDS[file].make(), tmp_path / file)).model.spec
    assert f'"{file}" is {spec.family.label} for SD1.5' in caplog.text
    preset = spec.family.preset
    assert usual_settings(preset, file) == f"{steps}, {preset.sampler}, {preset.scheduler}, cfg {preset.cfg:g}"


def rows_of_the_readme():
    """(file, base, frames) as the table "which motion model?" says."""
    table = README.read_text(encoding="utf-8").split("## Which motion model?")[1].split("\n##")[0]
    for row in re.findall(r"^\|(.*)\|$", table, re.MULTILINE):
        files, base, frames, *_ = (cell.strip() for cell in row.split("|"))
        yield from ((file, base, frames) for file in re.findall(r"`([\w.-]+\.(?:ckpt|safetensors))`", files))


@pytest.mark.parametrize("file, base, frames", rows_of_the_readme())
def test_the_readmes_table_is_true(file, base, frames, tmp_path):
    spec, _ = detect(read_header(tiny.save(families.KINDS[file].make(), tmp_path / file)), file)
    assert BASE_NAMES[spec.base] == base
    assert frames in (f"{spec.native_frames}", f"{spec.native_frames}, up to {spec.max_frames}")


@pytest.mark.parametrize(
    "file, family", [("mm_sd_v15.safetensors", "v1"), ("stripped.safetensors", "v3"), ("lcm.safetensors", "animatelcm")]
)
def test_without_position_tables_the_name_decides(file, family, tmp_path):
    path = tiny.save(tiny.motion_weights(positions=None), tmp_path / file)
    assert detect(read_header(path), path.name)[0].family.name == family
    assert detect(read_header(path), path.name, "v2")[0].family.name == "v2"


@pytest.mark.parametrize(
    "file, positions, kind, doubted",
    [
        ("mine.safetensors", None, None, True),
        ("mine.safetensors", 28, None, True),
        ("mine.safetensors", 40, None, True),
        ("mine.safetensors", 264, None, True),
        ("mine.safetensors", 24, None, False),
        ("mine.safetensors", 32, None, False),
        ("mine.safetensors", 48, "v3", False),
        ("mm_sd_v15_48.safetensors", 48, None, False),
        ("v3_sd15_48.safetensors", 48, None, False),
    ],
)
def test_what_could_be_v1_or_v3_says_so(file, positions, kind, doubted, tmp_path, caplog):
    path = tiny.save(tiny.motion_weights(positions=positions), tmp_path / file)
    spec = load_motion_model(path, kind).model.spec
    assert ("it could be AnimateDiff v1 or v3" in spec.note) == doubted == (f'"{file}": it could be' in caplog.text)
    assert spec.native_frames == 16 and (not doubted or spec.family.name == "v3")


LONG = {
    "lt_long_mm_16_64_frames_v1.1.ckpt": 64,
    "lt_long_mm_16_64_frames.ckpt": 64,
    "lt_long_mm_32_frames.ckpt": 32,
    "long_33.ckpt": 32,
    "lt_long_32_positions.safetensors": 32,
    "lt_long_without_mid.safetensors": 32,
    "v3_longer.safetensors": 16,
    "mm_sd_v15_longer.ckpt": 16,
}
"""Files with long position tables, and the frames that are sampled at once."""


@pytest.mark.parametrize("file", LONG)
def test_how_many_frames_long_models_take_at_once(file, tmp_path):
    spec, _ = detect(read_header(tiny.save(families.KINDS[file].make(), tmp_path / file)), file)
    assert spec.native_frames == LONG[file]
    if spec.family.name.startswith("long"):
        statistics = {
            other: spec.norms_like(other).resnet for other, row in IMPLEMENTATIONS.items() if not row.v2_as_v1
        }
        assert {*statistics.values()} == {"frame"}


@pytest.mark.parametrize(
    "file, left_out",
    [
        ("checkpoint-step-5000.ckpt", "conv_in, time_embedding, down_blocks.0.attentions, "),
        ("unet_motion_model.safetensors", "conv_in, conv_norm_out, conv_out, down_blocks.0.attentions, "),
        ("averaged.ckpt", "num_updates, decay."),
        ("animatelcm_finetune.ckpt", "pos_encoder.pos_encoding."),
    ],
)
def test_parts_that_are_left_out_are_named_in_the_log(file, left_out, tmp_path, caplog):
    caplog.set_level("INFO")
    path = tmp_path / file
    weights = families.KINDS[file].make()
    if file == "checkpoint-step-5000.ckpt":
        torch.save({"epoch": 3, "global_step": 5000, "state_dict": weights}, path)
    else:
        tiny.save(weights, path)
    read = load_motion_model(path).model.state_dict()
    line = next(line for line in caplog.text.splitlines() if "were ignored" in line)
    assert f'"{file}": parts other than the motion model were ignored: ' in line
    assert all(part in line for part in left_out.rstrip(", ").split(", "))
    motion = {key: value for key, value in weights.items() if "motion_modules" in key and ".pos_" not in key}
    assert sum(value.numel() for value in motion.values()) == sum(value.numel() for value in read.values())


def test_override_of_the_wrong_base_is_refused(tmp_path):
    path = tiny.save(tiny.motion_weights(), tmp_path / "v3.safetensors")
    with pytest.raises(
        MotionFileError, match='"v3.safetensors" has the structure of an SD1.5 motion model, so it cannot be HotshotXL'
    ):
        load_motion_model(path, "hotshotxl")


def test_two_keys_for_one_weight_are_refused(tmp_path):
    weights = {**tiny.motion_weights(), **families.rename(tiny.motion_weights(), prefix="module.")}
    with pytest.raises(MotionFileError, match="name the same weight"):
        load_motion_model(tiny.save(weights, tmp_path / "both.safetensors"))


def test_own_position_tables_are_kept(tmp_path):
    weights = tiny.motion_weights()
    stretched = {
        k: torch.randn(v.shape, generator=tiny.generator(0)) if k.endswith(".pe") else v for k, v in weights.items()
    }
    for name, file in (("ours", stretched), ("theirs", families.diffusers_layout(stretched))):
        model = load_motion_model(tiny.save(file, tmp_path / f"{name}.safetensors")).model
        block = model.at("down_blocks.0.motion_modules.0").transformer_blocks[0]
        key = "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.{}.pos_encoder.pe"
        assert torch.equal(block.attention_blocks[0].positions, stretched[key.format(0)][0])
        assert torch.equal(block.attention_blocks[1].positions, stretched[key.format(1 if name == "ours" else 0)][0])


KEEPS = {
    torch.float16: "fp16_unet",
    torch.bfloat16: "bf16_unet",
    torch.float8_e4m3fn: "fp8_e4m3fn_unet",
    torch.float8_e5m2: "fp8_e5m2_unet",
}
"""The host's settings by which it keeps weights as they are, as it does on a GPU, and casts them in every layer."""


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    return load_motion_model(
        tiny.save(tiny.motion_weights(), tmp_path_factory.mktemp("exact") / "mm.safetensors")
    ).model


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]
)
@pytest.mark.parametrize("kept", [False, True])
def test_number_formats(dtype, kept, exact, tmp_path, monkeypatch):
    weights = tiny.motion_weights()
    path = tiny.save({k: v.to(dtype) for k, v in weights.items()}, tmp_path / "mm.safetensors")
    if kept and dtype != torch.float32:
        monkeypatch.setattr(args, KEEPS[dtype], True)
    motion = load_motion_model(path)
    model = motion.model
    if kept:
        assert {weight.dtype for weight in model.parameters()} == {dtype}
        assert motion.model_size() <= 1.05 * path.stat().st_size
        monkeypatch.undo()
    x = torch.randn(8, 32, 4, 4, generator=tiny.generator(0))
    place = "down_blocks.0.motion_modules.0"
    tolerance = {
        **HALF_PRECISION,
        torch.float32: 1e-7,
        torch.float8_e4m3fn: 0.15,
        torch.float8_e5m2: 0.3,
    }
    motion, reference = (m.at(place)(x, 4) - x for m in (model, exact))
    assert (motion - reference).norm() <= tolerance[dtype] * reference.norm()
    assert torch.equal(model.at(place).transformer_blocks[0].attention_blocks[0].positions, tiny.sinusoid(32, 32))
