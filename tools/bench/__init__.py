"""`dev.py bench [ROW ...]`: performance as ratios within one run, because machines and their load differ.

Each row is a module here with `run(options)`. The runs that are compared are interleaved, and their medians are taken.
"""

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path

from tools import in_host
from tools.bench.measure import Options, Result

ROWS = {  # name: what it compares
    "step": "a sampling step with motion ÷ without, compared with the floor that FLOPs set, and with diffusers",
    "compile": "a step of a UNet compiled by TorchCompileModel ÷ uncompiled, and the number of graphs",
    "windows": "64 frames in windows of all kinds ÷ 4 runs of 16, the cost of bookkeeping; memory as videos get longer",
    "gpus": "the windows of a long video over 2, 3 and 5 devices: rounds, equality with one device, and the time where "
    "there are as many GPUs",
    "endless": "memory of videos without end as they get longer; flicker and drift of the miniature's, one for each of "
    "--rounds, compared with context windows",
    "long": "videos of four windows in windows of all kinds: flicker, jumps and drift of the miniature's, one for each of "
    "--rounds",
    "guides": "a run with a picture, a camera or SparseCtrl ÷ without, in windows that stay and that move",
    "curves": "a step with curves on everything ÷ with numbers",
    "speed": "Fast Sampling and fewer steps of the same cost, compared with 20 full steps: error, flicker and jitter of the "
    "miniature's clips, one for each of --rounds; of real models with --checkpoint, --motion-model, --size 512 and up to 8 "
    "rounds",
    "texts": "reading curves and prompts of the greatest length allowed, written in the ways that are slowest to read",
    "motion_from_video": "clips of the miniature that swim as a reference does, one for each of --rounds, with and without "
    "Motion from Video; its time",
    "train": "a training step ÷ 3 forward passes, and memory with and without checkpointing",
    "collection": "starting a training run on 10,000 clips and captions, and its memory compared with 1,000; needs 5 GB "
    "on disk",
    "import": "importing the pack, registering its nodes and describing them, without the import of the host",
    "load": "loading a 900 MB motion model ÷ reading its file",
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"any of {', '.join(ROWS)}; all by default")
    parser.add_argument("--size", type=int, default=128, help="picture size in pixels (default 128)")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each compared run is repeated, in turn (default 5)"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu", action="store_true", help="use the CPU even if there is a GPU")
    parser.add_argument("--checkpoint", type=Path, help="speed: a checkpoint of SD1.5, in place of the miniature")
    parser.add_argument("--motion-model", type=Path, help="speed: the motion model that animates it")
    parser.add_argument("--cfg", type=float, default=7.0, help="speed: their cfg (default 7)")
    parser.add_argument("--output", type=Path, help="also write the results as JSON")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.rows) - ROWS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; the rows are {', '.join(ROWS)}")
    if (chosen.checkpoint is None) != (chosen.motion_model is None):
        parser.error("--checkpoint and --motion-model belong together: give both or neither")
    in_host.enter(chosen.threads, True if chosen.cpu else None)
    options = Options(chosen.size, chosen.frames, chosen.rounds, chosen.checkpoint, chosen.motion_model, chosen.cfg)
    results: list[Result] = []
    for name in chosen.rows or ROWS:
        print(f"\n{name}: {ROWS[name]}", flush=True)
        for result in importlib.import_module(f"tools.bench.{name}").run(options):
            print(f"  {result.line()}", flush=True)
            results.append(result)
    if chosen.output:
        about = {"python": platform.python_version(), "machine": platform.machine(), "options": vars(options)}
        report = {"about": about, "results": [vars(result) for result in results]}
        chosen.output.write_text(json.dumps(report, indent=2, default=str) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
