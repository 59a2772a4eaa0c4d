"""The diffs of docs/extending.md apply to a copy of the repository, and the copy passes as a draft."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.environment import REPOSITORY

PAGE = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
DIFFS = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```diff\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
"""By the headings of their sections."""
ALWAYS = [
    "tests/test_house.py",
    *(f"tests/nodes/test_{name}.py" for name in ("schemas", "help", "locales", "complete")),
]


def git(folder: Path, *arguments: str, given: str = "") -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the repository as they are now, in a repository of their own."""
    folder = tmp_path_factory.mktemp("extended")
    for name in git(REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    return folder


def test_every_section_has_one_diff_that_applies_alone(copy: Path) -> None:
    assert list(DIFFS) == re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert PAGE.count("```diff\n") == len(DIFFS)
    for diff in DIFFS.values():
        git(copy, "apply", "--check", "-", given=diff)


def test_with_all_of_them_the_copy_passes_as_a_draft(copy: Path) -> None:
    for diff in DIFFS.values():
        git(copy, "apply", "--index", "-", given=diff)
    touched = re.findall(r"^\+\+\+ b/(tests/\S*test_\w+\.py)$", "".join(DIFFS.values()), re.MULTILINE)
    assert len(touched) >= len(DIFFS)  # each brings a test that runs what it adds
    command = [sys.executable, str(copy / "dev.py"), "test", "--draft", "--fast", *ALWAYS, *touched]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed, 0 failed, 1 skipped$", done.stdout.strip()), done.stdout
    assert "KinemaPingPong lacks its line in node_list.json: run python3 dev.py docs; what its picture" in done.stdout
