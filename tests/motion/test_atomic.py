"""A file is there as a whole or not at all."""

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
