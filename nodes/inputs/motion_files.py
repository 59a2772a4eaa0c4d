"""The folders of motion models, motion LoRAs and SparseCtrl models, and what the miniature brings along."""

import os
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import folder_paths

from ...miniature.models import FOLDER as MINIATURE
from ...motion.detect import detect
from ...motion.files import MotionFileError, read_header
from ...motion.host import HostMotion
from ...motion.load import load_motion_model, usual_settings
from ...motion.spec import BASE_NAMES, MotionSpec
from ...sampling.sparsectrl.sparse_model import SparseModel, load_sparsectrl

MODEL_FOLDER = "animatediff_models"
LORA_FOLDER = "animatediff_motion_lora"
CAMERA_FOLDER = "cameractrl"
"""The names other AnimateDiff packs use too, so that people keep their files where they are."""

CONTROL_FOLDER = "controlnet"
"""The host's own folder."""

EVOLVED_PACK = "comfyui-animatediff-evolved"
EVOLVED_FOLDERS = {MODEL_FOLDER: "models", LORA_FOLDER: "motion_lora"}
"""Folders of AnimateDiff-Evolved's own, in which people left their files."""

FOLDERS = {
    MODEL_FOLDER: ("motion models", "mm_sd15_v3.safetensors"),
    LORA_FOLDER: ("motion LoRAs", "mm_sd15_v2_lora_ZoomIn.safetensors"),
}
FILES = {**FOLDERS, CONTROL_FOLDER: ("ControlNets", "v3_sd15_sparsectrl_rgb.ckpt")}
EXTENSIONS = {".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin"}

MINIATURE_SETTINGS = "12 to 20 steps, dpmpp_2m, karras, cfg 2, pictures of 128 x 128 pixels"

BEST = ("v3", "v2")
"""The families that suit most people, the best first."""
READING = 0.04
"""Seconds for which files are read at most before the canvas gets its list of nodes."""

Loaded = TypeVar("Loaded")

_in_use: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()


def register_folders() -> None:
    """Makes these folders known to the host, limited to model files, and the miniature's style LoRA.

    The miniature's motion files are not registered: other packs list these folders too, and start with the first file.
    """
    for folder in (MODEL_FOLDER, LORA_FOLDER, CAMERA_FOLDER):
        folder_paths.add_model_folder_path(folder, os.path.join(folder_paths.models_dir, folder))
        paths, extensions = folder_paths.folder_names_and_paths[folder]
        folder_paths.folder_names_and_paths[folder] = (paths, set(extensions) | EXTENSIONS)
    for pack in _evolved_packs():
        for folder, name in EVOLVED_FOLDERS.items():
            if (pack / name).is_dir():
                folder_paths.add_model_folder_path(folder, str(pack / name))
    folder_paths.add_model_folder_path("loras", str(MINIATURE / "loras"))


def _evolved_packs() -> list[Path]:
    """The folders in which AnimateDiff-Evolved is installed. Git writes its name in capitals and the registry does not; a pack
    that ComfyUI-Manager disabled is in a folder of its own, with its version behind an @."""
    homes = [Path(home) for home in folder_paths.get_folder_paths("custom_nodes")]
    inside = [*homes, *(home / ".disabled" for home in homes)]
    packs = [pack for folder in inside if folder.is_dir() for pack in sorted(folder.iterdir())]
    return [pack for pack in packs if pack.name.lower().partition("@")[0].removesuffix(".disabled") == EVOLVED_PACK]


def motion_files() -> list[str]:
    return _offered(MODEL_FOLDER)


def best_motion_file() -> str | None:
    """The user's own motion model that suits most people: v3, else v2, else another; None: there is none.

    Files are read for `READING` seconds at most, those whose names promise most first, and each only once.
    """
    own: list[str] = folder_paths.get_filename_list(MODEL_FOLDER)
    promising = sorted(
        own, key=lambda name: next((i for i, family in enumerate(BEST) if family in name.lower()), len(BEST))
    )
    best = own[0] if own else None
    least = len(BEST) + 1
    end = time.monotonic() + READING
    for name in promising:
        if least == 0 or time.monotonic() > end:
            break
        rank = _rank(name)
        if rank < least:
            best = name
            least = rank
    return best


