"""`dev.py host`: a ComfyUI server with the pack, to try in the browser. Models and workflows are kept between runs."""

import argparse
import time
from pathlib import Path

from tools import environment, server


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py host", description=__doc__)
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto")
    options = parser.parse_args(arguments)
    host = environment.find().hosts[0]
    base = environment.cache() / "host"
    checkpoints, motion_models = folders(base)
    print(f"Starting {host}", flush=True)
    with server.running(host, base, device=server.device(options.device), port=options.port) as comfy:
        print(f"ComfyUI with Kinema: open {comfy.url} in a browser\nCheckpoints: {checkpoints}")
        print(
            f"Motion models: {motion_models}\nIf you have no models, use Load Miniature.\nLog: {comfy.log}\nCtrl+C stops it.",
            flush=True,
        )
        while comfy.is_running():
            time.sleep(1)
        print(comfy.tail())
    return 1


def folders(base: Path) -> list[Path]:
    """The folders that people put files into, made where they are missing: checkpoints and motion models."""
    found = [base / "models" / name for name in ("checkpoints", "animatediff_models")]
    for folder in found:
        folder.mkdir(parents=True, exist_ok=True)
    return found
