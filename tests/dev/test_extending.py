"""The diffs of docs/extending.md apply to a copy of the repository, and the copy passes as a draft."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.environment import REPOSITORY

pytestmark = pytest.mark.slow  # --fast leaves it out: diffs that were applied do not apply again

PAGE = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
DIFFS = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```diff\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
"""By the headings of their sections."""
WINDOWS = "tests/sampling/windows/"
RUNS = {  # what runs the thing that a section adds, with a tiny model
    "A motion-model family": [
        "tests/motion/test_families.py::test_is_recognised_and_loads[v3_48_frames.safetensors]",
        "tests/sampling/run/test_parity.py::test_equals_the_authors[v3_48-exact-1e-06]",
    ],
    "A window schedule": [
        f"{WINDOWS}test_cut.py::test_every_length_from_1_to_300[shifted-False]",
        f"{WINDOWS}test_cut.py::test_the_rows_say_which_windows_move_and_which_loop[shifted]",
        f"{WINDOWS}test_context_handler.py::test_frames_that_do_not_know_each_other_are_the_same_in_windows[shifted]",
    ],
    "A fuse method": [
        f"{WINDOWS}test_fuse.py::test_the_rows_say_whose_weights_change_with_the_noise_level[cosine]",
        f"{WINDOWS}test_context_handler.py::test_every_fuse_method_keeps_what_windows_agree_on[cosine]",
    ],
    "A guidance": [
        "tests/sampling/guidance/test_projected_guidance.py",
        "tests/sampling/run/test_order.py::test_help_pages_quote_the_law_of_two_nodes",
        "tests/sampling/endless/test_endless_animation.py::test_each_feature_of_a_run_acts_or_is_refused",
    ],
    "A node": ["tests/nodes/test_ping_pong_node.py"],
}
ALWAYS = [
    "tests/test_house.py",
    "tests/test_fields.py",
    "tests/dev/test_chains.py::test_every_node_from_model_to_model_is_drawn",
    "tests/nodes/test_contradictions.py::test_every_input_has_a_case_or_acts_always",
    *(f"tests/nodes/test_{name}.py" for name in ("schemas", "help", "locales", "complete", "values")),
]


def git(folder: Path, *arguments: str, given: str = "") -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the repository as they are now, in a repository of their own."""
    folder = tmp_path_factory.mktemp("extended")
    for name in git(REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    return folder


def test_every_section_has_one_diff_that_applies_alone(copy: Path) -> None:
    assert list(DIFFS) == list(RUNS) == re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert PAGE.count("```diff\n") == len(DIFFS)
    for diff in DIFFS.values():
        git(copy, "apply", "--check", "-", given=diff)


def test_with_all_of_them_the_copy_passes_as_a_draft(copy: Path) -> None:
    for diff in DIFFS.values():
        git(copy, "apply", "--index", "-", given=diff)
    for rules in (["format", "--check"], ["check"]):
        subprocess.run([sys.executable, "-m", "ruff", *rules, "--quiet", "."], cwd=copy, check=True)
    runs = [test for tests in RUNS.values() for test in tests]
    command = [sys.executable, str(copy / "dev.py"), "test", "--draft", "--fast", *ALWAYS, *runs]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" passed, 0 failed, 8 skipped\n"), done.stdout
    assert "kinema.json lacks what is new: run python3 dev.py docs" in done.stdout  # what the converter knows
    assert "tools/chains/generator.py lacks the inputs of ProjectedGuidance" in done.stdout
    assert (
        "ACT_ALWAYS in test_contradictions.py lack PingPong: images; ProjectedGuidance: model parallel" in done.stdout
    )
    outdated = "up-to-date lists in its help page in en, zh, ja: run python3 dev.py docs"
    assert f"KinemaContextWindows lacks {outdated}" in done.stdout
    assert f"KinemaMotionWindows lacks {outdated}" in done.stdout
    assert f"KinemaLoadMotionModel lacks {outdated}" in done.stdout
    unlisted = "its line in node_list.json: run python3 dev.py docs; what its picture shows"
    assert f"KinemaProjectedGuidance lacks {unlisted}" in done.stdout
    assert f"KinemaPingPong lacks {unlisted}" in done.stdout
