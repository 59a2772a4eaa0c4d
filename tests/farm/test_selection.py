"""Which jobs a run is about: those with a tag, and those of one part of several."""

import pytest

from kinema.farm.graph.job_lines import JobLine
from kinema.farm.graph.refused import Refused
from kinema.farm.selection import lines_of

LINES = [
    JobLine(f"job-{number}", number, {}, ("style=ink",) if number % 2 else ("animal",)) for number in range(1, 1001)
]


def test_a_tag_chooses_jobs() -> None:
    assert lines_of(LINES, "style", None) == lines_of(LINES, "style=ink", None) == LINES[::2]
    with pytest.raises(Refused, match=r'no job has the tag "ink" \(--only\); tags in this file: "animal", "style=ink"'):
        lines_of(LINES, "ink", None)


def test_each_job_is_in_one_part() -> None:
    parts = [lines_of(LINES, None, (number, 4)) for number in range(1, 5)]
    assert sorted(line.line for part in parts for line in part) == list(range(1, 1001))
    assert all(200 <= len(part) <= 300 for part in parts)
    assert lines_of(LINES[:500], None, (2, 4)) == [line for line in parts[1] if line.line <= 500]  # lines added later
