"""Two ways to one result agree on a CPU without AVX-512, too: torch and oneDNN then compute by other code.

Here runs one test of each kind. `ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 python3 dev.py test tests/sampling`
runs all of them.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

TESTS = Path(__file__).resolve().parent.parent
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX512", reason="this CPU has no AVX-512 to do without")
def test_results_agree_without_avx512():
    where = ["-c", TESTS / "pytest.ini", "--rootdir", TESTS, TESTS / "sampling"]
    command = [sys.executable, "-m", "pytest", *where, "-m", "rounding"]
    run = subprocess.run(command, cwd=TESTS.parent, env=os.environ | AVX2, capture_output=True, text=True, timeout=1200)
    assert run.returncode == 0 and "CPU: AVX2" in run.stdout, run.stdout[-5000:] + run.stderr[-2000:]
