"""`dev.py farm`: from the command line to the exit code."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import flags
from .graph.job import Job
from .graph.job_lines import read_jobs
from .graph.planner import Ground, Planner, without_files
from .graph.posted_form import to_api_form
from .graph.refused import Refused
from .graph.workflow_file import Graph, is_drawn, read_workflow
from .run.dispatcher import Dispatcher, Rules
from .run.ledger import Ledger
from .run.output_folder import OutputFolder, open_folder
from .run.whole_run import INTERRUPTED, INVALID, OK, WholeRun
from .selection import left, lines_of
from .servers.engine import Engine, engine_of
from .servers.meeting import Meeting, ModelHashes, meet
from .view.watching import Watching, watching

CHECK_SECONDS = 2.0  # between two checks of the jobs file and the file of servers


def main(arguments: list[str]) -> int:
    options, others = flags.parse(arguments)
    try:
        return asyncio.run(_farm(options, others))
    except Refused as refused:
        print(*refused.errors, f"Nothing was run. Errors: {len(refused.errors)}", sep="\n", file=sys.stderr)
        return INVALID
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Interrupted. Run the same command again to continue.", file=sys.stderr)
        return INTERRUPTED


async def _farm(options: argparse.Namespace, others: Sequence[str]) -> int:
    workflow = read_workflow(options.workflow)
    lines = lines_of(read_jobs(options.jobs), options.only, options.shard)
    shard = options.shard
    folder = open_folder(options.out / f"shard-{shard[0]}-of-{shard[1]}" if shard else options.out)
    try:
        async with engine_of(options, others, folder.path) as engine:
            meeting = await meet(engine.links)
            graph = to_api_form(workflow, meeting.first.object_info) if is_drawn(workflow) else workflow
            hashes = ModelHashes(folder.path, meeting)
            planner = Planner(graph, _ground(graph, meeting, hashes, options))
            jobs = planner.jobs(lines)
            hashes.save()
            farm = Farm(options, folder, engine, meeting, graph, planner, hashes)
            return farm.dry_run(jobs) if options.dry_run else await farm.run(jobs)
    finally:
        folder.close()


def _ground(graph: Graph, meeting: Meeting, hashes: ModelHashes, options: argparse.Namespace) -> Ground:
    first = meeting.first
    kinds = {node["class_type"] for node in graph.values()} & first.object_info.keys()
    return Ground(
        object_info=first.object_info,
        listing=meeting.listing,
        model_fact=hashes.fact,
        host="mixed" if options.mixed else first.common(kinds),
        max_upload=meeting.max_upload,
        folder=options.jobs.parent,
    )


@dataclass
class Farm:
    """One farm, after everything was checked."""

    options: argparse.Namespace  # of the command line, see `flags.parse`
    folder: OutputFolder  # where results and records go; locked by this process
    engine: Engine  # finds or starts the servers
    meeting: Meeting  # what the servers said before the first job
    graph: Graph  # the workflow in API form: {node id: node}
    planner: Planner  # checks lines of the jobs file and makes jobs of them
    hashes: ModelHashes  # size and sha256 of model files, kept in `folder`
    ledger: Ledger = field(init=False)  # what is on record in `folder`

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder.path)

    def dry_run(self, jobs: Sequence[Job]) -> int:
        print(*self._summary(jobs, self._left(jobs)), "Nothing was run (--dry-run)", sep="\n")
        return OK

    def _left(self, jobs: Sequence[Job]) -> list[Job]:
        return left(jobs, self.ledger, self.folder, self.options.retry_failed, self.options.limit)

    async def run(self, jobs: Sequence[Job]) -> int:
        todo = self._left(jobs)
        print(*self._summary(jobs, todo), sep="\n", flush=True)
        dispatcher = self._dispatcher(jobs)
        dispatcher.add(todo)
        run = WholeRun(dispatcher, self.options.ahead, _say)
        async with watching(dispatcher, len(jobs), self.options.metrics) as watch:
            for link in self.engine.links if todo else []:
                run.add_server(link)
            following = asyncio.ensure_future(self._follow_files(run, watch))
            try:
                return await run.until_over()
            finally:
                following.cancel()
                self.ledger.close()
                if run.problem:
                    _say(run.problem)

    def _dispatcher(self, jobs: Sequence[Job]) -> Dispatcher:
        options = self.options
        rules = Rules(options.retries, options.max_failures, options.job_timeout, options.patience, options.mixed)
        kinds = {node["class_type"] for node in self.graph.values()}
        facts = {name: self.hashes.fact(name) for job in jobs for name in job.models}
        sizes = {name: int(fact[0]) for name, fact in facts.items() if fact}
        return Dispatcher(self.graph, self.meeting.first.common(kinds), sizes, self.folder, self.ledger, rules)

    def _summary(self, jobs: Sequence[Job], todo: Sequence[Job]) -> list[str]:
        known = sum(self.ledger.is_settled(job.id, job.key) for job in jobs)
        groups = len({job.models for job in todo})
        count = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
        lines = [f"{count}: {known} on record, {len(todo)} to run (sets of models: {groups})"]
        lines += [f"{name} does not answer yet: {why}" for name, why in self.meeting.silent.items()]
        if silent := without_files(self.graph, self.meeting.first.object_info):
            lines.append(f"The files of these nodes stay on the server: {', '.join(silent)}")
        return lines

    async def _follow_files(self, run: WholeRun, watch: Watching) -> None:
        """Jobs and servers that are added, and jobs that are edited, while the farm runs."""
        seen = _changed(self.options.jobs)
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for link in await self.engine.new_links():
                _say(f"New server: {link.name}")
                run.add_server(link)
            if seen != (seen := _changed(self.options.jobs)):
                try:
                    jobs = self.planner.jobs(
                        lines_of(read_jobs(self.options.jobs), self.options.only, self.options.shard)
                    )
                except Refused as refused:
                    _say(
                        "The jobs file was edited, but has errors, so the farm continues with the earlier jobs:\n"
                        + "\n".join(refused.errors)
                    )
                    continue
                run.dispatcher.add(jobs)
                watch.total = len(jobs)
                _say(f"The jobs file was edited. Number of jobs: {len(jobs)}")


def _changed(file: Path) -> int:
    return file.stat().st_mtime_ns if file.is_file() else 0


def _say(text: str) -> None:
    print(f"\n{text}", flush=True)
