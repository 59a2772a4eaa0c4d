"""Files with workflows in them, and the command that converts them."""

import json
from pathlib import Path
from typing import Any

import pytest
from evolved_graphs import Sketch
from PIL import Image
from workflow_files import ENDINGS, write_video, write_workflow

from kinema.convert.files.command import main
from kinema.convert.files.containers import read_workflow
from kinema.convert.graph.workflow_graph import WorkflowError


def workflow() -> dict[str, Any]:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    sketch.sample(sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", model=checkpoint), checkpoint)
    return sketch.ui()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One file of each kind, and a video of VideoHelperSuite, all with the same workflow."""
    for ending in ENDINGS:
        write_workflow(tmp_path, ending, workflow())
    write_video(tmp_path / "suite.webm", "libvpx", {"comment": json.dumps({"workflow": workflow()})})
    return tmp_path


def test_the_workflow_of_every_kind_of_file(folder: Path) -> None:
    for file in folder.iterdir():
        assert read_workflow(file) == workflow(), file.name


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.txt", b"", r"a\.txt is not a kind of file in which ComfyUI stores workflows. Choose one of \.json, \.png"),
        ("a.json", b"{", r"a\.json is not valid JSON: .*Choose a file that ComfyUI saved"),
        ("a.json", b"\xff\xfe\x00", r"a\.json is not UTF-8 text"),
        ("a.png", b"no picture", r"a\.png is not a readable picture: .*Check the file"),
        ("a.mp4", b"no video", r"a\.mp4 is not a readable video: .*Check the file"),
        ("a.json", None, r"a\.json cannot be read: .*Check the file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WorkflowError, match=problem):
        read_workflow(tmp_path / name)


def test_a_file_without_a_workflow(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert read_workflow(tmp_path / "a.png") is None


def test_the_command_writes_next_to_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "old.json"
    file.write_text(json.dumps(workflow()).replace('"mm.ckpt"', '"mm.ckpt", NaN'), encoding="utf-8")
    assert main([str(file)]) == 0
    written = tmp_path / "old.kinema.json"
    assert "KinemaApplyMotionModel" in written.read_text(encoding="utf-8") and "NaN" not in written.read_text(
        encoding="utf-8"
    )
    shown = capsys.readouterr().out
    assert "same numbers" in shown and "Needs mm.ckpt in models/animatediff_models" in shown and str(written) in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.json", "old.kinema.json"]


def test_a_folder_gives_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "other.json").write_text('{"nodes": [], "links": []}', encoding="utf-8")
    (folder / "inner" / "broken.json").write_text("{", encoding="utf-8")
    out = folder.parent / "converted"
    assert main([str(folder), "--out", str(out)]) == 1
    shown = capsys.readouterr().out
    assert "6  same numbers" in shown and "1  nothing to convert" in shown and "1  not read" in shown
    assert "6 of 6 workflows with active AnimateDiff nodes can be converted completely (100.0%)." in shown
    names = {"old.kinema.json", "old.png.kinema.json"}
    assert len(list(out.rglob("*"))) == 6 and names <= {path.name for path in out.iterdir()}


def test_files_of_the_same_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    files = [tmp_path / name / "a.json" for name in ("first", "second")]
    for file in files:
        file.parent.mkdir()
        file.write_text(json.dumps(workflow()), encoding="utf-8")
    assert main([*map(str, files), "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.kinema.json", "a (2).kinema.json"}


def test_a_report_writes_nothing(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    assert main([str(folder), "--report"]) == 0
    assert sorted(folder.rglob("*")) == before
