"""`dev.py check [--fix]`: format, lint, types, layers, then what nodes still lack for a release; seconds after a first run."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

from tools import environment, server
from tools.environment import REPOSITORY

TYPED = (
    *(
        f"kinema.{folder}"
        for folder in (
            *("motion", "drawing", "sampling", "training", "evaluation", "miniature"),
            *("convert", "doors", "nodes", "farm"),
        )
    ),
    "tools",
)
"""Packages that mypy checks strictly."""


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--fix"]):
        print(__doc__)
        return 2
    environment.require("ruff", "mypy", "pytest")
    fix = bool(arguments)
    python = [sys.executable, "-m"]
    house = [f"tests/test_{name}.py" for name in ("house", "fields", "statements")]
    tests = ["-c", "tests/pytest.ini", "--rootdir", "tests", "-q", *house]
    checks = {
        "format": ([*python, "ruff", "format", *([] if fix else ["--check"]), "."], REPOSITORY),
        "lint": ([*python, "ruff", "check", *(["--fix"] if fix else []), "."], REPOSITORY),
        "types": ([*python, "mypy", *_mypy_arguments()], _package_folder()),
        "calls in tests": ([*python, "mypy", *_test_arguments()], _package_folder()),
        "layers": ([*python, "pytest", *tests], REPOSITORY),
    }
    failed = [title for title, (command, folder) in checks.items() if not _passes(title, command, folder)]
    if not failed:
        subprocess.run([*python, "tools.help", "--missing"], cwd=REPOSITORY, env=_variables(), check=True)
    print(f"Failed: {', '.join(failed)}" if failed else "All checks passed")
    return 1 if failed else 0


def _passes(title: str, command: list[str], folder: Path) -> bool:
    start = time.monotonic()
    process = subprocess.run(command, cwd=folder, env=_variables(), capture_output=True, text=True)
    print(f"{title}: {'ok' if process.returncode == 0 else 'FAILED'} in {time.monotonic() - start:.1f} s", flush=True)
    if process.returncode:
        print(process.stdout + process.stderr)
    return process.returncode == 0


def _variables() -> dict[str, str]:
    searched = [_package_folder(), REPOSITORY / "tests", REPOSITORY / "tests" / "support"]
    places = {"COMFYUI_PATH": str(environment.find().hosts[0]), "MYPYPATH": os.pathsep.join(map(str, searched))}
    return os.environ | places


def _mypy_arguments() -> list[str]:
    settings = ["--config-file", str(REPOSITORY / "pyproject.toml"), "--cache-dir", str(_package_folder() / "mypy")]
    return [*settings, *(argument for package in TYPED for argument in ("-p", package))]


def _test_arguments() -> list[str]:
    settings = REPOSITORY / "tests" / "mypy.ini"
    return ["--config-file", str(settings), "--cache-dir", str(_package_folder() / "mypy-tests"), str(settings.parent)]


def _package_folder() -> Path:
    """A folder from which the repository is importable as `kinema`, whatever its own folder is called."""
    checkout = hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:8]
    folder = environment.cache() / f"package-{checkout}"
    server.place(REPOSITORY, folder / "kinema")
    server.place(REPOSITORY / "tools", folder / "tools")
    return folder
