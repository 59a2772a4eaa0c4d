"""The settings of a training on the command line, as read from a file. Needs the extension, but no host."""

import json
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from kinema.motion.families import FAMILIES
from kinema.motion.spec import NoiseSchedule
from kinema.training.checkpoint import check_replaceable
from kinema.training.config import SETTINGS, LoraOptions, TrainSettings, by_present_names

T = TypeVar("T")
_RELATIVE = "Correct the path; it is relative to this settings file."


@dataclass(frozen=True)
class Run:
    """[run]. Paths are relative to the settings file."""

    output: Path  # the file to write
    checkpoint: Path  # of the image model
    motion_model: Path | None = None  # to continue from, or to teach with a LoRA; None: a new one
    kind: str | None = None  # family of a new one; None: the usual one
    fp16: bool = True  # whether the file is in fp16 or in fp32
    sample_every: int = 0  # steps between two sample animations; 0: none
    threads: int = 1  # of the CPU
    other_clips: bool = False  # whether a run goes on although its clips have changed


@dataclass(frozen=True)
class Data:
    """[clips]: as in the node Load Clips."""

    folder: Path  # of videos and image sequences
    prompt: str = ""  # caption of clips that have none of their own
    frames: int = 16  # of a clip
    stride: int = 4  # frames of the source from one frame of a clip to the next
    width: int = 256  # pixels
    height: int = 256  # pixels
    crop: bool = True  # whether two sides are cut off to keep the proportions; otherwise pictures are stretched
    flip: bool = False  # whether every clip is added once more, mirrored
    clips_per_video: int = 0  # at most; 0: all
    cache: Path | None = None  # folder for latents; None: they are encoded at every start


@dataclass(frozen=True)
class Job:
    """A whole file."""

    run: Run  # [run]: models and output
    clips: Data  # [clips]: what to learn from
    settings: TrainSettings = field(default_factory=TrainSettings)  # [settings]: as in the training nodes
    lora: LoraOptions | None = None  # [lora]: as in Train Motion LoRA; without it a whole motion model is trained
    sparsectrl: bool = False  # whether there is [sparsectrl], which has no settings: as in Train SparseCtrl


def read_job(file: Path) -> Job:
    """Raises ValueError for what cannot be meant, naming it."""
    tables = _read(file)
    if unknown := sorted(tables.keys() - {"run", "clips", "lora", "sparsectrl", "settings"}):
        raise ValueError(f'there is no table "{unknown[0]}". The tables are run, clips, settings, lora and sparsectrl.')
    run = _fill(Run, "run", tables, file.parent)
    if run.kind not in (None, *FAMILIES):
        raise ValueError(f'kind is "{run.kind}", but must be one of {", ".join(FAMILIES)}.')
    lora = _fill(LoraOptions, "lora", tables, file.parent) if "lora" in tables else None
    sparsectrl = "sparsectrl" in tables
    if tables.get("sparsectrl"):
        raise ValueError("[sparsectrl] has no settings. Leave the table empty, and put settings in [settings].")
    if lora and sparsectrl:
        raise ValueError("[lora] and [sparsectrl] train different files. Use one settings file for each.")
    if sparsectrl and run.motion_model is None:
        raise ValueError("[run] has no motion_model, which SparseCtrl needs. Set it to a file.")
    if lora and run.motion_model is None:
        raise ValueError("[run] has no motion_model, which a motion LoRA needs. Set it to a file.")
    return Job(run, _fill(Data, "clips", tables, file.parent), _settings(tables.get("settings", {})), lora, sparsectrl)


def prepare_paths(job: Job) -> None:
    """Makes the folders that `job` writes to. Raises ValueError for a path that leads to nothing, or to what must stay."""
    run, clips = job.run, job.clips
    for name, file in {"checkpoint": run.checkpoint, "motion_model": run.motion_model}.items():
        if file is not None and not file.is_file():
            raise ValueError(f'{name} in [run] is "{file}", but there is no such file. {_RELATIVE}')
    if not clips.folder.is_dir():
        raise ValueError(f'folder in [clips] is "{clips.folder}", but there is no such folder. {_RELATIVE}')
    check_replaceable(run.output)
    for name, folder in {"output": run.output.parent, "cache": clips.cache}.items():
        if folder is not None:
            _make(name, folder)


def _make(name: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f'the folder "{folder}" for {name} cannot be made: {error.strerror}. Choose another folder.'
        ) from None


def _settings(table: dict[str, Any]) -> TrainSettings:
    values = by_present_names(table)
    if unknown := sorted(values.keys() - SETTINGS.keys()):
        raise ValueError(f'[settings] has no setting "{unknown[0]}". It has {", ".join(SETTINGS)}.')
    schedule = values.get("noise_schedule")
    if isinstance(schedule, dict):
        try:
            values["noise_schedule"] = NoiseSchedule(**schedule)
        except TypeError:
            raise ValueError("If noise_schedule is a table, it needs betas, first and last.") from None
    return TrainSettings(**values)


def _read(file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        return dict(json.loads(text))
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(text)
    raise ValueError("Python 3.10 cannot read TOML. Write the same settings as .json, or use Python 3.11.")


def _fill(kind: type[T], name: str, tables: dict[str, Any], folder: Path) -> T:
    """`kind` with the values of table `name`, paths made relative to `folder`."""
    types = {f.name: str(f.type) for f in fields(kind)}  # type: ignore[arg-type]
    table = tables.get(name, {})
    if unknown := sorted(table.keys() - types.keys()):
        raise ValueError(f'[{name}] has no setting "{unknown[0]}". It has {", ".join(types)}.')
    try:
        return kind(**{key: folder / value if "Path" in types[key] else value for key, value in table.items()})
    except TypeError as error:
        raise ValueError(f"[{name}] is not complete: {str(error).partition('missing ')[2]}.") from None
