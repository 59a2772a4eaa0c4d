"""A chain of nodes and the run that samples it, as plain, frozen data that a JSON file can keep."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

PREFIX = "Kinema"  # of the node ids of the pack

Conds = Literal["plain", "frames", "area", "mask", "mask bounds"]
CONDS: tuple[Conds, ...] = get_args(Conds)


@dataclass(frozen=True)
class Drawn:
    """Random numbers by seed, as a MASK, IMAGE or LATENT of the host."""

    kind: Literal["mask", "image", "latent"]  # the type of the host's value
    count: int  # of masks, pictures or frames
    height: int  # in pixels of the mask or picture, in latent pixels of a latent
    width: int  # likewise
    seed: int  # of the numbers


@dataclass(frozen=True)
class Shared:
    """What is made once for all chains."""

    name: Literal["vae"]  # which of them


@dataclass(frozen=True)
class Node:
    """A node with its inputs, in which other nodes stand for their first output. The MODEL input is left out: each node
    of a chain gets the MODEL of the one before it."""

    id: str  # without the pack's prefix
    inputs: tuple[tuple[str, Value], ...]  # (input id, value)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of the input `name`, or `default` where it is not set."""
        return dict(self.inputs).get(name, default)

    def within(self) -> Iterator[Node]:
        """This node and all nodes that its inputs come from."""
        yield self
        for _, value in self.inputs:
            if isinstance(value, Node):
                yield from value.within()


@dataclass(frozen=True)
class Control:
    """SparseCtrl, and how the host's Apply ControlNet puts it into both conditionings."""

    load: Node  # Load SparseCtrl
    image: Drawn  # the picture that it is given
    strength: float  # of Apply ControlNet
    start_percent: float = 0.0  # fraction of the run (0..1) at which it starts
    end_percent: float = 1.0  # and at which it ends


Value: TypeAlias = "int | float | str | tuple[float, ...] | Drawn | Shared | Node"


@dataclass(frozen=True)
class Chain:
    """Nodes from MODEL to MODEL, in their order, and how the result is sampled."""

    seed: int  # which the chain was drawn with; the noise and the conditionings come from it, too
    nodes: tuple[Node, ...]  # in the order in which they are wired
    frames: int  # of the video
    height: int  # of the latents
    width: int  # likewise
    steps: int  # of the sampler
    cfg: float  # classifier-free guidance scale
    sampler: str  # the host's name of the sampler
    scheduler: str  # the host's name of the scheduler
    denoise: float  # 0..1, as in the host's KSampler
    conds: Conds  # what the second positive conditioning is limited to, or one row for each frame
    inpaints: bool  # whether a noise mask leaves half of the picture as it is
    control: Control | None = None  # in the conditionings; None: none

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(node.id for node in self.nodes)

    def __str__(self) -> str:
        run = f"{self.frames} frames {self.width}x{self.height}, {self.sampler} {self.scheduler} {self.steps} steps"
        limits = f"denoise {self.denoise}, {self.conds} conds{', inpainting' if self.inpaints else ''}"
        if self.control is not None:
            limits += f", SparseCtrl at {self.control.load.get('frames')}"
        return f"{' > '.join(self.ids)} ({run}, {limits})"


def to_json(value: Any) -> Any:
    """`value`, a Chain or a part of one, as JSON can say it."""
    match value:
        case Node():
            return {"node": value.id, "inputs": {name: to_json(each) for name, each in value.inputs}}
        case Drawn():
            return {"drawn": dataclasses.asdict(value)}
        case Shared():
            return {"shared": value.name}
        case Control():
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return {"control": {name: to_json(each) for name, each in fields.items()}}
        case Chain():
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return fields | {"nodes": to_json(value.nodes), "control": to_json(value.control)}
        case tuple():
            return [to_json(each) for each in value]
        case _:
            return value


def from_json(value: Any) -> Any:
    """What `to_json` was given."""
    match value:
        case {"node": name, "inputs": inputs}:
            return Node(name, tuple((key, from_json(each)) for key, each in inputs.items()))
        case {"drawn": fields}:
            return Drawn(**fields)
        case {"shared": name}:
            return Shared(name)
        case {"nodes": nodes}:
            run: dict[str, Any] = value
            return Chain(**run | {"nodes": from_json(nodes), "control": from_json(value.get("control"))})
        case {"control": parts}:
            return Control(**{name: from_json(part) for name, part in parts.items()})
        case list():
            return tuple(from_json(each) for each in value)
        case _:
            return value
