"""The status as Prometheus and people read it."""

import asyncio
import socket

import pytest

from kinema.farm.graph.refused import Refused
from kinema.farm.view.prometheus import metrics_served, metrics_text
from kinema.farm.view.watching import progress_line

STATUS = {
    **{"total": 10, "done": 4, "failed": 1, "waiting": 3, "running": 2, "done_in_this_run": 4, "retried": 0},
    **{"model_reloads": 0, "job_seconds": 8.5, "jobs_per_minute": 30.0, "seconds_left": 3725, "is_paused": False},
    "servers": [
        {"name": 'http://a"b', "state": "at work", "prompts": 2},
        {"name": "http://c", "state": "does not answer", "prompts": 0},
    ],
}


def test_metrics_have_help_type_and_escaped_labels() -> None:
    lines = metrics_text(STATUS).splitlines()
    assert "kinema_farm_jobs_done 4" in lines and "kinema_farm_job_seconds_total 8.5" in lines
    assert 'kinema_farm_server_up{server="http://a\\"b"} 1' in lines
    assert 'kinema_farm_server_up{server="http://c"} 0' in lines
    names = {line.split(" ")[0].split("{")[0] for line in lines if not line.startswith("#")}
    assert names == {line.split(" ")[2] for line in lines if line.startswith("# TYPE")}


def test_a_port_in_use_is_refused() -> None:
    async def serve(port: int) -> None:
        async with metrics_served(port, lambda: STATUS):
            pass

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"--metrics {port}: the port cannot be used"):
            asyncio.run(serve(port))


def test_the_progress_line_has_one_line() -> None:
    assert progress_line(STATUS) == "4/10 done, 1 failed, 2 running on 1 server, 30.0/min, 1:02:05 left"
