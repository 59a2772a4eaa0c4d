"""What is on record: finished jobs, failed jobs, and prompts that were given to servers.

A record is one JSON line. Lines of done.jsonl and failed.jsonl are on the disk before anything depends on them; a last line
that was cut off is dropped.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class Submission:
    """A prompt that was given to a server and whose end is not on record."""

    server: str  # its name
    job_id: str  # see `Job`
    key: str  # of the job, see `Job`
    attempt: int  # from 1, counted over all runs
    prompt_id: str  # chosen by the farm, see `identity.prompt_id`


class Ledger:
    """The records of one output folder, used by one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.done = {line["id"]: str(line["key"]) for line in _read(folder / "done.jsonl")}
        self.failed = {line["id"]: str(line["key"]) for line in _read(folder / "failed.jsonl")}
        for job_id, key in self.done.items():
            if self.failed.get(job_id) == key:  # failed at first, done in a later attempt
                del self.failed[job_id]
        self.open, self._attempts = _submissions(folder / "submitted.jsonl", self.done)
        self._files = {name: _appending(folder / f"{name}.jsonl") for name in ("done", "failed", "submitted")}

    def is_settled(self, job_id: str, key: str) -> bool:
        """Whether this job, and not an older version of it, is finished or has failed."""
        return self.done.get(job_id) == key or self.failed.get(job_id) == key

    def forget(self, job_id: str) -> None:
        """The job runs again, although it failed or its files are gone."""
        self.done.pop(job_id, None)
        self.failed.pop(job_id, None)

    def attempt(self, job_id: str) -> int:
        """The number of the next attempt at a job, counted over all runs."""
        return self._attempts.get(job_id, 0) + 1

    def record_submitted(self, submission: Submission) -> None:
        """Before the server gets it. A line that is lost with the machine costs an attempt, but no result."""
        self._attempts[submission.job_id] = submission.attempt
        line = {
            "server": submission.server,
            "id": submission.job_id,
            "key": submission.key,
            "attempt": submission.attempt,
            "prompt_id": submission.prompt_id,
        }
        self._write("submitted", line, is_safe=False)

    def record_done(self, job_id: str, key: str, line: Mapping[str, Any]) -> None:
        self._write("done", {"id": job_id, "key": key, **line}, is_safe=True)
        self.done[job_id] = key
        self.failed.pop(job_id, None)

    def record_failed(self, job_id: str, key: str, line: Mapping[str, Any]) -> None:
        self._write("failed", {"id": job_id, "key": key, **line}, is_safe=True)
        self.failed[job_id] = key

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _write(self, name: str, line: Mapping[str, Any], is_safe: bool) -> None:
        file = self._files[name]
        # One call of the system, so that a process that is killed leaves the whole line or none.
        os.write(file.fileno(), (json.dumps(line, ensure_ascii=False) + "\n").encode())
        if is_safe:
            os.fsync(file.fileno())


def records(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """The lines of "done" or "failed", oldest first."""
    return _read(folder / f"{name}.jsonl")


def _read(file: Path) -> Iterator[dict[str, Any]]:
    if file.is_file():
        with file.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield json.loads(line)


def _appending(file: Path) -> IO[bytes]:
    """Open at the end of the last whole line."""
    opened = file.open("ab")
    content = file.read_bytes() if file.stat().st_size else b""
    opened.truncate(content.rfind(b"\n") + 1)
    return opened


def _submissions(file: Path, done: Mapping[str, str]) -> tuple[list[Submission], dict[str, int]]:
    """The last prompt of each job that has no record of its end, and how many attempts each job had."""
    latest: dict[str, Submission] = {}
    attempts: dict[str, int] = {}
    for line in _read(file):
        found = Submission(line["server"], line["id"], line["key"], line["attempt"], line["prompt_id"])
        attempts[found.job_id] = max(found.attempt, attempts.get(found.job_id, 0))
        latest[found.job_id] = found
    return [found for found in latest.values() if done.get(found.job_id) != found.key], attempts
