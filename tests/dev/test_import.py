"""What the host's loader sees of the pack; how long that takes is a row of `dev.py bench`."""

import importlib


def test_loading_says_at_most_one_line() -> None:
    loaded = importlib.import_module("tools.bench.import").load_once()
    assert len(loaded.lines) <= 1, loaded.lines
