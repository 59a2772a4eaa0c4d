"""The ComfyUI of this machine: its folder, its Python, and the devices that its servers use."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..graph.refused import Refused

PYTHONS = (
    *(".venv/bin/python", "venv/bin/python", ".venv/Scripts/python.exe", "venv/Scripts/python.exe"),
    "../python_embeded/python.exe",  # of the portable version for Windows, where it is spelled like this
)


def comfyui_folder() -> Path:
    """COMFYUI_PATH, else the ComfyUI whose custom_nodes folder contains this pack. Raises Refused without one."""
    named = os.environ.get("COMFYUI_PATH")
    pack = Path(__file__).absolute().parents[2]
    folder = Path(named).expanduser().absolute() if named else pack.parent.parent
    if (folder / "main.py").is_file() and (folder / "comfy").is_dir():
        return folder
    if named:
        raise Refused(
            [f"COMFYUI_PATH is {folder}, which contains no ComfyUI: name the folder that contains its main.py"]
        )
    raise Refused(
        ["there is no ComfyUI to start servers from: set COMFYUI_PATH to the folder that contains its main.py"]
    )


def python_of(folder: Path) -> str:
    """The Python that runs this ComfyUI. Raises Refused when there is none with torch."""
    if named := os.environ.get("COMFYUI_PYTHON"):
        return named
    for place in PYTHONS:
        if (folder / place).is_file():
            return str(folder / place)
    if importlib.util.find_spec("torch"):
        return sys.executable
    raise Refused(
        [
            f"{sys.executable} has no torch, and {folder} has no .venv: set COMFYUI_PYTHON to the Python that runs ComfyUI"
        ]
    )


def device_flags(count: int, given: Sequence[str]) -> list[list[str]]:
    """Flags for each of `count` servers: one GPU each, else the CPU. `given`: what the user passes to all of them.

    Raises Refused for more servers than GPUs.
    """
    if {"--cpu", "--cuda-device", "--directml", "--oneapi-device-selector"} & set(given):
        return [[] for _ in range(count)]
    gpus = _gpus()
    if not gpus and sys.platform == "darwin":
        gpus = [""]
    if not gpus:
        return [["--cpu"] for _ in range(count)]
    if count > len(gpus):
        found = f"{len(gpus)} GPU" + ("s" if len(gpus) > 1 else "")
        raise Refused(
            [
                f"--local {count} asks for more servers than there are GPUs (this machine has {found}). Start at most one "
                "server per GPU, or append -- --cpu to run the servers on the CPU."
            ]
        )
    return [["--cuda-device", gpu] if gpu else [] for gpu in gpus[:count]]


def _gpus() -> list[str]:
    """Names by which CUDA knows the GPUs that this process may use."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    if not (tool := shutil.which("nvidia-smi")):
        return []
    listed = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False).stdout
    return [str(number) for number, line in enumerate(line for line in listed.splitlines() if line.startswith("GPU "))]
