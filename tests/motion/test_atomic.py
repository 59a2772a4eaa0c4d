"""A file is there as a whole or not at all."""

import errno
import shutil
from collections import namedtuple

import pytest

from kinema.motion.atomic import check_writable, replacing


def test_the_file_takes_its_place_when_all_is_written(tmp_path):
    path = tmp_path / "new folder" / "file"
    with replacing(path) as unfinished:
        unfinished.write_text("half")
        assert unfinished.parent == path.parent and not path.exists()
        unfinished.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), replacing(path) as unfinished:
        unfinished.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "file"):
        pass
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_says_so_before_anything_is_made(tmp_path):
    (tmp_path / "file").write_text("no folder")
    for path, why in ((tmp_path / "file" / "a", "exists|Not a directory"), (tmp_path / ("a" * 300), "too long")):
        with pytest.raises(OSError, match=f"cannot be written: .*({why}).* Choose another name"):
            check_writable(path)
        with pytest.raises(OSError, match="cannot be written"), replacing(path):
            pytest.fail("the block must not begin")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),  # safetensors
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),  # torch
    ],
    ids=["the system", "safetensors", "torch"],
)
def test_a_full_disk_is_said_whatever_writes(error, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("before")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 1 << 40, 4096))
    with pytest.raises(OSError, match='file" cannot be written: No space left on device. Delete'), replacing(path):
        raise error
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError("unexpected pos"), PermissionError(errno.EACCES, "denied")])
def test_other_errors_stay_as_they_are(error, tmp_path):
    with pytest.raises(type(error)) as raised, replacing(tmp_path / "file"):
        raise error
    assert raised.value is error
