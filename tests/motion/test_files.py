"""Files that are no motion model are refused in words that say what they are; nothing in them is run."""

import json
import os
import pickle
import re
import struct
import zipfile

import pytest
import safetensors.torch
import tiny
import torch

from kinema.motion.detect import detect
from kinema.motion.files import MotionFileError, read_header
from kinema.motion.load import load_motion_model


def refuse(path, *words):
    with pytest.raises(MotionFileError) as error:
        load_motion_model(path)
    message = str(error.value)
    for word in (path.name, *words):
        assert word in message
    assert message.endswith((".", '"')) and "\n" not in message
    return message


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
@pytest.mark.parametrize("version", tiny.VERSIONS)
def test_versions_are_recognised_from_keys_and_shapes(version, suffix, tmp_path):
    path = tiny.save(tiny.VERSIONS[version](), tmp_path / f"renamed{suffix}")
    spec, _ = detect(read_header(path), path.name)
    assert spec.family.name == version
    assert spec.has_mid == (version == "v2")
    assert (spec.max_frames, spec.native_frames) == (24 if version == "v1" else 32, 16)
    assert dict(spec.modules) == tiny.module_places(tiny.SD15_WIDTHS, version == "v2")
    model = load_motion_model(path).model
    assert sum(p.numel() for p in model.parameters()) == sum(22 * w * w + 21 * w for _, w in spec.modules)


def test_checkpoint_is_refused(tmp_path):
    path = tiny.save({"model.diffusion_model.out.0.weight": torch.zeros(4)}, tmp_path / "sd15.safetensors")
    refuse(path, "is a whole checkpoint, not a motion model", "Load Checkpoint")


def test_text_is_refused(tmp_path):
    for name in ("notes.ckpt", "notes.safetensors"):
        path = tmp_path / name
        path.write_text("This is not a model, it is a letter. " * 20)
        refuse(path, "is not a model file or is damaged", "Download it again")


def test_truncated_file_is_refused(tmp_path):
    path = tiny.save(tiny.motion_weights(), tmp_path / "mm.safetensors")
    os.truncate(path, path.stat().st_size - 1000)
    refuse(path, "damaged", str(path.stat().st_size), str(path.stat().st_size + 1000))
    path = tiny.save(tiny.motion_weights(), tmp_path / "mm.ckpt")
    os.truncate(path, path.stat().st_size // 2)
    refuse(path, "damaged")


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_not_run(tmp_path, zipped):
    proof = tmp_path / "was-run"
    path = tmp_path / "mm.ckpt"
    content = {"state_dict": {**tiny.motion_weights(), "x": Evil(proof)}}
    if zipped:
        torch.save(content, path)
        message = refuse(path, "contains code", "not run")
        assert "safetensors" in message
    else:
        path.write_bytes(pickle.dumps(Evil(proof)))
        refuse(path)
    assert not proof.exists()


def test_zip_bomb_is_refused(tmp_path):
    path = tmp_path / "mm.ckpt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 50_000_000)
    refuse(path, "its contents unpack to more than the size of the file")


def test_tensors_larger_than_the_file_are_refused(tmp_path):
    weights = {"x": torch.zeros(1).expand(1_000_000, 1_000)}
    torch.save(weights, tmp_path / "mm.ckpt")
    refuse(tmp_path / "mm.ckpt", "larger than the file")


def write_safetensors(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.mark.parametrize(
    "header, words",
    [
        (b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": {}}', "twice"),
        ({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}}, "cannot have 4 bytes"),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1 << 40]}}, "cannot have 1099511627776 bytes"),
        ({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, "beyond the file"),
        (b"[1, 2]", "not a table"),
        (b"{", "damaged"),
        (b"[" * 100_000, "damaged"),
    ],
)
def test_hostile_headers_are_refused(tmp_path, header, words):
    refuse(write_safetensors(tmp_path / "mm.safetensors", header, b"\0" * 4), words)


def test_header_longer_than_the_file_is_refused(tmp_path):
    path = tmp_path / "mm.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    refuse(path, "header claims")


