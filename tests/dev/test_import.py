"""What the host's loader sees of the pack; how long that takes is a row of `dev.py bench`."""

import importlib
import re
from pathlib import Path

import pytest

from tools import environment
from tools.environment import REPOSITORY

HOST = environment.find().hosts[0]
OTHERS = {  # what makes another host of this one: its version, a file, what is replaced in it, and what is said on it
    "older": (
        *("0.13.0", "nodes.py", "await extension.on_load()", "pass"),
        "Kinema needs ComfyUI 0.15.1 or newer, but this is 0.13.0. Update ComfyUI.",
    ),
    "newer": (
        *("9.0.0", "comfy/context_windows.py", "class IndexListContextWindow(", "class Unknown("),
        "This ComfyUI (9.0.0) lacks comfy.context_windows, which Kinema needs. Update Kinema.",
    ),
}


@pytest.fixture
def edited(tmp_path: Path):
    """Makes a copy of the host, of links but for one file that is edited."""

    def copy(name: str, before: str, after: str, version: str) -> Path:
        folder, original = tmp_path, HOST
        for part in (*Path(name).parts[:-1], None):
            for entry in original.iterdir():
                (folder / entry.name).symlink_to(entry)
            if part:
                folder, original = folder / part, original / part
                folder.unlink()
                folder.mkdir()
        changed = (tmp_path / name).read_text().replace(before, after)
        assert changed != (tmp_path / name).read_text()
        for file, text in ((name, changed), ("comfyui_version.py", f'__version__ = "{version}"\n')):
            (tmp_path / file).unlink()
            (tmp_path / file).write_text(text)
        return tmp_path

    return copy


@pytest.mark.parametrize("other", OTHERS)
def test_a_host_without_what_kinema_uses_says_so_in_one_line(other: str, edited) -> None:
    version, file, before, after, said = OTHERS[other]
    with pytest.raises(RuntimeError) as refused:
        importlib.import_module("tools.bench.import").load_once(edited(file, before, after, version))
    line = str(refused.value).splitlines()[1]
    without_name = re.sub(r"(comfy\.context_windows)\.\w+", r"\1", line)  # Python 3.12 names it
    assert without_name == f"Error while calling comfy_entrypoint in {REPOSITORY}: {said}"


def test_loading_says_at_most_one_line() -> None:
    loaded = importlib.import_module("tools.bench.import").load_once(HOST)
    assert len(loaded.lines) <= 1, loaded.lines
