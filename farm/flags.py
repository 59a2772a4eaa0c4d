"""The command line of `dev.py farm`."""

import argparse
import re
from pathlib import Path

DESCRIPTION = """Run one workflow with many jobs on many ComfyUI servers. docs/farm.md explains all options."""


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options, and what follows "--": for servers that the farm starts itself."""
    own, _, others = _split(arguments)
    parser = argparse.ArgumentParser(prog="dev.py farm", description=DESCRIPTION)
    _add_files(parser)
    _add_servers(parser)
    _add_choice_of_jobs(parser)
    _add_limits(parser)
    options = parser.parse_args(own)
    options.patience = options.patience or (60.0 if options.servers else 300.0)
    if others and options.servers:
        parser.error(
            "options after -- are for servers that the farm starts, not for those of --servers: leave these options out"
        )
    return options, others


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "workflow", type=Path, help="workflow: API form, or saved from the canvas (.json, .png, .webp, .mp4)"
    )
    parser.add_argument("jobs", type=Path, help="jobs file: what each job changes (.jsonl or .csv)")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the results and the record of finished jobs"
    )


def _add_servers(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--servers",
        metavar="URL,URL",
        help="addresses of running servers; @FILE: a file with one on each line, read again when it changes",
    )
    where.add_argument(
        "--local", type=_count, metavar="N", help="start N servers of your ComfyUI, each on a GPU of its own"
    )
    where.add_argument(
        "--ray",
        metavar="ADDRESS",
        help='start a server for each GPU of a Ray cluster: "auto" or HOST:PORT on a node of the cluster, or "local"',
    )
    parser.add_argument(
        "--cpus",
        type=_count,
        default=4,
        metavar="N",
        help="CPUs for each server of --ray on a cluster without GPUs (default 4)",
    )


def _add_choice_of_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="check everything and say what would run")
    parser.add_argument("--limit", type=_count, metavar="N", help="run only the first N of the remaining jobs")
    parser.add_argument("--only", metavar="TAG", help="run only jobs with this tag: name, or name=value")
    parser.add_argument(
        "--shard", type=_shard, metavar="I/N", help="run only part I of N, in a separate folder inside --out"
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ahead",
        type=int,
        default=2,
        metavar="N",
        help="prompts that wait on each server behind the running one (default 2)",
    )
    parser.add_argument(
        "--retries", type=int, default=2, metavar="N", help="further attempts at a lost job (default 2)"
    )
    parser.add_argument("--retry-failed", action="store_true", help="run failed jobs again")
    parser.add_argument("--max-failures", type=_count, metavar="N", help="stop when N jobs have failed")
    parser.add_argument(
        "--job-timeout",
        type=float,
        metavar="SECONDS",
        help="time limit for one job (default: 10 times the median job time; a job that exceeds it is interrupted only if the "
        "server has also been silent for 2 minutes)",
    )
    parser.add_argument(
        "--patience",
        type=float,
        metavar="SECONDS",
        help="time to wait for a server that does not answer (default: 60; 300 for servers that the farm starts)",
    )
    parser.add_argument("--mixed", action="store_true", help="allow servers with different versions, nodes and models")
    parser.add_argument(
        "--metrics", type=int, metavar="PORT", help="serve Prometheus metrics at 127.0.0.1:PORT/metrics"
    )


def _split(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    if "--" not in arguments:
        return arguments, "", []
    at = arguments.index("--")
    return arguments[:at], "--", arguments[at + 1 :]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of 1 or more")
    return int(text)


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text} is not a shard: write I/N with I from 1 to N, such as 2/8")
    return int(match[1]), int(match[2])
