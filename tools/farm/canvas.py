"""`dev.py farm-check canvas FOLDER`: does the farm read drawn workflows as ComfyUI's own canvas queues them?

Every workflow in the folder, converted from AnimateDiff-Evolved where it has such nodes, is opened in a real browser on a
real server, and the prompt that the canvas would queue is compared with what the farm makes of the file. Nodes that the
server does not have are removed on both sides, and the table says how many; in the farm itself they are an error. File names
are not compared, because the farm gives each job its own.

Newer canvases give new ids to nodes in subgraphs whose ids repeat. A prompt with other ids is the same graph.
"""

import argparse
import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tools import environment, in_host, server
from tools.client import Client

in_host.import_extension()  # which needs no host for the farm and the converter

from kinema.convert import WorkflowError, convert  # noqa: E402
from kinema.convert.files.command import files_in  # noqa: E402
from kinema.convert.files.containers import read_workflow  # noqa: E402
from kinema.farm.graph.drawing_scope import VIRTUAL  # noqa: E402
from kinema.farm.graph.job import without_notes  # noqa: E402
from kinema.farm.graph.posted_form import to_api_form  # noqa: E402
from kinema.farm.graph.refused import Refused  # noqa: E402
from kinema.farm.graph.workflow_file import is_drawn, is_link  # noqa: E402

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
READY = "window.app?.vueAppReady && app.graph?.nodes.length && app.extensionManager.workflow"
PROMPT = "workflow => app.loadGraphData(workflow).then(() => app.graphToPrompt()).then(prompt => prompt.output)"
MILLISECONDS = 120_000  # until the page counts as stuck
FILE_NAME = "filename_prefix"
SHOWN = 5  # differences of one file
EQUAL, OTHER_IDS, DIFFERENT, REFUSED, NOT_DRAWN = "equal", "other ids", "different", "refused", "not drawn"


@dataclass(frozen=True)
class Row:
    """What became of one file."""

    file: Path  # the drawn workflow
    result: str  # EQUAL, OTHER_IDS, DIFFERENT, REFUSED or NOT_DRAWN
    nodes: int = 0  # of the prompt that the canvas queues
    left_out: int = 0  # nodes that the server does not have
    details: tuple[str, ...] = ()  # why it was refused, or what differs


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py farm-check canvas", description=__doc__)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        parser.error("there is no Chromium: install it (on Debian and Ubuntu: the package chromium)")
    with (
        tempfile.TemporaryDirectory(prefix="kinema-canvas-") as base,
        server.running(environment.find().hosts[0], Path(base), threads=1) as running,
    ):
        with Client(running.url) as client:
            info = client.object_info()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_page()
            page.set_default_timeout(MILLISECONDS)
            page.request.post(f"{running.url}/settings", data={"Comfy.TutorialCompleted": True})
            page.goto(running.url)
            page.wait_for_function(READY)
            rows = [_row(file, page, info) for file in files_in(options.folder)]
    print(*_table(rows), sep="\n")
    return 1 if any(row.result == DIFFERENT for row in rows) else 0


def _row(file: Path, page: Page, info: Mapping[str, Any]) -> Row:
    try:
        workflow = read_workflow(file)
        converted = None if workflow is None else convert(workflow, accept=True, core=True).workflow
    except WorkflowError as error:
        return Row(file, NOT_DRAWN, details=(str(error),))
    if converted is None or not is_drawn(dict(converted)):
        return Row(file, NOT_DRAWN)
    known, left_out = _with_known_nodes(converted, info)
    queued = _served(page.evaluate(PROMPT, known), info)
    try:
        made = without_notes(to_api_form(known, info))
    except Refused as refused:
        return Row(file, REFUSED, len(queued), left_out, refused.errors)
    different = tuple(_differences(made, queued))
    if different and _shapes(made) == _shapes(queued):
        return Row(file, OTHER_IDS, len(queued), left_out)
    return Row(file, DIFFERENT if different else EQUAL, len(queued), left_out, different)


