"""The files of CameraCtrl: in the folder of motion models, where people have them, or in one of their own."""

import os
from typing import Any
from weakref import WeakValueDictionary

import folder_paths

from ...miniature.models import FOLDER as MINIATURE
from ...motion.camera_load import load_camera_ctrl
from .motion_files import (
    CAMERA_FOLDER,
    CONTROL_FOLDER,
    LORA_FOLDER,
    MODEL_FOLDER,
    control_files,
    lora_files,
    motion_files,
)

_in_use: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()


def camera_files() -> list[str]:
    """The names to choose from: those that are known to be CameraCtrl come first, the miniature's last."""
    known: list[str] = folder_paths.get_filename_list(CAMERA_FOLDER)
    others = sorted(folder_paths.get_filename_list(MODEL_FOLDER), key=lambda name: "camera" not in name.lower())
    own = [*dict.fromkeys([*known, *others])]
    return [*own, *(name for name in _shipped() if name not in own)]


def files_in(folder: str) -> list[str]:
    """All names that nodes offer from `folder`, for what looks a file up without knowing the node."""
    if folder == MODEL_FOLDER:
        return [*dict.fromkeys([*motion_files(), *camera_files()])]
    return {LORA_FOLDER: lora_files, CONTROL_FOLDER: control_files}[folder]()


def camera_path(name: str) -> str:
    """Where the file `name` is: the user's own, else the miniature's. Raises FileNotFoundError where there is none: `name` may
    come from another node."""
    path = _found(name) if isinstance(name, str) else None
    if path is None:
        raise FileNotFoundError(_missing(name))
    return path


def load_camera_file(name: str) -> Any:
    """The CameraCtrl in file `name`. While some node still holds it, a second node gets the same one."""
    path = camera_path(name)
    key = (path, camera_fingerprint(name))
    patcher = _in_use.get(key)
    if patcher is None:
        patcher = _in_use[key] = load_camera_ctrl(path)
    return patcher


def camera_fingerprint(name: str | None) -> str:
    """For `fingerprint_inputs`: changes when the file does, so that the host runs the node again."""
    path = _found(name) if name is not None else None
    if path is None:
        return ""
    stat = os.stat(path)
    return f"{stat.st_mtime_ns} {stat.st_size}"


def check_camera_file(name: str | None) -> bool | str:
    """For `validate_inputs`: True, or what to do when there is no such file to choose. None: the name comes from another
    node."""
    return True if name is None or name in camera_files() else _missing(name)


def _missing(name: str | None) -> str:
    home = folder_paths.get_folder_paths(MODEL_FOLDER)[0]
    return (
        f'"{name}" is not in "{home}". Put a CameraCtrl file, e.g. CameraCtrl_pruned.safetensors, there and press R to '
        "refresh."
    )


def _found(name: str) -> str | None:
    own = (folder_paths.get_full_path(folder, name) for folder in (CAMERA_FOLDER, MODEL_FOLDER))
    shipped = str(MINIATURE / CAMERA_FOLDER / name) if name in _shipped() else None
    return next((path for path in own if path is not None), shipped)


def _shipped() -> list[str]:
    """The miniature's files."""
    return sorted(file.name for file in (MINIATURE / CAMERA_FOLDER).glob("*.safetensors"))
