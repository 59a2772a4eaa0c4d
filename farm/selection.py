"""Which lines of the jobs file this run is about."""

import zlib
from collections.abc import Sequence

from .graph.job import Job
from .graph.job_lines import JobLine
from .graph.refused import Refused
from .run.ledger import Ledger
from .run.output_folder import OutputFolder

MAX_TAGS = 20  # that an error lists


def lines_of(lines: Sequence[JobLine], only: str | None, shard: tuple[int, int] | None) -> list[JobLine]:
    """Those with the tag `only` ("style" also finds "style=ink") and in the part `shard` (number, of how many).

    Raises Refused for a tag that no line has.
    """
    tagged = [line for line in lines if _has_tag(line, only)]
    if not tagged:
        raise Refused([f'no job has the tag "{only}" (--only); {_tags_of(lines)}'])
    return [line for line in tagged if _is_in(line, shard)]


def _tags_of(lines: Sequence[JobLine]) -> str:
    there = sorted({f'"{tag}"' for line in lines for tag in line.tags})
    if not there:
        return "the jobs have no tags"
    more = f" and {len(there) - MAX_TAGS} more" if len(there) > MAX_TAGS else ""
    return f"tags in this file: {', '.join(there[:MAX_TAGS])}{more}"


def _has_tag(line: JobLine, only: str | None) -> bool:
    return only is None or any(tag == only or tag.partition("=")[0] == only for tag in line.tags)


def _is_in(line: JobLine, shard: tuple[int, int] | None) -> bool:
    """By a hash of the id: a job stays in its shard when lines are added."""
    return shard is None or zlib.crc32(line.id.encode()) % shard[1] == shard[0] - 1


def left(jobs: Sequence[Job], ledger: Ledger, folder: OutputFolder, retry_failed: bool, limit: int | None) -> list[Job]:
    """The jobs that are not on record, whose files are gone, or, with `retry_failed`, that have failed."""
    for job in jobs:
        is_lost = ledger.done.get(job.id) == job.key and not (folder.results / job.id).is_dir()
        if is_lost or (retry_failed and job.id in ledger.failed):
            ledger.forget(job.id)
    return [job for job in jobs if not ledger.is_settled(job.id, job.key)][:limit]
