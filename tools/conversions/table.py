"""Conversions of a whole folder, and what they say in a table."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kinema.convert import Report, WorkflowError, convert
from kinema.convert.definitions.node_definitions import TargetNode
from kinema.convert.files.command import NOTHING_TO_CONVERT, counts, files_in
from kinema.convert.files.containers import read_workflow

from .validity import evolved_types, problems

SHOWN = 6  # problems of one file


@dataclass(frozen=True)
class Row:
    """What became of one file."""

    file: Path
    report: Report
    problems: tuple[str, ...]  # with the name of the host, empty where all is well


def convert_all(folder: Path, hosts: Mapping[str, Mapping[str, TargetNode]], accept: bool, core: bool) -> list[Row]:
    """Converts all workflows in `folder`, and checks each result on each of `hosts`, named sets of nodes."""
    return [row for file in files_in(folder) if (row := _row(file, hosts, accept, core)) is not None]


def _row(file: Path, hosts: Mapping[str, Mapping[str, TargetNode]], accept: bool, core: bool) -> Row | None:
    """None for a file without a workflow."""
    try:
        before = read_workflow(file)
        if before is None:
            return None
        conversion = convert(before, accept, core)
    except WorkflowError as error:
        return Row(file, Report(), (str(error),))
    after = conversion.workflow
    found = [f"{host}: {text}" for host, known in hosts.items() for text in problems(before, after, known)]
    if convert(after, accept, core).workflow is not after:
        found.append("a second conversion changes it again")
    left = evolved_types(after)
    if left and conversion.report.is_whole and len(conversion.report.active) == len(conversion.report.units):
        found.append(f"{left[0]} is left, and the report does not say so")
    return Row(file, conversion.report, tuple(found))


def table(rows: Sequence[Row]) -> Iterator[str]:
    width = max((len(row.file.name) for row in rows), default=4)
    for row in rows:
        state = "valid" if not row.problems else f"{len(row.problems)} problems"
        yield f"{row.file.name:<{width}}  {row.report.result or NOTHING_TO_CONVERT:<18}  {state}"
        yield from (f"  {text}" for text in row.problems[:SHOWN])
    yield ""
    yield from counts([(row.report.result or NOTHING_TO_CONVERT, row.report) for row in rows])
    valid = Counter(not row.problems for row in rows)
    yield f"{valid[True]} of {len(rows)} results are valid."
