"""`dev.py try-host FOLDER [pytest arguments]`: does the pack work on the ComfyUI in FOLDER?

Its own loader loads the pack, then the tests run on it: those without a server, and a video from a prompt to the file on
its server. With pytest arguments only those tests run. Nothing in FOLDER changes. The Python, its packages and the web
client are those of the development environment, so tests of the canvas say nothing about this ComfyUI's own client.
docs/neighbours.md lists the versions that were tried.
"""

import importlib
import os
import subprocess
import sys
from pathlib import Path

from tools.environment import REPOSITORY

TESTS = REPOSITORY / "tests"
TRIED = ("motion", "nodes", "sampling", "e2e/test_server.py", "e2e/test_demo.py")


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    host = Path(arguments[0]).expanduser().absolute()
    if not (host / "main.py").is_file():
        raise SystemExit(f"{host} contains no ComfyUI. Name the folder that contains its main.py.")
    version = (host / "comfyui_version.py").read_text().split('"')[1]
    try:
        loaded = importlib.import_module("tools.bench.import").load_once(host)
    except RuntimeError as error:
        print(f"ComfyUI {version}: {error}")
        return 1
    print(f"ComfyUI {version} loads the pack in {loaded.seconds:.2f} s.", *loaded.lines, sep="\n  ", flush=True)
    chosen = arguments[1:] or [str(TESTS / name) for name in TRIED]
    command = [sys.executable, str(REPOSITORY / "dev.py"), "test", *chosen]
    return subprocess.run(command, env={**os.environ, "COMFYUI_PATH": str(host)}).returncode
