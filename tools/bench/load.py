"""Loading a motion model ÷ reading its file, on a warm cache."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from comfy.cli_args import args

from kinema.motion.detect import detect
from kinema.motion.files import read_header
from kinema.motion.load import load_motion_model
from kinema.motion.save import save_motion_model
from tools.bench import full_size
from tools.bench.measure import Options, Result, interleaved


def run(options: Options) -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="kinema-bench-") as folder:
        path = Path(folder) / "v2.safetensors"
        for title, dtype, kept in (
            ("float16, as on a GPU", torch.float16, True),
            ("float16, cast for the CPU", torch.float16, False),
            ("float32", torch.float32, False),
        ):
            args.fp16_unet = kept
            yield from _compare(save_motion_model(full_size.motion_model(), path, dtype), title, options)
        args.fp16_unet = False


def _compare(path: Path, title: str, options: Options) -> Iterator[Result]:
    def read() -> None:
        path.read_bytes()

    def recognise() -> None:
        detect(read_header(path), path.name)

    def load() -> None:
        load_motion_model(path)

    seconds = interleaved({"read": read, "recognise": recognise, "load": load}, options.rounds)
    size = path.stat().st_size / 1e6
    yield Result(f"v2 {title}, {size:.0f} MB: reading the file", seconds["read"], "s")
    yield Result(f"v2 {title}, {size:.0f} MB: load ÷ read", seconds["load"] / seconds["read"], target=1.5)
    yield Result(f"v2 {title}, {size:.0f} MB: recognising the family, from the header alone", seconds["recognise"], "s")
