"""What the sampler's node shows of a run."""

import time
from collections.abc import Callable, Sequence

INTERVAL = 0.2
"""Seconds at least between two texts that say how far a step is."""


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
        if now - self._shown_at >= INTERVAL:
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
