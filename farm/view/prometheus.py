"""Prometheus metrics, served to this machine only."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from ..graph.refused import Refused
from ..run.worker import AT_WORK

SERIES = (  # name, kind, field of the status, help
    ("kinema_farm_jobs", "gauge", "total", "Jobs of the jobs file."),
    ("kinema_farm_jobs_done", "gauge", "done", "Jobs on record as finished."),
    ("kinema_farm_jobs_failed", "gauge", "failed", "Jobs on record as failed."),
    ("kinema_farm_jobs_waiting", "gauge", "waiting", "Jobs that have not yet been given to a server."),
    ("kinema_farm_jobs_running", "gauge", "running", "Jobs that have been given to a server and are not finished."),
    ("kinema_farm_jobs_finished_total", "counter", "done_in_this_run", "Jobs finished in this run."),
    ("kinema_farm_retries_total", "counter", "retried", "Job attempts that gave no result and were retried."),
    ("kinema_farm_model_changes_total", "counter", "model_reloads", "How often a server changed to other models."),
    ("kinema_farm_job_seconds_total", "counter", "job_seconds", "Seconds that servers needed for the finished jobs."),
    ("kinema_farm_paused", "gauge", "is_paused", "1 while the farm is paused."),
)


def metrics_text(status: Mapping[str, Any]) -> str:
    """The status in Prometheus's text format, version 0.0.4."""
    lines = []
    for name, kind, field, about in SERIES:
        lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", f"{name} {float(status[field]):g}"]
    name = "kinema_farm_server_prompts"
    lines += [f"# HELP {name} Prompts of the farm that are queued or running on this server.", f"# TYPE {name} gauge"]
    lines += [f'{name}{{server="{_label(one["name"])}"}} {one["prompts"]}' for one in status["servers"]]
    name = "kinema_farm_server_up"
    lines += [f"# HELP {name} 1 for a server that answers and gets jobs.", f"# TYPE {name} gauge"]
    lines += [f'{name}{{server="{_label(one["name"])}"}} {int(one["state"] == AT_WORK)}' for one in status["servers"]]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@asynccontextmanager
async def metrics_served(port: int | None, status: Callable[[], Mapping[str, Any]]) -> AsyncIterator[None]:
    """At http://127.0.0.1:`port`/metrics while the block runs; nowhere without a port. Raises Refused for a port in use."""
    if port is None:
        yield
        return

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=metrics_text(status()), headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.add_routes([web.get("/metrics", answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as error:
        await runner.cleanup()
        raise Refused([f"--metrics {port}: the port cannot be used ({error.strerror}): name another"]) from error
    try:
        yield
    finally:
        await runner.cleanup()
