"""The jobs file: JSON lines or CSV. A line is one job, or all combinations of lists and ranges of seeds."""

import csv
import hashlib
import io
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .refused import Refused

FIELDS = {"id", "set", "for", "tags", "priority"}
CSV_FIELDS = ("id", "tags", "priority")
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows has no files of these names
SEED_RANGE = re.compile(r"(\d+)\.\.(\d+)")
SHORT = re.compile(r"[A-Za-z0-9._-]{1,16}")
FILE_CELL = "file:"  # begins a cell of a CSV file that names a file of this machine


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job as the user wrote it."""

    id: str  # unique in the file; can name a folder
    line: int  # of the jobs file, counted from 1
    values: Mapping[str, Any]  # {place: value}; a file of this machine is {"file": path}
    tags: tuple[str, ...] = ()  # "name" or "name=value"
    priority: int = 0  # higher ones run first
    is_text: bool = field(default=False)  # values are texts of a CSV file, whose types the workflow decides


def read_jobs(file: Path) -> list[JobLine]:
    """The jobs in the order of the file. Raises Refused with every line that cannot be read and every id that repeats."""
    if not file.is_file():
        raise Refused([f"there is no jobs file {file}: name a .jsonl or .csv file"])
    text = file.read_text(encoding="utf-8-sig")
    errors: list[str] = []
    jobs = list(_csv(text, errors) if file.suffix.lower() == ".csv" else _json_lines(text, errors))
    errors += _repeated(jobs)
    if not jobs and not errors:
        errors.append(f"{file.name} contains no jobs: write one on each line")
    if errors:
        raise Refused(errors)
    return jobs


def _json_lines(text: str, errors: list[str]) -> Iterator[JobLine]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
            if not isinstance(content, dict):
                raise ValueError(f"the line is of type {type(content).__name__}, but a job is an object in braces")
            yield from _jobs_of(content, number)
        except ValueError as error:
            errors.append(f"line {number}: {error}")


def _jobs_of(content: dict[str, Any], number: int) -> Iterator[JobLine]:
    if unknown := sorted(content.keys() - FIELDS):
        raise ValueError(f"unknown: {', '.join(unknown)}; the fields of a job are {', '.join(sorted(FIELDS))}")
    fixed = content.get("set", {})
    lists = content.get("for", {})
    if not isinstance(fixed, dict) or not isinstance(lists, dict):
        raise ValueError('"set" and "for" must be objects with inputs as keys, such as {"Prompt.text": ...}')
    tags = _tags(content.get("tags", []))
    priority = content.get("priority", 0)
    if type(priority) is not int:
        raise ValueError(f"the priority is {priority!r}: give a whole number")
    name = content.get("id")
    ranges = {place: _list(place, values) for place, values in lists.items()}
    for chosen in itertools.product(*ranges.values()):
        values = {**fixed, **dict(zip(ranges, chosen, strict=True))}
        made = _made_id(name, chosen, values)
        yield JobLine(made, number, values, tags, priority)


def _list(place: str, values: Any) -> list[Any]:
    if isinstance(values, str) and (match := SEED_RANGE.fullmatch(values)):
        first = int(match[1])
        last = int(match[2])
        if first > last:
            raise ValueError(f"{place} is {values}, which counts down: write the smaller number first")
        return list(range(first, last + 1))
    if not isinstance(values, list) or not values:
        raise ValueError(f'{place} in "for" is {values!r}: give a list, or a range of whole numbers such as "7..106"')
    return values


def _made_id(name: Any, chosen: tuple[Any, ...], values: Mapping[str, Any]) -> str:
    """The user's id, and what distinguishes a combination; of jobs without an id a hash of their values, so that adding a
    line changes no other job."""
    if name is not None and not isinstance(name, str):
        raise ValueError(f"the id is {name!r}: give text in quotes")
    made = "-".join([*([name] if name else []), *(_short(value) for value in chosen)])
    made = made or f"job-{_hash(values)}"
    if not ID.fullmatch(made) or RESERVED.fullmatch(made) or made.endswith("."):
        raise ValueError(
            f'the id "{made[:120]}" cannot be the name of a folder: use 1 to 100 letters, digits, ".", "_" and "-", begin '
            'with a letter or digit, do not end with ".", and use no name that Windows reserves, such as "con"'
        )
    return made


def _short(value: Any) -> str:
    text = str(value)
    return text if SHORT.fullmatch(text) else _hash(value)


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]


def _tags(tags: Any) -> tuple[str, ...]:
    if isinstance(tags, dict):
        return tuple(f"{name}={value}" for name, value in tags.items())
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        return tuple(tags)
    raise ValueError(f'the tags are {tags!r}: give a list of strings or an object such as {{"style": "ink"}}')


def _csv(text: str, errors: list[str]) -> Iterator[JobLine]:
    """A column for each place, named like it, and optional columns id, tags (separated by blanks) and priority."""
    rows = csv.reader(io.StringIO(text, newline=""))
    head = next(rows, [])
    if len(set(head)) != len(head):
        errors.append("line 1: two columns have the same name: rename one")
        return
    for row in rows:
        number = rows.line_num
        if not any(row):
            continue
        try:
            if len(row) != len(head):
                raise ValueError(f"the number of cells is {len(row)}, but line 1 names {len(head)} columns")
            cells = dict(zip(head, row, strict=True))
            values = {place: _cell(cell) for place, cell in cells.items() if place not in CSV_FIELDS and cell != ""}
            priority = _priority(cells.get("priority") or "0")
            name = _made_id(cells.get("id") or None, (), values)
            yield JobLine(name, number, values, tuple((cells.get("tags") or "").split()), priority, is_text=True)
        except ValueError as error:
            errors.append(f"line {number}: {error}")


def _priority(cell: str) -> int:
    try:
        return int(cell)
    except ValueError:
        raise ValueError(f"the priority is {cell!r}: give a whole number") from None


def _cell(cell: str) -> Any:
    return {"file": cell.removeprefix(FILE_CELL)} if cell.startswith(FILE_CELL) else cell


def _repeated(jobs: list[JobLine]) -> Iterator[str]:
    lines: dict[str, JobLine] = {}
    for job in jobs:
        first = lines.setdefault(job.id.casefold(), job)
        if first is not job:
            said = f'the id is "{job.id}", but line {first.line} already has the id "{first.id}"'
            yield f"line {job.line}: {said}: give each job an id of its own"
