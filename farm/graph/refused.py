"""The errors that stop a farm before its first job."""

from collections.abc import Sequence


class Refused(Exception):
    """What the user has to correct before anything runs. `errors`: one sentence each, with the line of the jobs file."""

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(errors))
