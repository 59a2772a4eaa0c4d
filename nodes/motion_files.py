"""The folder of motion models."""

import os
from typing import Any
from weakref import WeakValueDictionary

import folder_paths

from ..motion.load import load_motion_model

FOLDER = "animatediff_models"
"""The name other AnimateDiff packs use too, so that people keep their files where they are."""

EXTENSIONS = {".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin"}

_in_use: WeakValueDictionary[tuple[str, int, int], Any] = WeakValueDictionary()


def register_folder() -> None:
    """Makes `models/animatediff_models` known to the host, limited to model files."""
    folder_paths.add_model_folder_path(FOLDER, os.path.join(folder_paths.models_dir, FOLDER))
    paths, extensions = folder_paths.folder_names_and_paths[FOLDER]
    folder_paths.folder_names_and_paths[FOLDER] = (paths, set(extensions) | EXTENSIONS)


def motion_files() -> list[str]:
    return folder_paths.get_filename_list(FOLDER)


def load_file(name: str) -> Any:
    """The MOTION_MODEL in file `name`. While some node still holds it, a second node gets the same one."""
    path = folder_paths.get_full_path_or_raise(FOLDER, name)
    stat = os.stat(path)
    key = (path, stat.st_mtime_ns, stat.st_size)
    motion = _in_use.get(key)
    if motion is None:
        motion = _in_use[key] = load_motion_model(path)
    return motion


def check_file(name: str | None) -> bool | str:
    """For `validate_inputs`: True, or what to do when there is no file to choose."""
    files = motion_files()
    if not files:
        folder = folder_paths.get_folder_paths(FOLDER)[0]
        return f'No motion models found. Put one, e.g. v3_sd15_mm.ckpt, into "{folder}" and press R.'
    if name is not None and name not in files:
        return f'"{name}" is not among the {len(files)} motion models found. Pick another one, or press R to refresh.'
    return True
