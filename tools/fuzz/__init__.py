"""`dev.py fuzz --minutes N`: damaged and hostile motion models (plain ones, PIA, AnimateLCM-I2V), motion LoRAs, CameraCtrl
and SparseCtrl models by seed; each must give one clear error, and run no code."""

import argparse
import itertools
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tools import in_host
from tools.fuzz.mutants import Mutant, is_safetensors, mutants

ALLOWED_GROWTH = 50 * 2**20
"""Bytes that the process may grow by in a whole run: a small multiple of the files, which have some ten kB."""


WIDTHS = (32,) * 4
"""Of the levels of files that have all of them: the narrowest that motion modules allow."""


@dataclass(frozen=True)
class Target:
    """A reader under test."""

    make: Callable[[], dict[str, Any]]  # the tensors of a good file, by name
    load: Callable[[Path], Any]  # reads a file as a user's graph would


def survives(mutant: Mutant, folder: Path, proof: Path, load: Callable[[Path], Any]) -> str | None:
    """Has `load` read `mutant`. Returns what went wrong, None if all is well."""
    from kinema.motion.files import MotionFileError

    path = folder / mutant.name
    path.write_bytes(mutant.content)
    try:
        load(path)
    except MotionFileError as error:
        message = str(error)
        if mutant.name not in message or "\n" in message or len(message) > 600:
            return f"unclear message: {message!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    finally:
        path.unlink()
    return "it ran code" if proof.exists() else None


def disagreement(mutant: Mutant, folder: Path) -> str | None:
    """How our reader of headers and the format's own differ on `mutant`, None where they agree: what ours reads the other
    reads alike, and ours refuses no more than tensors with one name."""
    import safetensors

    from kinema.motion.files import DTYPES, MotionFileError, TensorInfo, read_header

    path = folder / mutant.name
    path.write_bytes(mutant.content)
    try:
        with safetensors.safe_open(path, "pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            theirs = {name: TensorInfo(tuple(s.get_shape()), DTYPES[s.get_dtype()]) for name, s in slices.items()}
    except safetensors.SafetensorError:
        theirs = None
    try:
        ours = read_header(path)
    except MotionFileError as error:
        return (
            None
            if theirs is None or "names a tensor twice" in str(error)
            else f"only our reader refuses the file: {error}"
        )
    finally:
        path.unlink()
    return (
        None
        if ours == theirs
        else "only our reader accepts the file"
        if theirs is None
        else "the two readers give different tensors"
    )


def targets(folder: Path) -> dict[str, Target]:
    """What reads files of other people. `folder` is for a good motion model, which LoRAs are loaded onto."""
    import safetensors.torch

    from kinema.motion.camera_load import load_camera_ctrl
    from kinema.motion.load import load_motion_model
    from kinema.motion.lora import load_motion_lora
    from kinema.sampling.sparsectrl.sparse_model import load_sparsectrl
    from tools import tiny_controls

    good = folder / "good.safetensors"
    safetensors.torch.save_file(small_model(), good)
    motion = load_motion_model(good)
    return {
        "motion model": Target(small_model, load_motion_model),
        "motion LoRA": Target(small_lora, lambda path: load_motion_lora(motion, path, 1.0)),
        "CameraCtrl": Target(small_camera_ctrl, load_camera_ctrl),
        "SparseCtrl": Target(partial(tiny_controls.sparse_ctrl, widths=WIDTHS), load_sparsectrl),
        "PIA": Target(partial(tiny_controls.pia, widths=WIDTHS), load_motion_model),
        "AnimateLCM-I2V": Target(partial(tiny_controls.i2v, widths=WIDTHS), load_motion_model),
    }


def small_model() -> dict[str, Any]:
    import torch

    from kinema.motion.keys import module_template

    random_numbers = torch.Generator().manual_seed(0)
    return {
        f"{place}.temporal_transformer.{name}": torch.randn(shape, generator=random_numbers).half()
        for place in _places()
        for name, shape in module_template(32, 2).items()
    }


def small_lora() -> dict[str, Any]:
    import torch

    random_numbers = torch.Generator().manual_seed(1)
    lora = {}
    for place in _places():
        for i, part in itertools.product(range(2), ("to_q", "to_k", "to_v", "to_out")):
            stem = f"{place}.temporal_transformer.transformer_blocks.0.attention_blocks.{i}.processor.{part}_lora"
            for side, shape in (("down", (4, 32)), ("up", (32, 4))):
                lora[f"{stem}.{side}.weight"] = torch.randn(shape, generator=random_numbers).half()
    return lora


def small_camera_ctrl() -> dict[str, Any]:
    """One level of 8 channels, and a layer for one motion module."""
    import torch

    from kinema.motion.camera_detect import MERGE, template
    from kinema.motion.camera_layers import CameraSpec

    random_numbers = torch.Generator().manual_seed(2)
    place = "down_blocks.0.motion_modules.0"
    names = {f"merges.{place.replace('.', '-')}.": f"{place}{MERGE}", "encoder.": ""}
    weights = {}
    for name, shape in template(CameraSpec((8,), ((place, 8),))).items():
        prefix = next(prefix for prefix in names if name.startswith(prefix))
        key = name.replace(prefix, names[prefix], 1)
        weights[key] = torch.randn(shape, generator=random_numbers).half()
    return weights


def _places() -> list[str]:
    return [f"{side}_blocks.0.motion_modules.0" for side in ("down", "up")]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="seed of the damaged files (default 0)")
    options = parser.parse_args(arguments)
    in_host.enter(threads=1, cpu=True)
    logging.disable(logging.WARNING)  # what a LoRA leaves out is no news here
    end, checked, failed = time.monotonic() + options.minutes * 60, 0, 0
    with tempfile.TemporaryDirectory(prefix="kinema-fuzz-") as name:
        folder = Path(name)
        proof = folder / "proof"
        readers = targets(folder)
        streams = [mutants(options.seed, 10**9, proof, reader.make) for reader in readers.values()]
        for together in zip(*streams, strict=True):
            if time.monotonic() > end:
                break
            for (title, reader), mutant in zip(readers.items(), together, strict=True):
                checked += 1
                problem = survives(mutant, folder, proof, reader.load)
                if problem is None and is_safetensors(mutant):
                    problem = disagreement(mutant, folder)
                if problem is not None:
                    failed += 1
                    print(f"seed {options.seed}, {title} {mutant.name} ({mutant.how}): {problem}")
    print(f"{checked} files, {failed} not refused as they should be")
    return 1 if failed else 0
