"""`dev.py demo`: an animation made by the real ComfyUI server through Kinema's nodes, from a prompt to the files."""

import argparse
import itertools
import re
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tools import environment, in_host, server
from tools.client import Client, Event, PromptFailed, PromptRejected
from tools.graph import to_graph
from tools.workflow import Job, animation

PROMPT = "a red fish swimming right, coral reef"
NEGATIVE = "blurry, low quality, watermark"
MINIATURE = "miniature_mm.safetensors"


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="kinema-demo-") as folder:
            files = _animate(options, environment.find().hosts[0], Path(folder))
    except (server.ServerError, PromptFailed, PromptRejected) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(f"{time.monotonic() - start:7.1f} s  in total\n")
    for file in files:
        print(file)
    if options.checkpoint is None:
        print("\nThat was the miniature, a tiny model that comes with Kinema and draws nothing but fish.")
        print("With real weights: python3 dev.py demo --checkpoint FILE --motion-model FILE --prompt TEXT")
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, help="an SD1.5 or SDXL checkpoint (default: the miniature)")
    parser.add_argument(
        "--motion-model", type=Path, help="a motion model for the checkpoint's base model, e.g. mm_sd15_v3.safetensors"
    )
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--negative", help="negative prompt (default: a common one; with the miniature: none)")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--steps", type=int, help="default 20")
    parser.add_argument("--size", type=_size, help="WIDTHxHEIGHT or one number (default: 512; with the miniature: 128)")
    parser.add_argument("--fps", type=float, default=8.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto")
    parser.add_argument("--output", type=Path, default=Path("output"), help="folder for the files (default: ./output)")
    options = parser.parse_args(arguments)
    if (options.checkpoint is None) != (options.motion_model is None):
        parser.error("--checkpoint and --motion-model belong together: give both, or neither to use the miniature")
    for file in (options.checkpoint, options.motion_model):
        if file and not file.is_file():
            parser.error(f"there is no file {file}")
    if options.output.exists() and not options.output.is_dir():
        parser.error(f"--output is {options.output}, which is a file: name a folder")
    return options


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]+)(?:x([0-9]+))?", text)
    if not match:
        raise argparse.ArgumentTypeError(f'"{text}" is not a size. Give WIDTHxHEIGHT or one number, e.g. 512x768')
    return int(match[1]), int(match[2] or match[1])


def _animate(options: argparse.Namespace, host: Path, base: Path) -> list[Path]:
    """Run the workflow on a server in `base`; returns the files it made, in the folder for them."""
    device = server.device(options.device)
    job, threads = _prepare(options, host, base)
    print(f"{job.frames} frames of {job.width}x{job.height}, {job.steps} steps on the {device.upper()}\n", flush=True)
    stages = Stages("Start the server")
    with server.running(host, base, device=device, threads=threads) as comfy, Client(comfy.url) as client:
        info = client.object_info()
        prompt = animation(job)
        titles = {
            node_id: info[node["class_type"]]["display_name"] or node["class_type"] for node_id, node in prompt.items()
        }
        result = client.run(prompt, to_graph(prompt, info), lambda event: _show(event, titles, stages))
        stages.next("Stop the server")
    stages.end()
    made = [comfy.path(file) for _, files in sorted(result.outputs.items()) for file in files]
    return [_deliver(file, options.output.absolute()) for file in made]


def _deliver(file: Path, folder: Path) -> Path:
    """Puts `file` into `folder` under the next free number: all of it or, when interrupted, nothing."""
    in_host.import_extension()
    from kinema.motion.atomic import replacing

    names = (folder / f"kinema_{number:05}{file.suffix}" for number in itertools.count(1))
    target = next(name for name in names if not name.exists())
    with replacing(target) as unfinished:
        shutil.copyfile(file, unfinished)
    return target


def _prepare(options: argparse.Namespace, host: Path, base: Path) -> tuple[Job, int]:
    """The job, its models placed where the server finds them, and the number of threads (0: as torch likes)."""
    if options.checkpoint is None:
        defaults = Job(None, MINIATURE, options.prompt, "", 0, 128, 128, 0, 20, 0, 2.0, "dpmpp_2m", "karras")
        threads = 1  # on tensors this small more threads only wait for each other
    else:
        for file, folder in ((options.checkpoint, "checkpoints"), (options.motion_model, "animatediff_models")):
            server.place(file.absolute(), base / "models" / folder / file.name)
        defaults = Job(
            options.checkpoint.name, options.motion_model.name, options.prompt, NEGATIVE, 0, 512, 512, 0, 20, 0
        )
        threads = 0
    width, height = options.size or (defaults.width, defaults.height)
    job = replace(
        defaults,
        negative=defaults.negative if options.negative is None else options.negative,
        seed=options.seed,
        frames=options.frames,
        width=width,
        height=height,
        fps=options.fps,
        steps=options.steps or defaults.steps,
    )
    print(f"ComfyUI: {host}\nCheckpoint: {options.checkpoint or 'the miniature'}\nMotion model: {job.motion_model}")
    return job, threads


def _show(event: Event, titles: dict[str, str], stages: "Stages") -> None:
    if event.kind == "executing" and event.data["node"]:
        stages.next(titles[event.data["node"]])
    elif event.kind == "progress":
        stages.progress(event.data["value"], event.data["max"])


class Stages:
    """Prints one line a stage, with its seconds; while it runs, on a terminal, how far it is."""

    def __init__(self, title: str) -> None:
        self._title, self._start = title, time.monotonic()

    def progress(self, value: int, maximum: int) -> None:
        if sys.stdout.isatty():
            print(f"\r          {self._title} {value}/{maximum} ", end="", flush=True)

    def next(self, title: str) -> None:
        self.end()
        self._title, self._start = title, time.monotonic()

    def end(self) -> None:
        clear = "\r\x1b[K" if sys.stdout.isatty() else ""
        print(f"{clear}{time.monotonic() - self._start:7.1f} s  {self._title}", flush=True)
