"""Conversions of a whole folder, and what they say in a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kinema.convert import Report, WorkflowError, convert
from kinema.convert.definitions.node_definitions import TargetNode
from kinema.convert.files.command import FAILED, NOTHING_TO_CONVERT, counts, files_in
from kinema.convert.files.containers import read_workflow
from kinema.convert.report import NOT_CONVERTED

from .validity import evolved_types, problems

SHOWN = 6  # problems of one file


@dataclass(frozen=True)
class Row:
    """What became of one file."""

    file: Path  # that was read
    result: str  # one of RANKS, NOTHING_TO_CONVERT or FAILED
    report: Report | None = None  # None where the file has no workflow
    problems: tuple[str, ...] = ()  # with the name of the host, empty where all is well


def convert_all(folder: Path, hosts: Mapping[str, Mapping[str, TargetNode]], accept: bool, core: bool) -> list[Row]:
    """Converts all workflows in `folder`, and checks each result on each of `hosts`, named sets of nodes."""
    return [_row(file, hosts, accept, core) for file in files_in(folder)]


def _row(file: Path, hosts: Mapping[str, Mapping[str, TargetNode]], accept: bool, core: bool) -> Row:
    try:
        before = read_workflow(file)
        if before is None:
            return Row(file, NOTHING_TO_CONVERT)
        conversion = convert(before, accept, core)
    except WorkflowError:
        return Row(file, FAILED)
    after = conversion.workflow
    report = conversion.report
    found = [f"{host}: {text}" for host, known in hosts.items() for text in problems(before, after, known)]
    if convert(after, accept, core).workflow is not after:
        found.append("a second conversion changes it again")
    left = evolved_types(after)
    if left and not any(unit.result == NOT_CONVERTED for unit in report.units):
        found.append(f"{left[0]} is left, and the report does not say so")
    return Row(file, report.result or NOTHING_TO_CONVERT, report, tuple(found))


def table(rows: Sequence[Row]) -> Iterator[str]:
    width = max((len(row.file.name) for row in rows), default=4)
    for row in rows:
        state = f"{len(row.problems)} problems" if row.problems else "valid" if row.report else ""
        yield f"{row.file.name:<{width}}  {row.result:<18}  {state}".rstrip()
        yield from (f"  {text}" for text in row.problems[:SHOWN])
    yield ""
    yield from counts([(row.result, row.report) for row in rows])
    read = [row for row in rows if row.report is not None]
    yield f"{sum(not row.problems for row in read)} of {len(read)} results are valid."
