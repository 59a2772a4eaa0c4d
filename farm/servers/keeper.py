"""Keeps one server of the farm running, as a process of its own: `python keeper.py PORT COMMAND...`.

A server that ends is started again, at the same port. When the farm ends, however it ends, the pipe to this process
closes, and the server is stopped: none is left behind. On Linux the server also ends if this process is killed, as Ray kills
the child processes of an actor that ends.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

MAX_STARTS = 2  # in a row after which the server never answered
LOOK_SECONDS = 1.0
STOP_SECONDS = 10.0
SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


class Keeper:
    """The server's process, and whether it is still wanted."""

    def __init__(self, port: int, command: list[str]) -> None:
        self._port = port
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False
        self._lock = threading.Lock()

    def run(self) -> int:
        """The exit code of a server that does not come up; 0 after `stop`."""
        starts = 0
        while process := self._start():
            starts = 0 if self._came_up(process) else starts + 1
            code = process.wait()
            if starts == MAX_STARTS and not self._is_over:
                return code or 1
        return 0

    def _came_up(self, process: "subprocess.Popen[bytes]") -> bool:
        """Waits until the server takes connections or has ended."""
        while process.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(LOOK_SECONDS)
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return True
            time.sleep(LOOK_SECONDS)
        return False

    def _start(self) -> "subprocess.Popen[bytes] | None":
        with self._lock:
            if not self._is_over:
                self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent())
            return None if self._is_over else self._process

    def stop(self) -> None:
        with self._lock:
            self._is_over = True
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _end_with_parent() -> Callable[[], None] | None:
    """What the server's process does before it becomes the server."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: less can go wrong between fork and exec

    def end_with_parent() -> None:
        prctl(SET_DEATH_SIGNAL, signal.SIGKILL)

    return end_with_parent


def main() -> int:
    keeper = Keeper(int(sys.argv[1]), sys.argv[2:])

    def until_the_farm_ends() -> None:
        while os.read(0, 1):  # not sys.stdin, whose lock Python needs to end
            pass
        keeper.stop()

    threading.Thread(target=until_the_farm_ends, daemon=True).start()
    return keeper.run()


if __name__ == "__main__":
    sys.exit(main())
