"""Sentences that a node shows on itself."""

from comfy_execution.utils import get_executing_context
from server import PromptServer

SAID = "kinema.said"
"""The event by which web/said.js keeps a sentence: the host's page forgets it when it is loaded again."""


def say(sentence: str) -> None:
    """Shows `sentence` below the inputs of the node that runs; nothing outside of a run of the server."""
    context = get_executing_context()
    server = getattr(PromptServer, "instance", None)
    if context is not None and server is not None:
        server.send_progress_text(sentence, context.node_id)
        server.send_sync(SAID, {"node": context.node_id, "text": sentence}, server.client_id)
