"""The report of a conversion: what became of each sink, and what else the workflow needs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .graph.workflow_graph import NodeId
from .rules.plan import APPROXIMATE, IDEA, LOSS, Remark

SAME, NOT_CONVERTED, LOSSES = "same numbers", "not converted", "losses accepted"
PAGE = "All nodes, with formulas and numbers: docs/from-animatediff-evolved.md"
RANKS = (SAME, IDEA, APPROXIMATE, LOSSES, NOT_CONVERTED)
"""Results from best to worst."""


@dataclass(frozen=True)
class UnitReport:
    """What became of one sink, or of one node that stands for itself."""

    node: NodeId  # its id in the old workflow
    type: str  # its class in the old workflow
    title: str  # as the user wrote it, else empty
    subgraph: str  # the name of the subgraph that it is in, else empty
    is_active: bool  # whether it is neither bypassed nor muted
    result: str  # one of RANKS
    remarks: tuple[Remark, ...]  # what differs
    refusal: str = ""  # why it was not converted

    @property
    def can_be_accepted(self) -> bool:
        """Whether it would be converted if the losses listed were accepted."""
        return self.result == NOT_CONVERTED and not self.refusal

    def lines(self) -> Iterator[str]:
        name = f"{self.title} ({self.type}, {self.node})" if self.title else f"{self.type} ({self.node})"
        place = f" in the subgraph {self.subgraph}" if self.subgraph else ""
        yield f"{name}{place}: {self.result}"
        if self.refusal:
            yield f"  {self.refusal}"
        for remark in self.remarks:
            nearer = f" For a closer result: {remark.nearer}" if remark.nearer else ""
            yield f"  {remark.level}: {remark.text}{nearer}"


@dataclass(frozen=True)
class NeededFile:
    """A file that a converted node names."""

    name: str  # as the node names it
    folder: str  # below the host's models folder
    link: str  # where it can be downloaded, as far as known


@dataclass(frozen=True)
class Report:
    """What a conversion did."""

    units: tuple[UnitReport, ...] = ()  # in the order of the nodes
    said: tuple[str, ...] = ()  # what concerns the workflow as a whole
    files: tuple[NeededFile, ...] = ()  # of motion models, motion LoRAs and controls
    classes: tuple[str, ...] = ()  # of all nodes of the result that are neither Kinema's nor known to be the host's
    converted: bool = False  # whether anything changed

    @property
    def active(self) -> tuple[UnitReport, ...]:
        return tuple(unit for unit in self.units if unit.is_active)

    @property
    def result(self) -> str:
        """The worst result of what is active, else of all; empty where the workflow has nothing of ADE."""
        results = [unit.result for unit in self.active or self.units]
        return max(results, key=RANKS.index, default="")

    @property
    def is_whole(self) -> bool:
        return self.result not in (NOT_CONVERTED, LOSSES)

    @property
    def losses(self) -> tuple[Remark, ...]:
        return tuple(remark for unit in self.units for remark in unit.remarks if remark.level == LOSS)

    def text(self, present: Sequence[str] | None = None) -> str:
        """The report as text; `present` are the node classes of the host, so that missing ones can be named."""
        lines = [line for unit in self.units for line in unit.lines()]
        lines += self.said
        missing = self.classes if present is None else [name for name in self.classes if name not in set(present)]
        if missing:
            what = "Nodes of other packs" if present is None else "Nodes that this ComfyUI lacks"
            lines.append(f"{what}: {', '.join(missing)}")
        for file in self.files:
            lines.append(f"Needs {file.name} in models/{file.folder}" + (f": {file.link}" if file.link else ""))
        if self.units:
            lines.append(PAGE)
        return "\n".join(lines)
