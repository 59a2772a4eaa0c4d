"""`dev.py test` tells the truth: in its last line and in its exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import test
from tools.environment import REPOSITORY

PASSES = "def test_passes(): pass\n"
AVX2 = "import torch\ndef test_passes(): assert torch.backends.cpu.get_cpu_capability() != 'AVX512'\n"
FAILS = "def test_fails(): assert 0\n"
SKIPS = "import pytest\ndef test_skips(): pytest.skip('no reason')\n"
ERRS = "import pytest\n@pytest.fixture\ndef broken(): raise OSError\ndef test_errs(broken): pass\n"
DIES = "import os\ndef test_dies(): os._exit(0)\n"
NOT_PYTHON = "def"
BROWSES = "from e2e.conftest import page_of\ndef test_browses():\n    with page_of(None): pass\n"


@pytest.mark.parametrize(
    ("source", "last_line", "succeeds"),
    [
        (AVX2, "1 passed, 0 failed, 0 skipped", True),
        (PASSES + DIES, "0 passed, 1 failed, 0 skipped", False),
        (NOT_PYTHON, "0 passed, 1 failed, 0 skipped", False),
        (SKIPS, "0 passed, 0 failed, 1 skipped", False),
        ("", "0 passed, 0 failed, 0 skipped", False),
    ],
    ids=["passes with --avx2", "dies", "does not parse", "only skips", "is empty"],
)
def test_a_file_that(
    source: str, last_line: str, succeeds: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(source)
    code = test.main(["--avx2" if source == AVX2 else "--fast", str(file)])
    output = capfd.readouterr().out
    assert output.splitlines()[-1] == last_line
    assert ("  skipped 1: no reason\n" in output) is (SKIPS in source)
    assert (code == 0) is succeeds


def run(source: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own."""
    file = folder / "test_it.py"
    file.write_text(source)
    command = [sys.executable, str(REPOSITORY / "dev.py"), "test", "--fast", str(file)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env={**os.environ, **variables})


def test_failures_and_errors_are_the_commands_exit_code(tmp_path: Path) -> None:
    done = run(PASSES + FAILS + ERRS, tmp_path)
    assert done.stdout.splitlines()[-1] == "1 passed, 2 failed, 0 skipped"
    assert done.returncode == 1


def test_without_a_browser_it_says_what_did_not_run(tmp_path: Path) -> None:
    done = run(PASSES + SKIPS + BROWSES, tmp_path, PATH="")
    assert "  skipped 1: needs a browser; install Chromium" in done.stdout, done.stdout + done.stderr
    assert "  skipped 1: no reason\n" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 passed, 0 failed, 2 skipped"
    assert done.returncode == 0
