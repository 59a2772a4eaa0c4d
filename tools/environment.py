"""Where things are: the cache, the ComfyUIs that commands run against, and the Python that runs them."""

import hashlib
import importlib.util
import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

# Not resolved: a checkout that is linked into a custom_nodes folder counts as lying there.
REPOSITORY = Path(__file__).absolute().parent.parent
LOCK = REPOSITORY / "tools" / "requirements.lock"
FARM_LOCK = REPOSITORY / "farm" / "requirements.lock"
RAY_LOCK = REPOSITORY / "farm" / "requirements-ray.lock"
VERSIONS = ("0.30.0", "0.16.3")  # newest first


@dataclass(frozen=True)
class Environment:
    """What commands run with."""

    python: Path  # runs the commands
    hosts: tuple[Path, ...]  # folders of ComfyUI, newest first

    @property
    def is_current(self) -> bool:
        return Path(sys.executable) == self.python


def find() -> Environment:
    """The user's own ComfyUI when there is one, else the installed ones; whether they are installed yet or not."""
    own = _own_host()
    hosts = (own,) if own else tuple(installed_host(version) for version in VERSIONS)
    if own and importlib.util.find_spec("torch"):
        return Environment(Path(sys.executable), hosts)
    return Environment(venv_python(), hosts)


def require(*modules: str) -> None:
    """Raises SystemExit when this Python, which may be a user's own, lacks one of the development tools."""
    if missing := [module for module in modules if not importlib.util.find_spec(module)]:
        names = " and ".join(missing)
        raise SystemExit(f"{sys.executable} has no {names}. Install what tools/requirements.txt lists for development.")


def _own_host() -> Path | None:
    """COMFYUI_PATH, else the ComfyUI whose custom_nodes folder holds this checkout."""
    if named := os.environ.get("COMFYUI_PATH"):
        host = Path(named).expanduser().absolute()
        if not _is_host(host):
            raise SystemExit(
                f"COMFYUI_PATH is {host}, which contains no ComfyUI. Name the folder that contains its main.py."
            )
        return host
    host = REPOSITORY.parent.parent
    return host if REPOSITORY.parent.name == "custom_nodes" and _is_host(host) else None


def _is_host(folder: Path) -> bool:
    return (folder / "main.py").is_file() and (folder / "comfy").is_dir()


def cache() -> Path:
    """The folder for everything that commands install or generate."""
    if named := os.environ.get("KINEMA_CACHE"):
        return Path(named).expanduser().absolute()
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "kinema"


def installed_host(version: str) -> Path:
    return cache() / f"comfyui-{version}"


def frontend(host: Path) -> Path | None:
    """The folder of the web client that an installed `host` asks for; None where the environment brings just that one,
    and for a user's own host."""
    if host.parent != cache():
        return None
    (pin,) = re.findall(r"^comfyui-frontend-package==\S+", (host / "requirements.txt").read_text(), re.MULTILINE)
    return None if pin in LOCK.read_text().splitlines() else cache() / pin.replace("==", "-")


def venv(lock: Path = LOCK) -> Path:
    """The virtual environment for the pins in `lock` and this Python; other pins get another one."""
    kind = f"{sys.version_info.major}.{sys.version_info.minor} {sys.platform} {platform.machine()}"
    key = hashlib.sha256(lock.read_bytes() + kind.encode()).hexdigest()[:12]
    names = {LOCK: "venv", FARM_LOCK: "farm", RAY_LOCK: "ray"}
    return cache() / f"{names[lock]}-{key}"


def venv_python(lock: Path = LOCK) -> Path:
    return venv(lock) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
