"""`dev.py pack [FOLDER]`: the registry's package, as comfy-cli packs it, checked by comfy-cli and comfy-test.

The archive stays in FOLDER if one is named. The two programs are installed into an environment of their own.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

from tools import environment, registry_page, server
from tools.environment import REPOSITORY

PROGRAMS = ("comfy-cli==1.23.0", "comfy-test==0.4.15")
MUST_HAVE = {
    "__init__.py",
    "pyproject.toml",
    "LICENSE",
    "dev.py",
    "tools/train/run.py",
    "miniature/miniature.safetensors",
}
MUST_LACK = ("tests/", ".ci/", ".github/")
WITH_AUTOCAST = {"training/loop.py", "training/sample.py", "tools/miniature/host.py", "tools/miniature/image.py"}
"""Files in which comfy-test's complaint about torch.autocast stays: training in mixed precision needs gradients through
the casts, which it gives and comfy.ops does not."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py pack", description=__doc__)
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="folder for the archive")
    parser.add_argument("--address", metavar="URL", help="address of the repository, for the registry page's links")
    options = parser.parse_args(arguments)
    if options.address:
        registry_page.write(options.address)
    programs = _installed()
    with tempfile.TemporaryDirectory(prefix="kinema-pack-") as folder:
        copy = Path(folder) / "kinema"
        packed = Path(folder) / "packed"
        _copy_tracked(copy)
        _run([programs / "comfy", "--skip-prompt", "node", "pack"], copy)
        (archive,) = copy.glob("*.zip")
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(packed)
        problems = _wrong_files(packed)
        _run([programs / "comfy", "--skip-prompt", "node", "validate"], packed)
        problems += sorted(complaint for complaint in _complaints(programs, packed) if not _is_known(complaint))
        if options.folder:
            shutil.copy(archive, options.folder)
        size = archive.stat().st_size / 2**20
    print(*problems, f"{archive.name}: {size:.0f} MiB, {len(problems)} problems", sep="\n")
    return 1 if problems else 0


def _installed() -> Path:
    """The folder with the programs' commands."""
    folder = environment.cache() / "-".join(["pack", *PROGRAMS]).replace("==", "-")
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    if not (folder / "ready").exists():
        print(f"Installing: {' and '.join(PROGRAMS)} in {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        _run([commands / "python", "-m", "pip", "install", "--quiet", *PROGRAMS], folder)
        (folder / "ready").touch()
    return commands


def _copy_tracked(copy: Path) -> None:
    """The files that git knows, as they are now, in a repository of their own: comfy-cli packs what git tracks."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (REPOSITORY / name).is_file():
            server.place(REPOSITORY / name, copy / name)
    _run(["git", "init", "--quiet"], copy)
    _run(["git", "add", "--all"], copy)


def _wrong_files(packed: Path) -> list[str]:
    files = {file.relative_to(packed).as_posix() for file in packed.rglob("*") if file.is_file()}
    extra = sorted(file for file in files if file.startswith(MUST_LACK))
    return [f"{file} is missing" for file in sorted(MUST_HAVE - files)] + [f"{file} is packed" for file in extra]


def _is_known(complaint: str) -> bool:
    file, _, what = complaint.partition(": ")
    return file in WITH_AUTOCAST and what.startswith("torch.autocast")


def _complaints(programs: Path, packed: Path) -> set[str]:
    """What comfy-test finds, as "file: complaint"."""
    command = [str(programs / "comfy-test"), "lint", "--json", str(packed)]
    done = subprocess.run(command, env=_quiet(), capture_output=True, text=True)
    found = set()
    for name, check in json.loads(done.stdout)["results"].items():
        said = [] if check["passed"] else _by_file(check["details"] or "")
        found |= set(said) if check["passed"] or said else {f"{name}: {check['error']}"}
    return found


def _by_file(details: str) -> list[str]:
    """The lines "  Line N: complaint" after each line "file:", as "file: complaint"."""
    lines, file = [], ""
    for line in details.splitlines():
        if line.endswith(".py:"):
            file = line.strip().replace("\\", "/")
        elif line.strip().startswith("Line "):
            lines.append(f"{file} {line.partition(': ')[2]}")
    return lines


def _run(command: list[Path | str], folder: Path) -> None:
    """Raises SystemExit with what the program said if it fails."""
    done = subprocess.run([str(part) for part in command], cwd=folder, env=_quiet(), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


def _quiet() -> dict[str, str]:
    return {**os.environ, "DO_NOT_TRACK": "1"}