def test_nan_weights_are_refused(tmp_path):
    weights = tiny.motion_weights()
    for key in weights:
        if "mid" in key or "up_blocks.1" in key:
            weights[key] = torch.full_like(weights[key], float("nan"))
    path = tiny.save(weights, tmp_path / "mm.safetensors")
    refuse(path, "not finite (NaN) in 3 of its modules", "up_blocks.1.motion_modules.0")


def test_missing_and_unexpected_keys_are_named(tmp_path):
    weights = tiny.motion_weights()
    key = "up_blocks.3.motion_modules.2.temporal_transformer.proj_out.bias"
    removed = {k: v for k, v in weights.items() if k != key}
    refuse(tiny.save(removed, tmp_path / "a.safetensors"), "lacks", "up_blocks.3.motion_modules.2.proj_out.bias")
    refuse(tiny.save({**weights, "surprise": torch.zeros(1)}, tmp_path / "b.safetensors"), '"surprise"')
    name = "up_blocks.3.motion_modules.2.temporal_transformer.norm.surprise"
    refuse(tiny.save({**weights, name: torch.zeros(1)}, tmp_path / "c.safetensors"), "norm.surprise")


def test_wrong_shape_names_both_shapes(tmp_path):
    weights = tiny.motion_weights()
    key = "up_blocks.3.motion_modules.2.temporal_transformer.proj_out.weight"
    weights[key] = torch.zeros(32, 33)
    message = refuse(tiny.save(weights, tmp_path / "a.safetensors"))
    assert re.search(r"shape \[32, 33\], but \[32, 32\] is needed", message)


def test_integers_are_refused(tmp_path):
    weights = {k: (v * 100).to(torch.int8) for k, v in tiny.motion_weights().items()}
    safetensors.torch.save_file(weights, tmp_path / "a.safetensors")
    refuse(tmp_path / "a.safetensors", "not weights")


def test_missing_file_says_so(tmp_path):
    refuse(tmp_path / "gone.safetensors", "no longer exists")


@pytest.mark.parametrize(
    "gone, lacks",
    [
        ("down_blocks.1.", '"down_blocks.1"'),
        ("down_blocks.1.motion_modules.0.", '"down_blocks.1.motion_modules.0"'),
        ("up_blocks.", '"up_blocks.0"'),
        ("down_blocks.0.", '"down_blocks.0"'),
    ],
)
def test_missing_modules_are_named(tmp_path, gone, lacks):
    weights = {key: value for key, value in tiny.motion_weights().items() if not key.startswith(gone)}
    refuse(tiny.save(weights, tmp_path / "mm.safetensors"), "is incomplete: it lacks", lacks)


@pytest.mark.parametrize("number", ["03", "\u0663", "100"])
def test_odd_numbers_in_names_are_refused(tmp_path, number):
    weights = {key.replace("down_blocks.3", f"down_blocks.{number}"): v for key, v in tiny.motion_weights().items()}
    refuse(tiny.save(weights, tmp_path / "mm.safetensors"))


def test_position_tables_of_no_use_are_refused(tmp_path):
    refuse(
        tiny.save(tiny.motion_weights(positions=1), tmp_path / "mm.safetensors"), "position table of length 1, but the"
    )


def test_recognising_reads_the_header_only(tmp_path):
    """A file of the full size of v2 whose weights are a hole on the disk: reading them would take 900 MB."""
    from tools.fuzz import ALLOWED_GROWTH

    header, end = {}, 0
    for place, width in tiny.module_places((320, 640, 1280, 1280), True).items():
        for name, shape in tiny.module_shapes(width, 32).items():
            size = 2 * torch.Size(shape).numel()
            header[f"{place}.temporal_transformer.{name}"] = {
                "dtype": "F16",
                "shape": shape,
                "data_offsets": [end, end + size],
            }
            end += size
    path = write_safetensors(tmp_path / "full.safetensors", header)
    os.truncate(path, path.stat().st_size + end)
    assert end > 900_000_000
    before = resident()
    assert detect(read_header(path), path.name)[0].family.name == "v2"
    assert resident() - before < ALLOWED_GROWTH / 4


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_configuration_beside_the_weights_is_ignored(tmp_path):
    torch.save({"state_dict": tiny.motion_weights(), "animatediff_config": {"x": 1}}, tmp_path / "mm.ckpt")
    assert detect(read_header(tmp_path / "mm.ckpt"), "mm.ckpt")[0].family.name == "v3"
