"""What is on record survives a driver that is killed at any moment."""

from pathlib import Path

import pytest

from kinema.farm.graph.refused import Refused
from kinema.farm.run.ledger import Ledger, Submission
from kinema.farm.run.output_folder import open_folder


def test_a_line_that_was_cut_off_is_dropped_and_the_next_one_is_whole(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record_done("a", "key", {})
    ledger.close()
    with (tmp_path / "done.jsonl").open("ab") as file:
        file.write(b'{"id": "b", "key": "k')
    ledger = Ledger(tmp_path)
    assert ledger.is_settled("a", "key") and not ledger.is_settled("b", "key")
    ledger.record_done("b", "key", {})
    ledger.close()
    assert Ledger(tmp_path).done == {"a": "key", "b": "key"}


def test_only_the_very_job_is_settled(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record_failed("a", "old", {"message": "no"})
    assert ledger.is_settled("a", "old") and not ledger.is_settled("a", "new")
    ledger.record_done("a", "old", {})
    ledger.close()
    assert not Ledger(tmp_path).failed


def test_attempts_count_over_runs_and_ended_ones_are_not_open(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.attempt("a") == 1
    for attempt in (1, 2):
        ledger.record_submitted(Submission("s", "a", "key", attempt, f"id{attempt}"))
    ledger.record_submitted(Submission("s", "b", "key", 1, "other"))
    ledger.record_done("b", "key", {})
    ledger.close()
    again = Ledger(tmp_path)
    assert again.attempt("a") == 3 and [one.prompt_id for one in again.open] == ["id2"]


def test_a_folder_has_one_farm_and_keeps_its_name(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "out")
    with pytest.raises(Refused, match="another farm command is using"):
        open_folder(tmp_path / "out")
    folder.close()
    again = open_folder(tmp_path / "out")
    again.close()
    assert again.run == folder.run
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="--out .*file cannot be written"):
        open_folder(tmp_path / "file")
