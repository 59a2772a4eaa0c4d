"""A file is there as a whole or not at all."""

import pytest

from kinema.motion.atomic import replacing


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
