"""Hostile files by seed: each gives one clear error, runs no code and allocates next to nothing. `dev.py fuzz` does more."""

import struct
from pathlib import Path

import pytest
import safetensors
import tiny

from kinema.motion.files import MotionFileError, read_header
from tools import fuzz
from tools.fuzz.mutants import PICKLES, SAFETENSORS, Mutant, is_safetensors, mutants

COUNT = 700  # of each container


def high_water_mark():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return fuzz.targets(tmp_path_factory.mktemp("good"))


@pytest.mark.parametrize("name", ["motion model", "motion LoRA", "CameraCtrl"])
def test_hostile_files(name, readers, tmp_path):
    proof, reader = tmp_path / "proof", readers[name]
    whole = tiny.save(reader.make(), tmp_path / "whole.safetensors")
    reader.load(whole)
    before = high_water_mark()
    problems, seen = [], set()
    for mutant in mutants(0, COUNT, proof, reader.make):
        seen.add((mutant.name.split(".")[1], mutant.how))
        if problem := fuzz.survives(mutant, tmp_path, proof, reader.load):
            problems.append((mutant.name, mutant.how, problem))
    assert not problems
    assert len(seen) == len(SAFETENSORS) + len(PICKLES)
    assert high_water_mark() - before < fuzz.ALLOWED_GROWTH
    reader.load(whole)


def test_the_formats_own_reader_agrees_about_headers(readers, tmp_path):
    """Only of two tensors with one name it gives the last, where ours refuses the file."""
    make, seen = readers["motion model"].make, set()
    for mutant in filter(is_safetensors, mutants(1, COUNT // 3, tmp_path / "proof", make)):
        assert fuzz.disagreement(mutant, tmp_path) is None, (mutant.name, mutant.how)
        seen.add(mutant.how)
    assert seen == {way.__name__ for way in SAFETENSORS}


ENTRY = b'{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'
HEADERS = {
    "notes": (b'{"__metadata__": {"a": "b"}, "x": %b}' % ENTRY, True),
    "notes that are numbers": (b'{"__metadata__": {"a": 1}, "x": %b}' % ENTRY, False),
    "spaces around it": (b'  {"x": %b}  ' % ENTRY, True),
    "a zero byte after it": (b'{"x": %b}\0' % ENTRY, False),
    "two tensors in one place": (b'{"x": %b, "y": %b}' % (ENTRY, ENTRY), False),
    "a hole before the tensor": (b'{"x": {"dtype": "U8", "shape": [2], "data_offsets": [2, 4]}}', False),
    "a hole after the tensor": (b'{"x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}', False),
    "tensors out of order": (
        b'{"x": {"dtype": "U8", "shape": [3], "data_offsets": [1, 4]}, '
        b'"y": {"dtype": "BOOL", "shape": [], "data_offsets": [0, 1]}}',
        True,
    ),
    "an empty tensor": (b'{"x": {"dtype": "F16", "shape": [0, 7], "data_offsets": [4, 4]}, "y": %b}' % ENTRY, True),
    "a fraction as size": (b'{"x": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}}', False),
    "three offsets": (b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]}}', False),
    "a type that nobody knows": (b'{"x": {"dtype": "F31", "shape": [1], "data_offsets": [0, 4]}}', False),
    "another coding": (b'{"x": %b}'.replace(b"%b", ENTRY).decode().encode("utf-16"), False),
    "half a character": (b'{"\\ud800": %b}' % ENTRY, False),
    "not a number": (b'{"x": %b, "y": NaN}' % ENTRY, False),
}


@pytest.mark.parametrize("name", HEADERS)
def test_the_formats_own_reader_agrees_about_odd_headers(name, tmp_path):
    header, is_read = HEADERS[name]
    mutant = Mutant("odd.safetensors", name, struct.pack("<Q", len(header)) + header + bytes(4))
    assert fuzz.disagreement(mutant, tmp_path) is None
    (tmp_path / "odd.safetensors").write_bytes(mutant.content)
    if is_read:
        read_header(tmp_path / "odd.safetensors")
    else:
        with pytest.raises(MotionFileError):
            read_header(tmp_path / "odd.safetensors")


def test_two_tensors_with_one_name_are_refused_where_the_formats_own_reader_takes_the_last(tmp_path):
    header = b'{"x": %b, "x": %b}' % (ENTRY, ENTRY)
    path = tmp_path / "twice.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with safetensors.safe_open(path, "pt") as file:
        assert list(file.keys()) == ["x"]
    with pytest.raises(MotionFileError, match="its header names a tensor twice"):
        read_header(path)


def test_the_readers_read_what_is_whole(readers, tmp_path):
    read = {
        name: reader.load(tiny.save(reader.make(), tmp_path / f"{i}.safetensors"))
        for i, (name, reader) in enumerate(readers.items())
    }
    assert len(read["motion model"].model.spec.modules) == 2
    assert sum(map(len, read["motion LoRA"].patches.values())) == 2 * 2 * 4
    camera_ctrl = read["CameraCtrl"].model.spec
    assert camera_ctrl.widths == (8,) and len(camera_ctrl.modules) == 1
    assert read["PIA"].model.spec.picture == "mask+picture"
    assert read["AnimateLCM-I2V"].model.spec.picture == "encoder"
    assert read["SparseCtrl"].condition == "rgb"
