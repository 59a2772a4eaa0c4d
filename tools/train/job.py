"""The settings of a training on the command line, as read from a file."""

import json
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """[run]: `output` is the file to write. Paths are relative to the settings file."""

    output: Path
    checkpoint: Path
    motion_model: Path | None = None
    kind: str | None = None
    fp16: bool = True
    sample_every: int = 0
    threads: int = 1


@dataclass(frozen=True)
class Data:
    """[clips]: as in the node Load Clips. `cache` is a folder for latents."""

    folder: Path
    prompt: str = ""
    frames: int = 16
    stride: int = 4
    width: int = 256
    height: int = 256
    crop: bool = True
    flip: bool = False
    clips_per_video: int = 0
    cache: Path | None = None


@dataclass(frozen=True)
class Lora:
    """[lora]: as in the node Train Motion LoRA. Without this table a whole motion model is trained."""

    rank: int = 64
    debias: bool = True
    learn_looks_apart: bool = False


@dataclass(frozen=True)
class Job:
    """A whole file; `settings` are fields of TrainSettings, where "schedule" can be "A", "B" or "C"."""

    run: Run
    clips: Data
    lora: Lora | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def read_job(file: Path) -> Job:
    """Raises ValueError for what cannot be meant, naming it."""
    tables = _read(file)
    if unknown := sorted(tables.keys() - {"run", "clips", "lora", "settings"}):
        raise ValueError(f'there is no table "{unknown[0]}". The tables are run, clips, settings and lora.')
    run = _fill(Run, "run", tables, file.parent)
    clips = _fill(Data, "clips", tables, file.parent)
    lora = _fill(Lora, "lora", tables, file.parent) if "lora" in tables else None
    if lora and run.motion_model is None:
        raise ValueError("a motion LoRA is made for a motion model. Set motion_model in [run].")
    return Job(run, clips, lora, tables.get("settings", {}))


def _read(file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        return dict(json.loads(text))
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(text)
    raise ValueError("Python 3.10 reads no TOML. Write the same settings as .json, or use Python 3.11.")


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
