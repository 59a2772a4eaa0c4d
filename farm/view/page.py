"""The page of results: index.html in the output folder, which a browser opens from the disk.

Its data are scripts next to it, since a page from a disk may not fetch files. One script is one page of results; lines are
added to it as results come.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..run.ledger import records
from ..whole_file import write_whole

PAGE_FILE = Path(__file__).with_name("page.html")
RESULTS = 250  # on one page


class ResultsPage:
    """The page of one output folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "page"
        self._count = 0
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        shutil.copyfile(PAGE_FILE, folder / "index.html")
        self.add(_on_record(folder))

    @property
    def pages(self) -> int:
        return -(-self._count // RESULTS)

    def add(self, lines: Iterator[Mapping[str, Any]]) -> None:
        """Records of jobs that have ended. Raises OSError when they cannot be written."""
        written: dict[int, list[str]] = {}
        for line in lines:
            number = self._count // RESULTS
            written.setdefault(number, []).append(f"job({json.dumps({**_shown(line), 'page': number})})\n")
            self._count += 1
        for number, calls in written.items():
            with (self._folder / f"{number}.js").open("a", encoding="ascii") as file:
                file.writelines(calls)

    def show(self, status: Mapping[str, Any]) -> None:
        """Raises OSError when it cannot be written."""
        write_whole(self._folder / "status.js", f"status({json.dumps({**status, 'pages': self.pages})})\n")


def _on_record(folder: Path) -> Iterator[dict[str, Any]]:
    """What earlier runs did, each job once, as it ended last."""
    last = {}
    for name in ("failed", "done"):
        for number, line in enumerate(records(folder, name)):
            last[line["id"]] = (name, number)
    for name in ("failed", "done"):
        for number, line in enumerate(records(folder, name)):
            if last[line["id"]] == (name, number):
                yield line


def _shown(line: Mapping[str, Any]) -> dict[str, Any]:
    """What the page needs of a record."""
    shown = {name: line[name] for name in ("id", "at", "server", "seconds", "tags", "message") if name in line}
    return shown | {"files": [{"name": file["name"]} for file in line.get("files", [])]}
