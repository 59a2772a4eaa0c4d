"""The route that the canvas asks: workflow in, converted workflow and what to tell the user out."""

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from ..convert import Report, WorkflowError, convert, has_evolved_nodes
from ..convert.report import NOT_CONVERTED
from .installed_nodes import has_evolved_installed, installed_nodes
from .present_files import PresentFiles, missing_files, with_present_files

PATH = "/kinema/convert"
NO_EVOLVED_NODES = "This workflow contains no AnimateDiff-Evolved nodes."
CONVERTED = "Converted from AnimateDiff-Evolved to Kinema."
CONVERTED_IN_PART = "Converted from AnimateDiff-Evolved to Kinema, except for some nodes."
REFUSED = "This AnimateDiff-Evolved workflow was not converted to Kinema."
WOULD_LOSE = "This AnimateDiff-Evolved workflow was not converted to Kinema, because something would be lost."
TITLES = (NO_EVOLVED_NODES, CONVERTED, CONVERTED_IN_PART, REFUSED, WOULD_LOSE)
"""Of the message; the canvas translates them (`locales/*/main.json`)."""


@dataclass(frozen=True)
class Question:
    """What the canvas asks for."""

    workflow: Any  # in either form
    is_automatic: bool = False  # asked while a file opens; then nothing is done where AnimateDiff-Evolved is installed
    accept: bool = False  # whether losses are accepted


def add_canvas_route(host: Any, present: PresentFiles) -> None:
    """Adds the route to `host`, a PromptServer. `present` lists the files in a folder of models."""

    async def answer(request: web.Request) -> web.Response:
        try:
            asked = await request.json()
            question = Question(asked["workflow"], asked.get("automatic") is True, asked.get("accept") is True)
            return web.json_response(await asyncio.to_thread(answer_to, question, present))
        except WorkflowError as error:
            return web.json_response({"error": str(error)}, status=400)
        except Exception as error:  # a damaged file must not look like a broken server
            logging.exception("Kinema: the workflow could not be converted")
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=500)

    host.routes.post(PATH)(answer)


def answer_to(question: Question, present: PresentFiles) -> dict[str, Any]:
    """The answer to the canvas; empty where a workflow that opens is none of Kinema's business.

    `workflow` is None where nothing changed. Raises WorkflowError.
    """
    if not has_evolved_nodes(question.workflow):
        return {} if question.is_automatic else _nothing()
    if question.is_automatic and has_evolved_installed():
        return {}
    conversion = convert(question.workflow, accept=question.accept)
    report = conversion.report
    resolved = with_present_files(conversion.workflow, present)
    shown = replace(report, said=(*report.said, *resolved.said), files=missing_files(report.files, present))
    return {
        "workflow": resolved.workflow if report.converted else None,
        "title": _title(report),
        "text": shown.text(installed_nodes()),
        "canAccept": any(unit.can_be_accepted for unit in report.units),
    }


def _nothing() -> dict[str, Any]:
    return {"workflow": None, "title": NO_EVOLVED_NODES, "text": "", "canAccept": False}


def _title(report: Report) -> str:
    left = [unit for unit in report.units if unit.result == NOT_CONVERTED]
    if report.converted:
        return CONVERTED_IN_PART if left else CONVERTED
    return WOULD_LOSE if any(unit.can_be_accepted for unit in left) else REFUSED
