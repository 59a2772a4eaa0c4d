"""`dev.py farm` with real servers: files go up, results come down, failures are told, and the same command goes on."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kinema.farm.farm_command import main
from kinema.farm.graph.workflow_file import read_workflow
from kinema.farm.run.whole_run import INTERRUPTED, INVALID, OK, SOME_FAILED
from tools.client import Client
from tools.environment import REPOSITORY

from .conftest import SmallFarm

WORKFLOW = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "chosen by each job"}, "_meta": {"title": "Picture"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "same"}},
}


class Pictures:
    """A farm that loads and saves pictures, which needs no model."""

    def __init__(self, folder: Path, urls: tuple[str, ...]) -> None:
        self.folder = folder
        self.urls = urls
        self.out = folder / "out"
        self.rows: dict[str, str] = {}
        (folder / "workflow.json").write_text(json.dumps(WORKFLOW))

    def job(self, name: str, color: str | None) -> None:
        """One more line; a picture without a colour cannot be read."""
        file = self.folder / f"{name}.png"
        if color is None:
            file.write_bytes(b"not a picture")
        else:
            Image.new("RGB", (8, 8), color).save(file)
        self.rows[name] = f"file:{name}.png"

    def write_jobs(self) -> None:
        with (self.folder / "jobs.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("id", "Picture.image"), *self.rows.items()])

    def files(self, servers: str) -> list[str]:
        """The command line."""
        files = [str(self.folder / "workflow.json"), str(self.folder / "jobs.csv")]
        return [*files, "--out", str(self.out), "--servers", servers]

    def run(self, *flags: str) -> int:
        self.write_jobs()
        return main([*self.files(",".join(self.urls)), *flags])

    def status(self) -> dict[str, Any]:
        file = self.out / "status.json"
        return dict(json.loads(file.read_text())) if file.is_file() else {}

    def records(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / f"{name}.jsonl").read_text().splitlines()]


@pytest.fixture
def pictures(small_farm: SmallFarm, tmp_path: Path) -> Pictures:
    return Pictures(tmp_path, small_farm.scene.urls)


def test_files_go_up_results_come_down_and_failures_are_told(
    pictures: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures.job("red", "#ff0000")
    pictures.job("blue", "#0000ff")
    pictures.job("broken", None)
    assert pictures.run("--dry-run") == OK and not pictures.records("done")
    assert pictures.run() == SOME_FAILED
    (failed,) = pictures.records("failed")
    assert (failed["id"], failed["line"], failed["node"], failed["node_type"]) == ("broken", 4, "1", "LoadImage")
    assert "cannot identify image" in failed["message"]
    with Image.open(next((pictures.out / "results" / "blue").iterdir())) as saved:
        assert saved.getpixel((0, 0)) == (0, 0, 255)

    assert pictures.run() == SOME_FAILED
    assert "3 jobs: 3 on record, 0 to run" in capsys.readouterr().out
    pictures.job("broken", "#00ff00")  # another picture is another job
    assert pictures.run() == OK
    assert "3 jobs: 2 on record, 1 to run" in capsys.readouterr().out
    status = json.loads((pictures.out / "status.json").read_text())
    assert (status["total"], status["done"], status["failed"]) == (3, 3, 0)
    assert sorted(line["id"] for line in pictures.records("done")) == ["blue", "broken", "red"]


def test_prompts_of_others_are_left_alone(pictures: Pictures) -> None:
    other = {"1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}}}
    with Client(pictures.urls[0]) as client:
        mine = client.run({**other, "2": WORKFLOW["2"]})
        pictures.job("red", "#ff0000")
        assert pictures.run() == OK
        assert list(client.get("/history")) == [mine.prompt_id]


def test_all_errors_are_told_before_anything_runs(pictures: Pictures, capsys: pytest.CaptureFixture[str]) -> None:
    pictures.rows |= {"a": "file:none.png", "b": "gone.png"}
    assert pictures.run() == INVALID
    said = capsys.readouterr().err
    assert "line 2: Picture.image: there is no file" in said and "line 3: Picture.image: the value is" in said
    assert "Nothing was run. Errors: 2" in said


def test_a_farm_stops_when_enough_jobs_have_failed(pictures: Pictures, capsys: pytest.CaptureFixture[str]) -> None:
    pictures.job("broken", None)
    for name in ("a", "b", "c", "d", "e", "f"):
        pictures.job(name, "#ff0000")
    assert pictures.run("--max-failures", "1", "--ahead", "0") == SOME_FAILED
    assert (
        "Stopping: the number of failed jobs is 1 (--max-failures 1). Running jobs are finished first."
        in capsys.readouterr().out
    )
    assert len(pictures.records("done")) < 6
    assert pictures.run() == SOME_FAILED and len(pictures.records("done")) == 6


def test_a_job_that_takes_too_long_is_interrupted(small_farm: SmallFarm, tmp_path: Path) -> None:
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text(json.dumps({"set": {"Sampler.steps": 10_000}}))
    command = [str(small_farm.scene.workflow), str(jobs), "--out", str(tmp_path / "out")]
    command += ["--servers", small_farm.scene.urls[0], "--job-timeout", "1", "--retries", "0"]
    assert main(command) == SOME_FAILED
    assert "the job took too long and was interrupted after" in (tmp_path / "out" / "failed.jsonl").read_text()


def test_a_paused_farm_starts_nothing_and_drains(pictures: Pictures) -> None:
    pictures.job("red", "#ff0000")
    pictures.out.mkdir()
    (pictures.out / "pause").touch()
    (pictures.out / "drain").touch()
    assert pictures.run() == INTERRUPTED and not pictures.records("done")
    (pictures.out / "pause").unlink()
    assert pictures.run() == OK


def test_jobs_and_servers_are_added_while_it_runs(pictures: Pictures) -> None:
    pictures.job("red", "#ff0000")
    pictures.job("blue", "#0000ff")
    pictures.write_jobs()
    servers = pictures.folder / "servers.txt"
    servers.write_text(pictures.urls[0] + "\n")
    pictures.out.mkdir()
    (pictures.out / "pause").touch()
    driver = subprocess.Popen([sys.executable, str(REPOSITORY / "dev.py"), "farm", *pictures.files(f"@{servers}")])
    until(lambda: pictures.status().get("total") == 2)
    pictures.job("blue", "#00ffff")  # another picture: the job was edited
    pictures.job("green", "#00ff00")
    pictures.write_jobs()
    servers.write_text("\n".join(pictures.urls))
    until(lambda: pictures.status()["total"] == 3 and len(pictures.status()["servers"]) == 2)
    (pictures.out / "pause").unlink()
    assert driver.wait(60) == OK
    assert sorted(line["id"] for line in pictures.records("done")) == ["blue", "green", "red"]
    with Image.open(next((pictures.out / "results" / "blue").iterdir())) as saved:
        assert saved.getpixel((0, 0)) == (0, 255, 255)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("ending", [".mp4", ".webp"])
def test_a_result_contains_its_workflow(ending: str, small_farm: SmallFarm) -> None:
    out = small_farm.scene.folder / "undisturbed"
    (result,) = sorted((out / "results").glob(f"*-3/*{ending}"))[:1]
    made = read_workflow(result)
    assert made["7"]["inputs"]["seed"] == 3 and "is_changed" not in made["2"]
