"""What a server offers for a widget of one of its nodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..graph import default_value


@dataclass(frozen=True)
class Offered:
    """What a widget of a host's node takes."""

    kind: str  # of the values, e.g. "FLOAT", "COMBO"
    options: Mapping[str, Any]  # as the server describes them

    def takes_link(self, kind: str) -> bool:
        return self.kind == "COMBO" or kind in self.kind.split(",")

    def takes(self, value: Any) -> bool:
        if "options" in self.options:
            return value in self._choices()
        if self.kind.split(",")[0] in ("INT", "FLOAT"):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and self.options.get("min", value) <= value <= self.options.get("max", value)
        return value is not None

    def instead_of(self, value: Any) -> Any:
        """The default. Raises FileNotFoundError where `value` names a file, or the server has none to offer."""
        if "options" in self.options and (not self._choices() or value is None or "." in str(value)):
            raise FileNotFoundError(value)
        return default_value(dict(self.options))

    def _choices(self) -> list[Any]:
        choices = self.options.get("options") or ()
        return [choice["key"] if isinstance(choice, Mapping) else choice for choice in choices]
