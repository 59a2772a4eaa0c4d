"""The README's first command, as a person runs it."""

import subprocess
import sys
from pathlib import Path

from tools.environment import REPOSITORY


def test_the_demo_prints_the_files_it_made(tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "dev.py"), "demo", "--frames", "2", "--steps", "1"]
    done = subprocess.run([*command, "--output", str(tmp_path)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = sorted(tmp_path.glob("kinema_*"))
    assert [file.suffix for file in made] == [".webp", ".mp4"]
    assert all(str(file) in done.stdout for file in made)
    assert "KSampler" in done.stdout
    assert "weights were random" in done.stdout
