"""Starting a training on 10,000 clips with 10,000 captions that are on disk, and its memory beside 1,000.

The videos are real but tiny; VAE and CLIP are stand-ins that answer at once with random tensors of the size of --size and of
SD1.5's captions. The image model is not loaded.
"""

import ctypes
import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import torch

from kinema.training.clip_batches import Batches, batches
from kinema.training.clip_encoder import Encoder
from kinema.training.clips import Clips
from kinema.training.config import TrainSettings
from kinema.training.prepare_clips import prepare_clips
from kinema.training.videos import Cut
from tools import tiny_models
from tools.bench.measure import Options, Result, peak_bytes

FEW, MANY = 1_000, 10_000
PIXELS = 32  # of a side of the videos
STEPS = 300  # whose clips are read after the start


def run(options: Options) -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="kinema-bench-") as folder:
        videos = {count: Path(folder) / str(count) for count in (FEW, MANY)}
        cache = Path(folder) / "cache"
        encoder = Encoder(_vae(options), Cut(options.frames, 1, PIXELS, PIXELS), cache=cache)
        memory = {}
        for count, where in videos.items():
            _write_videos(where, count, options.frames)
            first, _ = _seconds(encoder, where)
            memory[count] = _peak(encoder, where)
        busy = time.process_time()
        _start(encoder, videos[MANY])
        busy = time.process_time() - busy
        again, each = _seconds(encoder, videos[MANY])
        what = f"{MANY} clips of {options.frames} frames of {options.size}²"
        size = sum(file.stat().st_size for file in cache.iterdir())
        yield Result(f"{what}, {MANY} captions: on disk", size / 2**30, "GiB")
        yield Result(f"{what}: first start, with tiny videos and stand-ins", first, "s")
        yield Result(f"{what}: start", again, "s", target=10)
        yield Result(f"{what}: processor time of the start", busy, "s")
        yield Result(f"{what}: reading the clip and the caption of a step", each * 1000, "ms")
        yield Result(f"{FEW} clips: memory of the start and {STEPS} steps", memory[FEW] / 2**20, "MiB")
        yield Result(f"{MANY} clips: the same", memory[MANY] / 2**20, "MiB")


def _seconds(encoder: Encoder, videos: Path) -> tuple[float, float]:
    """How long a start takes, and then the clip of each step."""
    begun = time.perf_counter()
    data = _start(encoder, videos)
    started = time.perf_counter()
    _read(data)
    return started - begun, (time.perf_counter() - started) / STEPS


def _peak(encoder: Encoder, videos: Path) -> int:
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # what was freed before would hide what is needed now
    return peak_bytes(lambda: _read(_start(encoder, videos)))


def _start(encoder: Encoder, videos: Path) -> Batches:
    clips: Clips = prepare_clips(encoder, _clip(), "", videos)[0]
    clips.fingerprint()
    return batches(tiny_models.image_model().model, clips, TrainSettings(), torch.device("cpu"))


def _read(data: Batches) -> None:
    for step in range(STEPS):
        data.at(step, 0)


def _write_videos(folder: Path, count: int, frames: int) -> None:
    """Videos of noise, each with its number at the end, where readers of .mp4 expect nothing, and a caption of its own."""
    folder.mkdir()
    one = folder.parent / "one.mp4"
    pixels = np.random.default_rng(0).integers(0, 256, (frames, PIXELS, PIXELS, 3), dtype=np.uint8)
    with av.open(str(one), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(8))
        stream.width = stream.height = PIXELS
        stream.pix_fmt = "yuv420p"
        for picture in pixels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    content = one.read_bytes()
    for number in range(count):
        (folder / f"{number:06d}.mp4").write_bytes(content + number.to_bytes(8, "big"))
        (folder / f"{number:06d}.txt").write_text(f"picture {number}")


def _vae(options: Options) -> Any:
    shape = (4, options.size // 8, options.size // 8)
    return SimpleNamespace(
        first_stage_model=torch.nn.PReLU(), encode=lambda pictures: torch.randn(len(pictures), *shape)
    )


def _clip() -> Any:
    torch.manual_seed(0)
    caption = [[torch.randn(1, 77, 768), {"pooled_output": torch.randn(1, 768)}]]
    return SimpleNamespace(
        cond_stage_model=torch.nn.PReLU(),
        tokenize=lambda text: text,
        encode_from_tokens_scheduled=lambda _tokens: caption,
    )
