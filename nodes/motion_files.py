"""The folders of motion models and motion LoRAs."""

import os
from typing import Any
from weakref import WeakValueDictionary

import folder_paths

from ..motion.load import load_motion_model

FOLDER = "animatediff_models"
LORA_FOLDER = "animatediff_motion_lora"
"""The names other AnimateDiff packs use too, so that people keep their files where they are."""

KINDS = {FOLDER: ("motion models", "v3_sd15_mm.ckpt"), LORA_FOLDER: ("motion LoRAs", "v2_lora_ZoomIn.ckpt")}
EXTENSIONS = {".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin"}

_in_use: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()


def register_folders() -> None:
    """Makes both folders known to the host, limited to model files."""
    for folder in KINDS:
        folder_paths.add_model_folder_path(folder, os.path.join(folder_paths.models_dir, folder))
        paths, extensions = folder_paths.folder_names_and_paths[folder]
        folder_paths.folder_names_and_paths[folder] = (paths, set(extensions) | EXTENSIONS)


def motion_files() -> list[str]:
    return folder_paths.get_filename_list(FOLDER)


def lora_files() -> list[str]:
    return folder_paths.get_filename_list(LORA_FOLDER)


def path_of(folder: str, name: str) -> str:
    return folder_paths.get_full_path_or_raise(folder, name)


def load_file(name: str, family: str | None = None) -> Any:
    """The MOTION_MODEL in file `name`. While some node still holds it, a second node gets the same one."""
    path = path_of(FOLDER, name)
    stat = os.stat(path)
    key = (path, stat.st_mtime_ns, stat.st_size, family)
    motion = _in_use.get(key)
    if motion is None:
        motion = _in_use[key] = load_motion_model(path, family)
    return motion


def fingerprint(folder: str, name: str | None) -> str:
    """For `fingerprint_inputs`: changes when the file does, so that the host runs the node again."""
    path = folder_paths.get_full_path(folder, name) if name is not None else None
    if path is None:
        return ""
    stat = os.stat(path)
    return f"{stat.st_mtime_ns} {stat.st_size}"


def check_file(folder: str, name: str | None) -> bool | str:
    """For `validate_inputs`: True, or what to do when there is no such file to choose."""
    what, example = KINDS[folder]
    files = folder_paths.get_filename_list(folder)
    if not files:
        return (
            f'No {what} found. Put one, e.g. {example}, into "{folder_paths.get_folder_paths(folder)[0]}" and press R.'
        )
    if name is not None and name not in files:
        return f'"{name}" is not among the {len(files)} {what} found. Pick another one, or press R to refresh.'
    return True
