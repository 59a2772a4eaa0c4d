"""The conversion of a whole workflow: forms, subgraphs, and what is written into the result about itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .definitions.node_definitions import host_names, target_nodes
from .execution import Execution
from .graph.api_form import is_api_form, read_api, write_api
from .graph.layout import place
from .graph.new_nodes import note
from .graph.promoted_widgets import lost_widgets
from .graph.tracing import is_evolved
from .graph.ui_form import is_ui_form, read_ui, subgraphs
from .graph.ui_writing import Numbers, counted, write_ui
from .graph.workflow_graph import ACTIVE, GraphNode, NodeId, WorkflowError, WorkflowGraph
from .needed_files import needed_files
from .planning import Planned, plan_graph, remaining, says_why
from .report import LOSSES, NOT_CONVERTED, SAME, Report, UnitReport
from .rules.group_nodes import BEGINNINGS, Ungrouped, ungrouped
from .rules.plan import APPROXIMATE, IDEA, LOSS, SAID

VERSION = 1  # of the rules, written into what they convert
MARK = "kinema_conversion"
DROPPED = (
    "Group nodes that contained AnimateDiff-Evolved nodes were converted to nodes; "
    "their definitions were removed, including those that the workflow did not use."
)
FRONTEND_NODES = frozenset(["Note", "MarkdownNote", "Reroute", "PrimitiveNode", "subgraph inputs", "subgraph outputs"])
Workflow = Mapping[str, Any]


@dataclass(frozen=True)
class Conversion:
    """A converted workflow and what was done. `workflow` is the one that was given where nothing was done."""

    workflow: Workflow  # the result
    report: Report  # what was done


def convert(workflow: Any, accept: bool = False, core: bool = False) -> Conversion:
    """The same workflow with Kinema's nodes in place of those of AnimateDiff-Evolved.

    Args:
        workflow: As the canvas saves it, or as scripts post it; it is not changed.
        accept: Also convert sinks of which something is lost. The report lists the losses.
        core: Also replace nodes of other packs where the host's own nodes do the same.

    Raises WorkflowError for anything that is not a workflow.
    """
    if not (is_ui_form(workflow) or is_api_form(workflow)):
        raise WorkflowError(
            "This is not a ComfyUI workflow: it has neither a list of nodes nor nodes with a class_type. Choose a file "
            "that ComfyUI saved."
        )
    if not core and not has_evolved_nodes(workflow):
        return Conversion(workflow, Report())
    return _convert_ui(workflow, accept, core) if is_ui_form(workflow) else _convert_api(workflow, accept, core)


def has_evolved_nodes(workflow: Any) -> bool:
    """Whether there is anything to convert."""
    if is_api_form(workflow):
        return any(isinstance(kind := node["class_type"], str) and is_evolved(kind) for node in workflow.values())
    if not is_ui_form(workflow):
        return False
    graphs = [workflow, *subgraphs(workflow)]
    names = (node.get("type") for graph in graphs for node in graph["nodes"] if isinstance(node, Mapping))
    return any(isinstance(name, str) and is_evolved(name) for name in names) or ungrouped(workflow) != Ungrouped(
        workflow
    )


def _convert_api(raw: Workflow, accept: bool, core: bool) -> Conversion:
    graph = read_api(raw)
    planned = plan_graph(graph, accept, core)
    done = _execute(graph, planned, _api_ids(graph))
    units = tuple(_units(graph, planned))
    said = (*_stays(planned), *_without_effect(done))
    return _done(raw, write_api(graph, raw), units, said, [graph])


def _convert_ui(raw: Workflow, accept: bool, core: bool) -> Conversion:
    apart = ungrouped(raw)
    whole = apart.workflow
    said = [DROPPED, *apart.said] if whole is not raw else []
    inner = list(subgraphs(whole))
    numbers = Numbers.after([whole, *inner])
    units = [_left_group(node) for node in apart.left]
    graphs = []
    written: list[Workflow] = []
    for part in (whole, *inner):
        graph = read_ui(part, str(part.get("name", "")) if part is not whole else "")
        before = read_ui(part)
        planned = plan_graph(graph, accept, core)
        done = _execute(graph, planned, numbers.next_node)
        found = list(_units(graph, planned))
        said += [*_stays(planned), *_without_effect(done)]
        fresh = done.new_nodes()
        fresh += _notes(graph, [unit for unit in found if unit.result != NOT_CONVERTED], before, numbers.next_node)
        groups = place(graph, before, fresh, part.get("groups"))
        changed = fresh or len(graph.nodes) != len(before.nodes)
        new = write_ui(graph, before, part, numbers) if changed else part
        written.append({**new, "groups": groups} if changed and groups is not None else new)
        units += found
        graphs.append(graph)
    if all(new is old for new, old in zip(written, (whole, *inner), strict=True)) and whole is raw:
        return _done(raw, raw, tuple(units), tuple(said), graphs)
    result = _assembled(whole, written, inner, numbers)
    said += lost_widgets(whole, result)
    return _done(raw, result, tuple(units), tuple(said), graphs)


def _assembled(whole: Workflow, written: list[Workflow], inner: list[Workflow], numbers: Numbers) -> dict[str, Any]:
    result = counted(written[0], numbers)
    if inner:
        by_id = {
            id(old): counted(new, numbers) if new is not old else new
            for old, new in zip(inner, written[1:], strict=True)
        }
        definitions = whole["definitions"]
        result["definitions"] = {
            **definitions,
            "subgraphs": [by_id.get(id(old), old) for old in definitions["subgraphs"]],
        }
    stored = result.get("extra")
    extra = dict(stored) if isinstance(stored, Mapping) else {}
    result["extra"] = {**extra, MARK: {"from": "AnimateDiff-Evolved", "version": VERSION}}
    return result


def _done(
    raw: Workflow, result: Workflow, units: tuple[UnitReport, ...], said: tuple[str, ...], graphs: list[WorkflowGraph]
) -> Conversion:
    changed = result is not raw and result != raw
    classes = {node.type for graph in graphs for node in graph.nodes.values()}
    classes -= {part.get("id") for part in subgraphs(raw)} if is_ui_form(raw) else set()  # nodes made of others
    classes -= {name for name in classes if name.startswith(BEGINNINGS)}
    foreign = sorted(classes - target_nodes().keys() - FRONTEND_NODES - host_names())
    files = needed_files(graphs)
    return Conversion(result if changed else raw, Report(units, said, files, tuple(foreign), changed))


def _execute(graph: WorkflowGraph, planned: Sequence[Planned], next_id: Callable[[], NodeId]) -> Execution:
    """Carries out the plans that are taken."""
    kept = {plan.node.id for plan in planned if not plan.is_taken}
    execution = Execution(graph, [plan.plan for plan in planned if plan.is_taken and plan.plan], next_id, kept)
    execution.run()
    return execution


def _without_effect(done: Execution) -> Iterator[str]:
    names = [f"{node.type} ({node.id})" for node in done.without_effect()]
    if names:
        yield f"Nodes without effect were removed: {', '.join(names)}."


def _units(graph: WorkflowGraph, planned: Iterable[Planned]) -> Iterator[UnitReport]:
    for plan in planned:
        if plan.is_taken or not plan.of_another_pack:
            yield _unit(graph, plan)
    for node, why in remaining(graph, planned):
        yield UnitReport(node.id, node.type, node.title, graph.name, node.mode == ACTIVE, NOT_CONVERTED, (), why)


def _left_group(node: Workflow) -> UnitReport:
    why = "This group node cannot be converted to nodes. Convert it on the canvas, with AnimateDiff-Evolved installed."
    return UnitReport(node["id"], node["type"], "", "", node.get("mode", ACTIVE) == ACTIVE, NOT_CONVERTED, (), why)


def _stays(planned: Iterable[Planned]) -> Iterator[str]:
    return (plan.refusal for plan in planned if plan.refusal and plan.of_another_pack and says_why(plan.node))


def _unit(graph: WorkflowGraph, planned: Planned) -> UnitReport:
    node = planned.node
    remarks = tuple(planned.plan.remarks) if planned.plan else ()
    levels = {remark.level for remark in remarks}
    result = next((level for level in (APPROXIMATE, IDEA) if level in levels), SAME)
    if LOSS in levels:
        result = LOSSES
    if not planned.is_taken:
        result = NOT_CONVERTED
    active = node.mode == ACTIVE
    return UnitReport(node.id, node.type, node.title, graph.name, active, result, remarks, planned.refusal)


def _notes(
    graph: WorkflowGraph, units: Iterable[UnitReport], before: WorkflowGraph, next_id: Callable[[], NodeId]
) -> list[GraphNode]:
    """Adds a note next to each sink, which says what differs."""
    written = []
    for unit in units:
        told = replace(unit, remarks=tuple(remark for remark in unit.remarks if remark.level != SAID))
        if told.remarks:
            new = note(next_id(), "\n".join(told.lines()), before.nodes[unit.node].raw)
            graph.add(new)
            written.append(new)
    return written


def _api_ids(graph: WorkflowGraph) -> Callable[[], NodeId]:
    """New ids for a prompt: numbers as texts, above all that there are."""
    numbers = [
        int(number) for number in graph.nodes if isinstance(number, str) and number.isascii() and number.isdigit()
    ]
    last = max((number for number in numbers if number < 10**12), default=0)

    def next_id() -> str:
        nonlocal last
        last += 1
        return str(last)

    return next_id
