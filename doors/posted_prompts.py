"""Old prompts that scripts post: converted before the host reads them."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..convert import Report, WorkflowError, convert, has_evolved_nodes
from ..convert.graph.tracing import is_evolved
from ..convert.report import NOT_CONVERTED
from .installed_nodes import has_evolved_installed
from .present_files import PresentFiles, with_present_files

log = logging.getLogger(__name__)
Say = Callable[[str, str, str], None]  # a sentence, the id of the node that shows it, the client whose canvas it is


def add_prompt_handler(host: Any, present: PresentFiles) -> None:
    """Has `host`, a PromptServer, pass all posted prompts through here."""
    host.add_on_prompt_handler(partial(convert_posted, present=present, say=host.send_progress_text))


def convert_posted(posted: dict[str, Any], present: PresentFiles, say: Say) -> dict[str, Any]:
    """`posted`, the body of a request, with a converted prompt where it has nodes of AnimateDiff-Evolved.

    What cannot be converted is left to the host, which refuses unknown nodes by their titles; these then say why.
    """
    prompt: Any = posted.get("prompt")
    if not has_evolved_nodes(prompt) or has_evolved_installed():
        return posted
    try:
        conversion = convert(prompt)
    except WorkflowError as error:
        return {**posted, "prompt": _explained(prompt, str(error))}
    report = conversion.report
    reason = _reason(report)
    if reason:
        log.warning("Kinema: a prompt with nodes of AnimateDiff-Evolved was not converted.\n%s", report.text())
        return {**posted, "prompt": _explained(prompt, reason)}
    resolved = with_present_files(conversion.workflow, present)
    lines = [report.text(), *resolved.said]
    log.info("Kinema: a prompt was converted from AnimateDiff-Evolved.\n%s", "\n".join(filter(None, lines)))
    _tell(posted, resolved.workflow, report, say)
    return {**posted, "prompt": resolved.workflow}


def _reason(report: Report) -> str:
    """Why the prompt stays as it is; empty where all of it was converted."""
    for unit in report.units:
        if unit.result == NOT_CONVERTED:
            lost = "; ".join(remark.text for remark in unit.remarks)
            return unit.refusal or f"The conversion would lose something: {lost}"
    return ""


def _explained(prompt: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """`prompt` with the reason in the titles of the nodes that the host will not find."""
    return {number: _titled(node, reason) for number, node in prompt.items()}


def _titled(node: Any, reason: str) -> Any:
    kind = node["class_type"]
    if not isinstance(kind, str) or not is_evolved(kind):
        return node
    stored = node.get("_meta")
    meta = stored if isinstance(stored, Mapping) else {}
    return {
        **node,
        "_meta": {**meta, "title": f"{meta.get('title', kind)} (Kinema cannot convert this prompt. {reason})"},
    }


def _tell(posted: Mapping[str, Any], prompt: Mapping[str, Any], report: Report, say: Say) -> None:
    """Shows on the converted nodes what they were, where the client that posted them can be known."""
    client = posted.get("client_id")
    if not isinstance(client, str):
        return  # else every open canvas would show it
    for unit in report.units:
        if unit.node in prompt:
            say(f"Converted from {unit.type}: {unit.result}", str(unit.node), client)
