"""Keeps one server of the farm running, as a process of its own: `python keeper.py COMMAND...`.

A server that ends is started again, at the same port. When the farm ends, however it ends, the pipe to this process
closes, and the server is stopped: none is left behind.
"""

import subprocess
import sys
import threading
import time

STEADY = 60.0  # seconds after which a start counts as good
MAX_STARTS = 3  # in a row that were not
STOP_SECONDS = 10.0


class Keeper:
    """The server's process, and whether it is still wanted."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False
        self._lock = threading.Lock()

    def run(self) -> int:
        """The exit code of a server that does not stay up; 0 after `stop`."""
        starts = 0
        while process := self._start():
            started = time.monotonic()
            code = process.wait()
            starts = 1 if time.monotonic() - started > STEADY else starts + 1
            if starts == MAX_STARTS and not self._is_over:
                return code or 1
        return 0

    def _start(self) -> "subprocess.Popen[bytes] | None":
        with self._lock:
            if not self._is_over:
                self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
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


def main() -> int:
    keeper = Keeper(sys.argv[1:])

    def until_the_farm_ends() -> None:
        sys.stdin.buffer.read()
        keeper.stop()

    threading.Thread(target=until_the_farm_ends, daemon=True).start()
    return keeper.run()


if __name__ == "__main__":
    sys.exit(main())
