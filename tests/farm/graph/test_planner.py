"""Jobs are checked against what the servers have, all of them before the first one runs."""

from pathlib import Path
from typing import Any

import pytest

from kinema.farm.graph.job import filled, with_prefix
from kinema.farm.graph.job_lines import JobLine
from kinema.farm.graph.planner import Planner, without_files
from kinema.farm.graph.refused import Refused

from .graphs import INFO, graph, ground, node


def line(values: dict[str, Any], number: int = 1, is_text: bool = False) -> JobLine:
    return JobLine(f"job{number}", number, values, is_text=is_text)


def errors(values: dict[str, Any], folder: Path, is_text: bool = False) -> str:
    with pytest.raises(Refused) as refused:
        Planner(graph(), ground(folder)).jobs([line(values, is_text=is_text)])
    return str(refused.value)


def test_places_are_filled_by_title_and_by_id(tmp_path: Path) -> None:
    values = {"Prompt.text": "a cat", "#3.seed": 5, "Save.format.crf": 30, "Loader.file": "b.safetensors"}
    (job,) = Planner(graph(), ground(tmp_path)).jobs([line(values)])
    made = filled(graph(), job.changes)
    assert (made["2"]["inputs"]["text"], made["3"]["inputs"]["seed"]) == ("a cat", 5)
    assert made["4"]["inputs"]["format.crf"] == 30 and made["3"]["inputs"]["model"] == ["1", 0]
    assert job.models == ("checkpoints/b.safetensors",)


def test_texts_of_a_csv_file_take_the_types_of_the_inputs(tmp_path: Path) -> None:
    values = {"Sampler.seed": "5", "Sampler.cfg": "2.5", "Sampler.tiled": "true", "Prompt.text": "7"}
    (job,) = Planner(graph(), ground(tmp_path)).jobs([line(values, is_text=True)])
    assert [change.value for change in job.changes] == [5, 2.5, True, "7"]


WRONG: dict[str, tuple[Any, str]] = {
    "Promt.text": (
        "x",
        '"Promt.text": no node has the title or id "Promt"; the titles are "Loader", "Prompt", "Sampler", "Save"',
    ),
    "Prompt": ("x", '"Prompt" names no input: write a title or id, a dot and the name of an input'),
    "Prompt.texts": ("x", '"Prompt.texts": node #2 has no input "texts"; its inputs: text, clip'),
    "Prompt.clip": ("x", "the input takes its CLIP from another node, so a job cannot set it"),
    "Prompt.text": (7, "the input takes text, but the value is 7"),
    "Sampler.seed": (1.5, "the input takes a whole number, but the value is 1.5"),
    "Sampler.steps": (51, "the input takes 1 to 50, but the value is 51"),
    "Sampler.cfg": (float("nan"), "the input takes a number, but the value is nan"),
    "Sampler.tiled": (1, "the input takes true or false, but the value is 1"),
    "Loader.file": (
        "c.safetensors",
        'the value is "c.safetensors", a file that the server lacks; the choices are: a.safetensors, b.safetensors',
    ),
    "Save.format": ("gif", 'the value is "gif", which is not a choice; the choices are: auto, mp4'),
    "Sampler.picture": ({"file": "none.png"}, "there is no file"),
}


@pytest.mark.parametrize("place", WRONG)
def test_a_wrong_value_is_told(place: str, tmp_path: Path) -> None:
    value, said = WRONG[place]
    assert said in errors({place: value}, tmp_path)


def test_all_errors_of_all_lines_are_told_at_once(tmp_path: Path) -> None:
    lines = [line({"Sampler.seed": -1, "Nope.x": 1}, 1), line({}, 2), line({"Sampler.steps": "x"}, 3)]
    with pytest.raises(Refused) as refused:
        Planner(graph(), ground(tmp_path)).jobs(lines)
    assert [error.split(":")[0] for error in refused.value.errors] == ["line 1", "line 1", "line 3"]


def test_a_title_that_two_nodes_have_is_refused_with_their_ids(tmp_path: Path) -> None:
    doubled = graph() | {"5": node("Text", "Prompt", text="x", clip=["1", 1])}
    with pytest.raises(Refused, match='"Prompt.text" fits 2 nodes .#2, #5.: name one by its id, such as "#2.text"'):
        Planner(doubled, ground(tmp_path)).jobs([line({"Prompt.text": "x"})])


def test_what_the_workflow_itself_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        Refused, match='the server has no node "Gone" .#9.: install the pack of this node on the server'
    ):
        Planner(graph() | {"9": node("Gone")}, ground(tmp_path))
    with pytest.raises(
        Refused, match="node #3 .Sampler.: positive is connected to a node that the workflow does not contain"
    ):
        Planner({name: one for name, one in graph().items() if name != "2"}, ground(tmp_path))
    with pytest.raises(Refused, match="no node that saves or shows a result"):
        Planner({name: one for name, one in graph().items() if name != "4"}, ground(tmp_path))
    lacking = graph() | {"1": node("Loader", file="lost.ckpt")}
    with pytest.raises(
        Refused, match='the workflow\'s node #1 .Loader.: file: the value is "lost.ckpt", a file that the server lacks'
    ):
        Planner(lacking, ground(tmp_path)).jobs([line({})])
    assert Planner(lacking, ground(tmp_path)).jobs([line({"Loader.file": "a.safetensors"})])


def test_files_are_named_by_their_content_and_limited_in_size(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"12345")
    values = {"Sampler.picture": {"file": "cat.png"}}
    (job,) = Planner(graph(), ground(tmp_path)).jobs([line(values)])
    name = filled(graph(), job.changes)["3"]["inputs"]["picture"]
    assert name == f"kinema-farm/{job.files[0].sha256[:32]}.png"
    with pytest.raises(
        Refused, match="cat.png is 5 bytes, but a server accepts uploads of at most 4 bytes: start the server"
    ):
        Planner(graph(), ground(tmp_path, max_upload=4)).jobs([line(values)])
    (tmp_path / "cat.png").write_bytes(b"54321")
    (other,) = Planner(graph(), ground(tmp_path)).jobs([line(values)])
    assert other.key != job.key


def test_the_key_ignores_titles_and_prefixes_are_replaced(tmp_path: Path) -> None:
    renamed = graph() | {"2": {**graph()["2"], "_meta": {"title": "Other"}}}
    keys = [Planner(one, ground(tmp_path)).jobs([line({})])[0].key for one in (graph(), renamed)]
    assert keys[0] == keys[1]
    assert with_prefix(graph(), "farm/id")["4"]["inputs"]["filename_prefix"] == "farm/id/fish"
    hostile = graph() | {"4": node("Save", latent=["3", 0], filename_prefix="../..", format="auto")}
    assert with_prefix(hostile, "farm/id")["4"]["inputs"]["filename_prefix"] == "farm/id/result"


def test_nodes_whose_results_stay_on_the_server_are_known() -> None:
    saving = {"9": node("LoraSave")}
    assert without_files(saving, INFO | {"LoraSave": {"output_node": True}}) == ["#9 (LoraSave)"]