def _with_known_nodes(workflow: Mapping[str, Any], info: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The workflow without nodes that the server does not have, and how many those were, subgraphs included."""
    subgraphs = (workflow.get("definitions") or {}).get("subgraphs") or []
    kinds = {*info, *VIRTUAL, *(subgraph["id"] for subgraph in subgraphs)}
    parts = [_part(part, kinds) for part in (workflow, *subgraphs)]
    kept, inner = parts[0], parts[1:]
    if inner:
        kept["definitions"] = {**workflow["definitions"], "subgraphs": inner}
    return kept, sum(len(part["nodes"]) for part in (workflow, *subgraphs)) - sum(len(part["nodes"]) for part in parts)


def _part(part: Mapping[str, Any], kinds: set[str]) -> dict[str, Any]:
    nodes = [node for node in part["nodes"] if node["type"] in kinds]
    gone = {node["id"] for node in part["nodes"]} - {node["id"] for node in nodes}
    links = [link for link in part.get("links") or () if link and not gone & _ends(link)]
    numbers = {link["id"] if isinstance(link, dict) else link[0] for link in links}
    return {**part, "nodes": [_without_links(node, numbers) for node in nodes], "links": links}


def _ends(link: Any) -> set[Any]:
    return {link["origin_id"], link["target_id"]} if isinstance(link, dict) else {link[1], link[3]}


def _without_links(node: Mapping[str, Any], kept: set[Any]) -> dict[str, Any]:
    """`node` with the links in `kept` only."""
    inputs = [{**slot, "link": slot["link"] if slot.get("link") in kept else None} for slot in node.get("inputs") or ()]
    outputs = [
        {**slot, "links": [link for link in slot.get("links") or () if link in kept]}
        for slot in node.get("outputs") or ()
    ]
    return {**node, "inputs": inputs, "outputs": outputs}


def _served(prompt: Mapping[str, Any], info: Mapping[str, Any]) -> Mapping[str, Any]:
    """`prompt` without what only the page knows, such as the preview of a video."""
    graph = {}
    for node_id, node in prompt.items():
        known = {name for group in info[node["class_type"]]["input"].values() for name in group}
        inputs = {name: value for name, value in node["inputs"].items() if name.split(".")[0] in known}
        graph[node_id] = {**node, "inputs": inputs}
    return without_notes(graph)


def _differences(made: Mapping[str, Any], queued: Mapping[str, Any]) -> Sequence[str]:
    found = [f"#{node_id} is only in the canvas's prompt" for node_id in queued.keys() - made.keys()]
    found += [f"#{node_id} is only in the farm's prompt" for node_id in made.keys() - queued.keys()]
    for node_id in made.keys() & queued.keys():
        ours = made[node_id]["inputs"]
        theirs = queued[node_id]["inputs"]
        for name in sorted((ours.keys() | theirs.keys()) - {FILE_NAME}):
            if ours.get(name, "nothing") != theirs.get(name, "nothing"):
                kind = made[node_id]["class_type"]
                found.append(
                    f"#{node_id} {kind}.{name}: the canvas queues {theirs.get(name, 'nothing')!r}, but the farm "
                    f"queues {ours.get(name, 'nothing')!r}"
                )
    return found


def _shapes(graph: Mapping[str, Any]) -> Counter[str]:
    """Every node with all that leads to it, without ids."""
    known: dict[str, str] = {}

    def shape(node_id: str) -> str:
        if node_id not in known:
            node = graph[node_id]
            inputs = [
                (name, f"{value[1]} of {shape(value[0])}" if is_link(value) and value[0] in graph else _written(value))
                for name, value in sorted(node["inputs"].items())
                if name != FILE_NAME
            ]
            known[node_id] = hashlib.sha256(repr((node["class_type"], inputs)).encode()).hexdigest()
        return known[node_id]

    return Counter(map(shape, graph))


def _written(value: Any) -> str:
    """The browser writes whole numbers without a decimal point."""
    return repr(int(value) if isinstance(value, float) and value.is_integer() else value)


def _table(rows: Sequence[Row]) -> Sequence[str]:
    width = max((len(row.file.name) for row in rows), default=4)
    lines = [f"{'file':<{width}}  result      nodes  left out"]
    for row in rows:
        lines.append(f"{row.file.name:<{width}}  {row.result:<10}  {row.nodes:>5}  {row.left_out:>8}")
        lines += [f"  {text[:200]}" for text in row.details[:SHOWN]]
    results = Counter(row.result for row in rows)
    whole = sum(row.result in (EQUAL, OTHER_IDS) and not row.left_out for row in rows)
    lines.append(", ".join(f"{count} {result}" for result, count in results.most_common()))
    return [
        *lines,
        f"equal with all of their nodes: {whole}; from other equal files, nodes that the server lacks were left out",
    ]
