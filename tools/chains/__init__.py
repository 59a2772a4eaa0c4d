"""`dev.py chains --record FOLDER | --compare FOLDER`: proves that a redesign changes no result. Samples chains of the
pack's nodes by seed with tiny real models, runs the templates and blueprints with the miniature, and compares all of it
bit for bit with an earlier recording, made on the same machine."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from . import record, workflows
from .allowed import rule_for


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py chains", description=__doc__)
    todo = parser.add_mutually_exclusive_group(required=True)
    todo.add_argument(
        "--record", type=Path, metavar="FOLDER", help="run all chains and keep the results in this folder"
    )
    todo.add_argument(
        "--compare",
        type=Path,
        metavar="FOLDER",
        help="run all chains again and list what differs from the results in this folder",
    )
    parser.add_argument(
        "--count", type=int, default=300, help="number of chains, starting with the first (default 300)"
    )
    parser.add_argument("--processes", type=int, default=2, help="processes that sample in parallel (default 2)")
    parser.add_argument("--no-templates", action="store_true", help="only the chains, without templates and blueprints")
    options = parser.parse_args(arguments)
    if options.record:
        _record_chains(options.record, options.count, options.processes)
        if not options.no_templates:
            _record_workflows(options.record)
        return 0
    wrong = _compare_chains(options.compare, options.count, options.processes)
    if not options.no_templates:
        wrong += _compare_workflows(options.compare)
    return 1 if wrong else 0


def _record_chains(folder: Path, count: int, processes: int) -> None:
    outcomes = [line.outcome for line in record.record(folder, count, processes)]
    refused = Counter(outcome.error for outcome in outcomes if outcome.is_refusal)
    for message, times in refused.most_common():
        print(f"refused {times}: {message}")
    print(f"{count} chains recorded, {refused.total()} of them refused")


def _record_workflows(folder: Path) -> None:
    outcomes = workflows.record(folder)
    refused = {name: outcome.error for name, outcome in outcomes.items() if outcome.is_refusal}
    for name, message in refused.items():
        print(f"{name} was refused: {message}")
    print(f"{len(outcomes)} workflows recorded, {len(refused)} of them refused")


def _compare_chains(folder: Path, count: int, processes: int) -> int:
    """Prints the chains that differ. How many of them no rule allows."""
    results = Counter(_tell(result) for result in record.compare(folder, count, processes))
    wrong = results["differ"]
    listed = f"{results['equal']} equal, {results['differ as listed']} differ as listed, {wrong} differ"
    print(f"{results.total()} chains: {listed}")
    return wrong


def _tell(difference: record.Difference | None) -> str:
    """Prints what differs, and whether a rule allows it. In words, which of the three it is."""
    if difference is None:
        return "equal"
    chain = difference.chain
    rule = rule_for(chain)
    reason = f"allowed by {rule.name}: {rule.why}" if rule else "NOT ALLOWED"
    print(f"chain {chain.seed}: {chain}\n  {difference.words}\n  {reason}", flush=True)
    return "differ as listed" if rule else "differ"


def _compare_workflows(folder: Path) -> int:
    """Prints the templates and blueprints that differ. How many do."""
    differences = workflows.compare(folder)
    differing = {name: words for name, words in differences.items() if words}
    for name, words in differing.items():
        print(f"{name}: {words}")
    print(f"{len(differences)} workflows: {len(differences) - len(differing)} equal, {len(differing)} differ")
    return len(differing)
