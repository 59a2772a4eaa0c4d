"""The jobs file: every line that cannot be read is told at once."""

from pathlib import Path

import pytest

from kinema.farm.graph.job_lines import JobLine, read_jobs
from kinema.farm.graph.refused import Refused


def written(folder: Path, text: str, name: str = "jobs.jsonl") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, text: str, name: str = "jobs.jsonl") -> list[JobLine]:
    return read_jobs(written(folder, text, name))


def test_a_product_of_lists_and_a_range_of_seeds(tmp_path: Path) -> None:
    line = (
        '{"id": "x", "set": {"S.cfg": 7}, "for": {"P.text": ["a b", "c"], "S.seed": "7..9"}, "tags": {"style": "ink"}}'
    )
    jobs = read(tmp_path, f"\n{line}\n")
    assert len(jobs) == 6 and len({job.id for job in jobs}) == 6
    assert jobs[5].values == {"S.cfg": 7, "P.text": "c", "S.seed": 9}
    assert (jobs[5].id, jobs[5].line, jobs[5].tags) == ("x-c-9", 2, ("style=ink",))


def test_jobs_without_ids_keep_theirs_when_lines_are_added(tmp_path: Path) -> None:
    one = read(tmp_path, '{"set": {"P.text": "a"}}')
    two = read(tmp_path, '{"set": {"P.text": "b"}}\n{"set": {"P.text": "a"}}')
    assert one[0].id == two[1].id != two[0].id


def test_csv_has_a_column_for_each_place(tmp_path: Path) -> None:
    jobs = read(tmp_path, 'id,P.text,S.seed,tags,priority\nx,"a, b",7,ink day,2\ny,,8,,\n', "jobs.csv")
    assert jobs[0] == JobLine("x", 2, {"P.text": "a, b", "S.seed": "7"}, ("ink", "day"), 2, is_text=True)
    assert jobs[1].values == {"S.seed": "8"}
    assert read(tmp_path, "I.image\nfile:cat.png\n", "jobs.csv")[0].values == {"I.image": {"file": "cat.png"}}
    with pytest.raises(Refused, match="line 2: the priority is 'high': give a whole number"):
        read(tmp_path, "id,priority\nx,high\n", "jobs.csv")


WRONG = {
    "[1]": "line 1: the line is of type list, but a job is an object",
    "{": "line 1: ",
    '{"sets": {}}': "line 1: unknown: sets; the fields of a job are for, id, priority, set, tags",
    '{"id": "../x"}': 'the id "../x" cannot be the name of a folder',
    '{"id": "con"}': 'the id "con" cannot be the name of a folder',
    '{"id": 7}': "the id is 7: give text in quotes",
    '{"for": {"S.seed": "9..7"}}': "S.seed is 9..7, which counts down",
    '{"for": {"S.seed": 7}}': 'S.seed in "for" is 7: give a list, or a range',
    '{"priority": true}': "the priority is True: give a whole number",
    '{"tags": 3}': "the tags are 3: give a list",
    '{"id": "a"}\n{"id": "A"}': 'line 2: the id is "A", but line 1 already has the id "a"',
    "": "contains no jobs",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_with_its_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read(tmp_path, text)
    assert WRONG[text] in str(refused.value)


def test_all_lines_are_read_before_the_error(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read(tmp_path, '[1]\n{"id": "good"}\n{"id": ""}\n{"id": "a/b"}\n"x"')
    assert [error.split(":")[0] for error in refused.value.errors] == ["line 1", "line 4", "line 5"]
    with pytest.raises(Refused, match="line 2: the number of cells is 1, but line 1 names 2 columns"):
        read(tmp_path, "a,b\n1\n", "jobs.csv")
    with pytest.raises(Refused, match="line 1: two columns have the same name"):
        read(tmp_path, "a,a\n1,2\n", "jobs.csv")
    with pytest.raises(Refused, match="there is no jobs file"):
        read_jobs(tmp_path / "none")
