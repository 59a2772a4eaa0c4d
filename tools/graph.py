"""A prompt, as the server runs it, turned into the graph that the canvas draws: what a saved file carries, so that
dropping the file on the canvas restores the workflow."""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.client import Prompt

DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"  # a combo whose options bring inputs of their own, such as format.codec
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", DYNAMIC_COMBO}
BYPASSED = 4  # a node's mode; 0 is active
SEEDS = ("seed", "noise_seed")
AUTOGROW = "COMFY_AUTOGROW_V3"
COLUMN, ROW, GAP = 360, 26, 50  # pixels


def to_graph(prompt: Prompt, object_info: dict[str, Any]) -> dict[str, Any]:
    """The graph of a prompt whose node ids are numbers, laid out in columns from sources to outputs.

    `object_info` is the server's description of its nodes. Widgets that the prompt leaves out have their defaults.
    """
    links: list[list[Any]] = []
    nodes = {node_id: _node(node_id, node, object_info[node["class_type"]]) for node_id, node in prompt.items()}
    for node_id, node in prompt.items():
        for slot, socket in enumerate(nodes[node_id]["inputs"]):
            if socket["name"] in node["inputs"]:
                origin, output = node["inputs"][socket["name"]]
                links.append([len(links) + 1, int(origin), output, int(node_id), slot, socket["type"]])
                socket["link"] = len(links)
                nodes[origin]["outputs"][output]["links"].append(len(links))
    _lay_out(prompt, nodes)
    return {
        "last_node_id": max(map(int, prompt)),
        "last_link_id": len(links),
        "nodes": list(nodes.values()),
        "links": links,
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }


def to_prompt(graph: Mapping[str, Any], object_info: dict[str, Any]) -> Prompt:
    """The prompt of a graph without subgraphs, as the canvas would queue it: without what is muted or bypassed, and
    without nodes that the server does not know, such as notes."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    links = {link[0]: link for link in graph["links"]}

    def source(number: int | None) -> list[Any] | None:
        """What feeds a link, through bypassed nodes; None where nothing does."""
        if number is None:
            return None
        _, origin, slot, *_ = links[number]
        node = nodes[origin]
        if node.get("mode", 0) != BYPASSED:
            return [str(origin), slot] if node.get("mode", 0) == 0 else None
        kind = node["outputs"][slot]["type"]
        return next((source(part["link"]) for part in node["inputs"] if part["type"] == kind), None)

    prompt: Prompt = {}
    for number, node in nodes.items():
        if node["type"] in object_info and node.get("mode", 0) == 0:
            values = stored_values(node, object_info[node["type"]])
            fed = {part["name"]: source(part.get("link")) for part in node.get("inputs", [])}
            linked = {name: value for name, value in fed.items() if value is not None}
            prompt[str(number)] = {"class_type": node["type"], "inputs": values | linked}
    return prompt


def stored_values(node: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, Any]:
    """{widget: value} of a node of a graph."""
    given: dict[str, Any] = {}
    values = iter(node.get("widgets_values") or [])
    for name, _, options in widgets(info, given):  # which reads what is given, because options bring inputs
        given[name] = next(values, default_value(options))
        if options.get("control_after_generate") or name in SEEDS:
            next(values, None)
    return given


def with_defaults(prompt: Prompt, object_info: dict[str, Any]) -> Prompt:
    """`prompt` with the default of every widget that it leaves out, as the canvas would queue it."""

    def filled(node: dict[str, Any]) -> dict[str, Any]:
        described = widgets(object_info[node["class_type"]], node["inputs"])
        defaults = {name: default_value(options) for name, _, options in described}
        return {
            **node,
            "inputs": {name: value for name, value in defaults.items() if value is not None} | node["inputs"],
        }

    return {node_id: filled(node) for node_id, node in prompt.items()}


def widgets(info: Mapping[str, Any], given: dict[str, Any] | None = None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, type, options) of every widget of a node with the inputs `given`, in the canvas's order."""
    for name, kind, options in described_inputs(info["input"], given or {}):
        if is_widget(kind, options):
            yield name, options.get("widgetType", kind), options


def is_widget(kind: str, options: dict[str, Any]) -> bool:
    return options.get("widgetType", kind) in WIDGETS and not options.get("forceInput")


def _node(node_id: str, node: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    sockets, values = [], []
    for name, kind, options in described_inputs(info["input"], node["inputs"]):
        if kind == AUTOGROW:  # a socket for each that is used
            (grown, *_), *_ = options["template"]["input"]["required"].values()
            used = [key for key in node["inputs"] if key.startswith(f"{name}.")]
            sockets += [{"name": key, "type": grown, "link": None} for key in used]
            continue
        value = node["inputs"].get(name, default_value(options))
        if not is_widget(kind, options):
            sockets.append({"name": name, "type": kind, "link": None})
            continue
        if isinstance(value, list):  # a link to a widget
            sockets.append({"name": name, "type": kind, "link": None, "widget": {"name": name}})
            value = default_value(options)
        values.append(value)
        if options.get("control_after_generate") or name in SEEDS:  # the canvas adds a widget of its own
            values.append("fixed")
    outputs = [
        {"name": name, "type": kind, "links": [], "slot_index": slot}
        for slot, (name, kind) in enumerate(zip(info["output_name"], info["output"], strict=True))
    ]
    text = any(options.get("multiline") for _, _, options in described_inputs(info["input"], node["inputs"]))
    height = ROW * (2 + max(len(sockets), len(outputs)) + len(values)) + (100 if text else 0)
    return {
        "id": int(node_id),
        "type": node["class_type"],
        "pos": [0, 0],
        "size": [COLUMN - GAP, height],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": sockets,
        "outputs": outputs,
        "properties": {"Node name for S&R": node["class_type"]},
        "widgets_values": values,
    }


def described_inputs(
    described: Mapping[str, Any], given: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, type, options) of every input, in the canvas's order; those that an option brings follow its combo."""
    for group in ("required", "optional"):
        for own_name, (kind, *rest) in described.get(group, {}).items():
            name = prefix + own_name
            options = rest[0] if rest else {}
            if isinstance(kind, list):  # a combo in the old style: its choices stand where the type does
                yield name, "COMBO", {**options, "options": kind}
            else:
                yield name, kind, options
            if kind == DYNAMIC_COMBO:
                chosen = given.get(name, default_value(options))
                brought = next(option["inputs"] for option in options["options"] if option["key"] == chosen)
                yield from described_inputs(brought, given, f"{name}.")


def default_value(options: dict[str, Any]) -> Any:
    if "default" in options or not options.get("options"):
        return options.get("default")
    first = options["options"][0]
    return first["key"] if isinstance(first, dict) else first


def _lay_out(prompt: Prompt, nodes: dict[str, dict[str, Any]]) -> None:
    """Give every node its place, one column further right than its sources, and its order of execution."""
    columns: dict[str, int] = {}

    def column(node_id: str) -> int:
        if node_id not in columns:
            sources = [value[0] for value in prompt[node_id]["inputs"].values() if isinstance(value, list)]
            columns[node_id] = max((column(source) + 1 for source in sources), default=0)
        return columns[node_id]

    filled: dict[int, int] = {}
    for order, node_id in enumerate(sorted(prompt, key=lambda node_id: (column(node_id), int(node_id)))):
        x, node = columns[node_id], nodes[node_id]
        node["order"] = order
        node["pos"] = [x * COLUMN, filled.get(x, 0)]
        filled[x] = filled.get(x, 0) + node["size"][1] + GAP
