"""What the sampler's node shows of a run."""

from collections.abc import Callable, Sequence


class RunWords:
    """Sentences that are shown together, each once, in the order in which they are told."""

    def __init__(self, show: Callable[[str], None], sentences: Sequence[str]) -> None:
        self._show = show
        self._sentences = list(dict.fromkeys(sentences))
        self._refresh()

    def tell(self, sentence: str) -> None:
        """Shows one more sentence."""
        if sentence not in self._sentences:
            self._sentences.append(sentence)
            self._refresh()

    def _refresh(self) -> None:
        if self._sentences:
            self._show(" ".join(self._sentences))
