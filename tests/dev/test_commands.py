"""Every developer command starts in a process of its own, where nothing of the host has been imported."""

import importlib.util
import subprocess
import sys
from typing import Any

import pytest

from tools.environment import REPOSITORY

SCRIPT = REPOSITORY / "dev.py"


def commands() -> list[str]:
    spec = importlib.util.spec_from_file_location("dev_script", SCRIPT)
    assert spec is not None and spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return [name for name in script.COMMANDS if name not in ("farm", "install")]  # which install something first


@pytest.mark.parametrize("command", commands())
def test_a_command_says_what_it_takes(command: str) -> None:
    run = subprocess.run([sys.executable, str(SCRIPT), command, "--help"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert command in run.stdout
