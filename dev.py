#!/usr/bin/env python3
"""Every developer command: `python3 dev.py COMMAND --help`. What a command needs is installed into a cache first."""

import importlib
import os
import signal
import subprocess
import sys

COMMANDS = {  # name: (module with a main(arguments) -> exit code, what it does)
    "demo": ("tools.demo", "make an animation with the real ComfyUI, from a prompt to the file"),
    "test": (
        "tools.test",
        "run the tests on both hosts; --fast: one host, no server; --draft: incomplete nodes pass; --avx2: without AVX-512",
    ),
    "check": ("tools.check", "format, lint, types and layers; --fix: repair what can be repaired"),
    "train": ("tools.train", "train a motion model, a motion LoRA or a SparseCtrl model from a settings file"),
    "farm": ("farm.farm_command", "run one workflow with thousands of jobs on many ComfyUI servers"),
    "farm-check": (
        "tools.farm.__main__",
        "measure the farm, simulate it, kill its parts, compare it with the canvas; checks: scale, simulate, kill, canvas",
    ),
    "bench": ("tools.bench", "measure speed and memory as ratios; rows: step, load, ..."),
    "fuzz": ("tools.fuzz", "feed damaged and hostile model files to the loader"),
    "host": ("tools.host", "start a server with the pack, to try it in the browser"),
    "miniature": ("tools.miniature.__main__", "make the miniature from seeds; --stage NAME, --minutes N, --jobs N"),
    "docs": ("tools.help.__main__", "write the help tables and node_list.json from the nodes; list what is missing"),
    "chains": ("tools.chains", "prove that a redesign changes no result: chains of nodes, bit for bit"),
    "soak": ("tools.soak", "prove that runs that fail leave nothing behind; --cycles N, --seed S"),
    "templates": ("tools.templates.__main__", "write example_workflows again, from tools/templates"),
    "pack": ("tools.pack", "make and check the registry's package, as comfy-cli packs it"),
    "try-host": ("tools.try_host", "try the pack on the ComfyUI in a folder: load it, animate, test"),
    "convert": ("convert.__main__", "convert workflows of AnimateDiff-Evolved; for several files, print a table"),
    "convert-check": (
        "tools.conversions.__main__",
        "convert a folder of workflows and check the results on every host",
    ),
    "convert-golden": (
        "tools.conversions.golden",
        "convert workflows, run them, compare with AnimateDiff-Evolved's latents",
    ),
    "convert-run": (
        "tools.conversions.run",
        "convert workflows and run them on every host with the miniature's files",
    ),
    "install": ("tools.install", "install what the commands need; every other command does this too"),
}

HELPED_BY_TEXT = ("test", "check", "farm-check", "templates", "try-host")
"""Commands that read their arguments themselves: the text of their module is their help."""


def main() -> int:
    if sys.version_info < (3, 10):  # noqa: UP036 - run before anything is installed
        sys.exit(f"Python 3.10 or newer is needed; this is {sys.version.split()[0]}.")
    name, *arguments = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        print(__doc__, *(f"  {command:<14} {line}" for command, (_, line) in COMMANDS.items()), sep="\n")
        return 0 if name in ("-h", "--help", "help") else 2

    sys.path[0] = _folder()
    from tools import install

    environment = install.ensure_farm(arguments) if name == "farm" else install.ensure()
    if not environment.is_current:
        return _run_with(str(environment.python))
    module = importlib.import_module(COMMANDS[name][0])
    if name in HELPED_BY_TEXT and {"-h", "--help"} & {*arguments}:
        print(module.__doc__)
        return 0
    return int(module.main(arguments))


def _folder() -> str:
    """This file's folder as the user reached it, by links that Python resolves: a checkout that is linked into a
    custom_nodes folder counts as lying there."""
    shell, here = os.environ.get("PWD", ""), os.getcwd()
    start = shell if os.path.isdir(shell) and os.path.samefile(shell, here) else here
    reached = os.path.normpath(os.path.join(start, sys.argv[0]))
    found = os.path.exists(reached) and os.path.samefile(reached, __file__)
    return os.path.dirname(reached if found else os.path.abspath(__file__))


def _run_with(python: str) -> int:
    command = [python, *sys.argv]
    if os.name == "nt":  # where exec would return to the shell at once
        return subprocess.run(command).returncode
    os.execv(python, command)


if __name__ == "__main__":
    # As after Ctrl+C, so that servers are stopped and temporary folders removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Run the same command again to continue.")
