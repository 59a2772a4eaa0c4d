"""Converts workflows of AnimateDiff-Evolved to Kinema: JSON files, and pictures and videos with workflows in them.

NAME.kinema.json is written next to each file, or with --out into another folder; files without AnimateDiff-Evolved are
not written again. If a folder is named, all files in it are converted.
"""

import argparse
import json
import os
import tempfile
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from ..conversion import convert, has_evolved_nodes
from ..graph.workflow_graph import WorkflowError
from ..report import NOT_CONVERTED, RANKS, Report
from .containers import READERS, read_workflow

ENDING = ".kinema.json"
NOTHING_TO_CONVERT, FAILED = "nothing to convert", "not read"


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    file: Path  # that was read
    result: str  # one of RANKS, NOTHING_TO_CONVERT or FAILED
    report: Report | None = None  # None where nothing was converted
    error: str = ""  # why it was not read
    target: Path | None = None  # what was written


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="convert", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file or a folder")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder to write to")
    parser.add_argument(
        "--accept", action="store_true", help="also convert nodes that lose something; the report lists what is lost"
    )
    parser.add_argument("--core", action="store_true", help="also replace other packs' nodes with ComfyUI's own")
    parser.add_argument("--report", action="store_true", help="write nothing, only print what would be done")
    options = parser.parse_args(arguments)
    found = [(file, root) for root in options.files for file in files_in(root)]
    outcomes: list[Outcome] = []
    for file, root in found:
        taken = {outcome.target for outcome in outcomes}
        target = None if options.report else _target(file, root, options.out, taken)
        outcomes.append(_convert(file, target, options.accept, options.core))
        if len(found) == 1 or outcomes[-1].error:
            print("\n".join(_lines(outcomes[-1])))
    if len(found) != 1:
        print("\n".join(_table(outcomes)))
    return 1 if any(outcome.result in (FAILED, NOT_CONVERTED) for outcome in outcomes) else 0


def files_in(root: Path) -> Iterator[Path]:
    """The files that may have workflows in them: `root` itself, or those of a folder."""
    if not root.is_dir():
        yield root
        return
    for file in sorted(root.rglob("*")):
        if file.suffix.lower() in READERS and not file.name.endswith(ENDING) and file.is_file():
            yield file


def _target(file: Path, root: Path, out: Path | None, taken: Container[Path | None]) -> Path:
    """Where the conversion of `file` goes; never to one of `taken`, where files of other folders went."""
    stem = file.stem if file.suffix == ".json" else file.name  # a.json and a.png may be in one folder
    if out is None:
        return file.with_name(stem + ENDING)
    folder = out / file.parent.relative_to(root) if root.is_dir() else out
    names = chain([stem], (f"{stem} ({number})" for number in count(2)))
    return next(target for name in names if (target := folder / (name + ENDING)) not in taken)


def _convert(file: Path, target: Path | None, accept: bool, core: bool) -> Outcome:
    try:
        workflow = read_workflow(file)
        if workflow is None or not (core or has_evolved_nodes(workflow)):
            return Outcome(file, NOTHING_TO_CONVERT)
        conversion = convert(workflow, accept, core)
    except WorkflowError as error:
        return Outcome(file, FAILED, error=str(error))
    except Exception as error:  # so that the other files are converted
        text = (
            f"The converter failed with {type(error).__name__}: {error}. Please report this error, and attach the file."
        )
        return Outcome(file, FAILED, error=text)
    report = conversion.report
    if not report.converted:
        return Outcome(file, report.result or NOTHING_TO_CONVERT, report)
    if target is not None:
        write_aside(target, json.dumps(conversion.workflow, indent=2, ensure_ascii=False) + "\n")
    return Outcome(file, report.result or NOTHING_TO_CONVERT, report, target=target)


def write_aside(target: Path, text: str) -> None:
    """Writes `text` so that `target` is whole at each moment: into a file next to it, which then takes its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(aside, target)
    except BaseException:
        os.unlink(aside)
        raise


def _lines(outcome: Outcome) -> Iterator[str]:
    yield f"{outcome.file}: {outcome.error or outcome.result}"
    if outcome.report is not None:
        yield outcome.report.text()
    if outcome.target is not None:
        yield f"Written to {outcome.target}"


def _table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    width = max((len(outcome.file.name) for outcome in outcomes), default=4)
    for outcome in outcomes:
        yield f"{outcome.file.name:<{width}}  {outcome.result:<18}  {_why(outcome)}".rstrip()
    yield ""
    yield from counts([(outcome.result, outcome.report) for outcome in outcomes])


def counts(results: Sequence[tuple[str, Report | None]]) -> Iterator[str]:
    """How many files have which result, and which share of those with active nodes of AnimateDiff-Evolved is whole."""
    found = Counter(result for result, _ in results)
    yield from (f"{found[result]:>5}  {result}" for result in (*RANKS, NOTHING_TO_CONVERT, FAILED) if found[result])
    counted = [report for _, report in results if report is not None and report.active]
    whole = sum(report.is_whole for report in counted)
    if counted:
        share = f"{whole / len(counted):.1%}"
        yield f"{whole} of {len(counted)} workflows with active AnimateDiff nodes can be converted completely ({share})."


def _why(outcome: Outcome) -> str:
    """The most important remark, for one line."""
    if outcome.report is None:
        return ""
    refused = next((unit.refusal for unit in outcome.report.units if unit.refusal), "")
    level = outcome.result
    texts = (
        remark.text
        for unit in outcome.report.units
        for remark in unit.remarks
        if level in (NOT_CONVERTED, remark.level)
    )
    return refused or next(texts, "")