def _rank(name: str) -> int:
    """Place of a file's family in BEST, then other motion models, then what is none."""
    path: str | None = folder_paths.get_full_path(MODEL_FOLDER, name)
    if path is None:
        return len(BEST) + 1
    stat = os.stat(path)
    family = _family(path, stat.st_mtime_ns, stat.st_size)
    return BEST.index(family) if family in BEST else len(BEST) + (family == "")


@lru_cache(maxsize=4096)
def _family(path: str, _written: int, _size: int) -> str:
    """The name of the family of the motion model at `path`, as it was then; empty: it is none."""
    try:
        return detect(read_header(Path(path)), os.path.basename(path))[0].family.name
    except MotionFileError:
        return ""


def lora_files() -> list[str]:
    return _offered(LORA_FOLDER)


def control_files() -> list[str]:
    return _offered(CONTROL_FOLDER)


def _offered(folder: str) -> list[str]:
    """The user's own files, of which nodes start with the first, and then the miniature's."""
    own: list[str] = folder_paths.get_filename_list(folder)
    return [*own, *(name for name in _shipped(folder) if name not in own)]


def _shipped(folder: str) -> list[str]:
    """The miniature's files that belong in `folder`."""
    return sorted(file.name for file in (MINIATURE / folder).glob("*.safetensors"))


def path_of(folder: str, name: str) -> str:
    """Where the file `name` is: the user's own, else the miniature's. Raises FileNotFoundError where there is none: `name` may
    come from another node."""
    path = _path(folder, name) if isinstance(name, str) else None
    if path is None:
        raise FileNotFoundError(_missing(folder, name))
    return path


def _path(folder: str, name: str) -> str | None:
    own: str | None = folder_paths.get_full_path(folder, name)
    return str(MINIATURE / folder / name) if own is None and name in _shipped(folder) else own


def load_file(name: str, family: str | None = None) -> HostMotion:
    """The MOTION_MODEL in file `name`. While some node still holds it, a second node gets the same one."""
    path = path_of(MODEL_FOLDER, name)
    return _shared(path, family, lambda: load_motion_model(path, family))


def about_file(name: str, spec: MotionSpec) -> list[str]:
    """What a user should know of the motion model in file `name`, which has this `spec`."""
    is_miniature = path_of(MODEL_FOLDER, name).startswith(str(MINIATURE))
    usual = MINIATURE_SETTINGS if is_miniature else usual_settings(spec.family.preset, name)
    sentences = [
        f"{spec.family.label} for {BASE_NAMES[spec.base]}, trained with {spec.native_frames} frames.",
        f"Usual settings: {usual}.",
    ]
    return [*sentences, f'"{name}": {spec.note}'] if spec.note else sentences


def load_sparse_file(name: str) -> SparseModel:
    """The same for a SparseCtrl model."""
    path = path_of(CONTROL_FOLDER, name)
    return _shared(path, CONTROL_FOLDER, lambda: load_sparsectrl(path))


def _shared(path: str, how: str | None, load: Callable[[], Loaded]) -> Loaded:
    """What `load` makes of the file at `path`, once while some node still holds it and the file stays the same."""
    stat = os.stat(path)
    key = (path, stat.st_mtime_ns, stat.st_size, how)
    model: Loaded | None = _in_use.get(key)
    if model is None:
        model = _in_use[key] = load()
    return model


def fingerprint(folder: str, name: str | None) -> str:
    """For `fingerprint_inputs`: changes when the file does, so that the host runs the node again."""
    path = _path(folder, name) if name is not None else None
    if path is None:
        return ""
    stat = os.stat(path)
    return f"{stat.st_mtime_ns} {stat.st_size}"


def check_file(folder: str, name: str | None) -> bool | str:
    """For `validate_inputs`: True, or what to do when there is no such file to choose. None: the name comes from another node,
    or there is none to choose."""
    if name in _offered(folder) or (name is None and folder_paths.get_filename_list(folder)):
        return True
    return _missing(folder, name)


def _missing(folder: str, name: str | None) -> str:
    what, example = FILES[folder]
    home = folder_paths.get_folder_paths(folder)[0]
    if not folder_paths.get_filename_list(folder):
        return f'No {what} found. Put one, e.g. {example}, into "{home}" and press R to refresh.'
    return f'"{name}" was not found. Put this file into "{home}" and press R to refresh, or pick another file.'
