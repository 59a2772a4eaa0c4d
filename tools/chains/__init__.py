"""`dev.py chains --record FOLDER | --compare FOLDER`: proves that a redesign changes no result. Samples chains of the
pack's nodes by seed with tiny real models, and compares the latents bit for bit with those of an earlier recording."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from .allowed import rule_for
from .chain import from_json
from .record import Difference, compare, record, refusals


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py chains", description=__doc__)
    todo = parser.add_mutually_exclusive_group(required=True)
    todo.add_argument("--record", type=Path, metavar="FOLDER", help="sample the chains and keep what they give")
    todo.add_argument("--compare", type=Path, metavar="FOLDER", help="sample them again and say what differs")
    parser.add_argument("--count", type=int, default=300, help="how many chains to record (default 300)")
    parser.add_argument("--processes", type=int, default=2, help="that sample side by side (default 2)")
    options = parser.parse_args(arguments)
    if options.record:
        _record(options.record, options.count, options.processes)
        return 0
    return _compare(options.compare, options.processes)


def _record(folder: Path, count: int, processes: int) -> None:
    messages = Counter(refusals(record(folder, count, processes)))
    for message, times in messages.most_common():
        print(f"refused {times}: {message}")
    print(f"{count} chains recorded, {messages.total()} of them refused")


def _compare(folder: Path, processes: int) -> int:
    results = compare(folder, processes)
    differing = [result for result in results if result is not None]
    allowed = [each for each in differing if _tell(each)]
    equal, wrong = len(results) - len(differing), len(differing) - len(allowed)
    print(f"{len(results)} chains: {equal} equal, {len(allowed)} differ as listed, {wrong} differ")
    return 1 if wrong else 0


def _tell(difference: Difference) -> bool:
    """Prints what differs, and whether a rule allows it."""
    chain = from_json(difference.chain)
    rule = rule_for(chain)
    reason = f"allowed by {rule.name}: {rule.why}" if rule else "NOT ALLOWED"
    print(f"chain {chain.seed}: {chain}\n  {difference.words}\n  {reason}")
    return rule is not None
