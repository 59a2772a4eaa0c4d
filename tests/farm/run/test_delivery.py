"""Results become files: names of servers are hostile, and a folder of results is whole or not there."""

import asyncio
import errno
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kinema.farm.run.delivery import FolderFailed, Gone, deliver, entries_of
from kinema.farm.run.output_folder import OutputFolder, open_folder
from kinema.farm.servers.link import Answered


class Files:
    """The /view page of a server: `content` by file name."""

    name = "server"

    def __init__(self, content: Mapping[str, bytes]) -> None:
        self._content = content

    async def download(self, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        if query["filename"] not in self._content:
            raise Answered(404, "")
        yield self._content[query["filename"]]


def fetched(folder: OutputFolder, content: Mapping[str, bytes], names: list[str] | None = None) -> list[str]:
    outputs = {"9": {"images": [{"filename": name, "type": "output"} for name in names or content]}}
    link: Any = Files(content)
    return [file.name for file in asyncio.run(deliver(link, outputs, folder, "job", "prompt"))]


@pytest.fixture
def folder(tmp_path: Path) -> OutputFolder:
    return open_folder(tmp_path / "out")


def test_no_name_leads_out_of_the_folder(folder: OutputFolder) -> None:
    hostile = [
        "../../up.png",
        "C:\\x\\y.png",
        "/etc/passwd",
        "..",
        "nul.png",
        "a:b?.png",
        ".hidden",
        "Y.png",
        "y" * 500,
    ]
    names = fetched(folder, dict.fromkeys(hostile, b"x"))
    assert names[:8] == ["up.png", "y.png", "passwd", "file", "_nul.png", "a_b_.png", "hidden", "Y-2.png"]
    assert sorted(file.name for file in (folder.results / "job").iterdir()) == sorted(names)
    assert len(names[8]) <= 120


def test_a_result_replaces_an_older_one_as_a_whole(folder: OutputFolder) -> None:
    fetched(folder, {"a.png": b"1", "b.png": b"2"})
    fetched(folder, {"a.png": b"3"})
    assert [file.read_bytes() for file in (folder.results / "job").iterdir()] == [b"3"]
    with pytest.raises(Gone, match="server has no file c.png any more"):
        fetched(folder, {"a.png": b"4"}, ["a.png", "c.png"])
    assert (folder.results / "job" / "a.png").read_bytes() == b"3"
    assert not list(folder.aside.iterdir())


def test_a_full_disk_stops_the_farm(folder: OutputFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FolderFailed, match="cannot be written: the disk is full"):
        fetched(folder, {"a.png": b"1"})


def test_every_kind_of_file_is_found_in_a_record() -> None:
    file = {"filename": "x", "subfolder": "", "type": "output"}
    outputs = {
        "1": {"gifs": [file], "text": ["a"], "animated": [True]},
        "2": {"audio": [file], "video": file},
        "3": None,
    }
    assert [(node, kind) for node, kind, _ in entries_of(outputs)] == [("1", "gifs"), ("2", "audio"), ("2", "video")]
