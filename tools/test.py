"""`dev.py test [--fast] [--draft] [--avx2] [pytest arguments]`: the tests on every host, then end to end on every host,
then one summary.

With paths among the arguments only those are run. With --draft, which the tests' own conftest.py reads, what nodes lack
before a release is listed in the summary as skipped. Each run is a pytest process of its own, as one process can hold only
one ComfyUI. All runs but the newest host's compute as a CPU without AVX-512 does: two ways to one result must agree there,
too, and torch and oneDNN then compute with other code. With --avx2 the newest host computes so, too, and runs
COMPUTING, which no other host does.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tools import environment
from tools.environment import REPOSITORY

TESTS = REPOSITORY / "tests"
MAX_WORKERS = 4  # each holds a ComfyUI, a good gigabyte
NOTHING_COLLECTED = 5  # pytest's exit code
COMPUTING = (
    *("motion/test_adjust.py", "motion/test_families.py", "motion/test_layers.py", "motion/test_lora.py"),
    *("motion/test_picture_parts.py", "motion/test_pooling.py", "motion/test_positions.py", "motion/test_windowed.py"),
    *("sampling/camera", "sampling/latents/test_text2video_zero.py", "sampling/modules/test_controls.py"),
    *("sampling/modules/test_guides.py", "sampling/noise/test_authors_ddim.py", "sampling/run/test_compiled.py"),
    *("sampling/run/test_order.py", "sampling/windows/test_batches.py", "sampling/windows/test_motion_windows.py"),
    "sampling/windows/test_window_reference.py",
)
"""Tests of our own arithmetic, most of which compare two ways to one result."""
ONE_HOST = (
    *("convert", "dev", "doors", "drawing", "evaluation", "farm", "miniature", "quality", "training"),
    *("test_fields.py", "test_house.py", "test_regexes.py", "test_statements.py"),
    *(
        f"e2e/test_{name}.py"
        for name in ("beside_another_pack", "demo", "metrics", "motion_files", "server", "training")
    ),
    *(f"e2e/test_{name}_server.py" for name in ("camera", "control", "picture", "sparsectrl", "windows")),
    *("motion/test_hostile.py", "motion/test_reading.py", "nodes/test_contradictions.py"),
    *("motion/test_atomic.py", "motion/test_files.py", "motion/test_other_files.py", "nodes/test_complete.py"),
    *("nodes/test_evolved_names.py", "nodes/test_locales.py", "nodes/test_search.py", "nodes/test_words.py"),
    *("sampling/sparsectrl/test_sparse_hostile.py", "sampling/windows/test_fuse.py", "sampling/windows/test_loops.py"),
    *COMPUTING,
)
"""Tests of files and of our own arithmetic, whose results no version of ComfyUI changes, of features on a server that a
template uses, too, of our own commands, and beside another pack. They run on the newest one. What meets the host's samplers,
nodes, controls and hooks runs on all, and so does end to end what a person sees and clicks: templates, blueprints,
conversions, help and messages."""
WITHOUT_AVX512 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}


@dataclass(frozen=True)
class Run:
    """What one pytest process did."""

    title: str  # host, and the part of the tests
    passed: int  # number of tests
    failed: int  # number of tests; one more for a `problem`
    skipped: int  # number of tests
    seconds: float  # of the whole process
    problem: str = ""  # what the counts do not tell, such as a crash; empty: none
    reasons: Counter[str] = field(default_factory=Counter)  # of skipped tests, and how many each skipped


def main(arguments: list[str]) -> int:
    fast = "--fast" in arguments
    avx2 = "--avx2" in arguments
    arguments = [argument for argument in arguments if argument not in ("--fast", "--avx2")]
    environment.require("pytest", "xdist")
    hosts = environment.find().hosts[: 1 if fast or avx2 else None]
    if any(_is_path(argument) for argument in arguments):
        parts = {"": arguments}
    elif avx2:
        parts = {"with AVX2": [*_parallel(), *(str(TESTS / name) for name in COMPUTING), *arguments]}
    else:
        chosen = ["-m", "not slow"] if fast else []
        parts = {"": [*_parallel(), *chosen, str(TESTS), f"--ignore={TESTS / 'e2e'}", *arguments]}
        if not fast:
            parts["end to end"] = [*_parallel(), str(TESTS / "e2e"), *arguments]
    return _summarise(
        [
            _run(host, part, _arguments(parts[part], number), _instructions(number, avx2))
            for part in parts
            for number, host in enumerate(hosts)
        ]
    )


def _parallel() -> list[str]:
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    return ["--numprocesses", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]


def _arguments(arguments: list[str], number: int) -> list[str]:
    """pytest's arguments for the host of this `number`, 0 for the newest."""
    if number == 0 or not {str(TESTS), str(TESTS / "e2e")} & set(arguments):
        return arguments
    return [*arguments, *(f"--ignore={TESTS / name}" for name in ONE_HOST)]


def _instructions(number: int, avx2: bool) -> dict[str, str]:
    """The variables that choose the CPU's instructions for the host of this `number`: all of them, or no AVX-512, which
    `avx2` asks of all hosts."""
    import torch

    has_avx512 = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return WITHOUT_AVX512 if (number > 0 or avx2) and has_avx512 else {}


def _is_path(argument: str) -> bool:
    return not argument.startswith("-") and Path(argument.partition("::")[0]).exists()


def _run(host: Path, part: str, arguments: list[str], instructions: dict[str, str]) -> Run:
    title = f"{host.name} {part}".strip()
    print(f"\n=== {title} ===", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kinema-test-") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-c", str(TESTS / "pytest.ini"), "--rootdir", str(TESTS)]
        command += [f"--junit-xml={report}", "--durations=20", "--durations-min=2", *arguments]
        # One thread: on tensors this small more threads only wait for each other.
        variables = {**os.environ, **instructions, "COMFYUI_PATH": str(host), "OMP_NUM_THREADS": "1"}
        code = subprocess.run(command, cwd=REPOSITORY, env=variables).returncode
        seconds = time.monotonic() - start
        if not report.exists():
            return Run(title, 0, 1, 0, seconds, f"pytest ended with exit code {code} and left no report")
        return _read(report, title, seconds, code)


def _read(report: Path, title: str, seconds: float, code: int) -> Run:
    suites = list(ElementTree.parse(report).iter("testsuite"))
    count = {
        name: sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    }
    failed = count["failures"] + count["errors"]
    problem = "" if failed or code in (0, NOTHING_COLLECTED) else f"pytest ended with exit code {code}"
    reasons = Counter(
        skip.get("message", "").removeprefix("Skipped: ") for suite in suites for skip in suite.iter("skipped")
    )
    passed = count["tests"] - failed - count["skipped"]
    return Run(title, passed, failed + bool(problem), count["skipped"], seconds, problem, reasons)


def _summarise(runs: list[Run]) -> int:
    print()
    for run in runs:
        counts = f"{run.passed} passed, {run.failed} failed, {run.skipped} skipped"
        print(f"{run.title}: {counts} in {run.seconds:.0f} s{f' ({run.problem})' if run.problem else ''}")
        for reason, count in run.reasons.items():
            print(f"  skipped {count}: {reason}")
    passed = sum(run.passed for run in runs)
    failed = sum(run.failed for run in runs)
    skipped = sum(run.skipped for run in runs)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1
