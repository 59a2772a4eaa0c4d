"""Sentences that a node shows on itself, and what the sampler's node shows of a run."""

import time
from collections.abc import Callable, Sequence

from comfy_execution.utils import get_executing_context
from server import PromptServer

SAID_EVENT = "kinema.said"
"""The event by which web/said.js keeps a sentence: the host's page forgets it when it is loaded again."""

READABLE = 0.2
"""Seconds at least between two texts that say how far a step is."""


def say(sentence: str) -> None:
    """Shows `sentence` below the inputs of the node that runs; nothing outside of a run of the server."""
    context = get_executing_context()
    server = getattr(PromptServer, "instance", None)
    if context is not None and server is not None:
        server.send_progress_text(sentence, context.node_id)
        server.send_sync(SAID_EVENT, {"node": context.node_id, "text": sentence}, server.client_id)


class RunWords:
    """Sentences that are shown together, each once, in the order in which they are told, and how far a step is."""

    def __init__(self, show: Callable[[str], None], sentences: Sequence[str]) -> None:
        self._show = show
        self._sentences = list(dict.fromkeys(sentences))
        self._shown_at = 0.0
        self._refresh()

    def tell(self, sentence: str) -> None:
        """Shows one more sentence."""
        if sentence not in self._sentences:
            self._sentences.append(sentence)
            self._refresh()

    def windows_done(self, done: int, count: int) -> None:
        """Shows how many of the `count` windows of a step are computed; not more often than people can read."""
        now = time.monotonic()
        if now - self._shown_at >= READABLE:
            self._shown_at = now
            self._refresh(f"This step: {done} of {count} windows done.")

    def finish(self) -> None:
        """The run is over: what it showed of its steps goes."""
        if self._shown_at:
            self._refresh()

    def _refresh(self, progress: str = "") -> None:
        text = " ".join([*self._sentences, progress]).strip()
        if text:
            self._show(text)
