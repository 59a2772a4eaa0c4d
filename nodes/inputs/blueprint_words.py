"""The words that the search of the web client finds Kinema's blueprints by.

The client reads them from the server's list of blueprints and drops what the files say, but ComfyUI (0.16.3 and 0.30.0)
puts no words into that list.
"""

import json
import logging
from pathlib import Path
from typing import Any

SUBGRAPHS = Path(__file__).resolve().parents[2] / "subgraphs"
ALIASES = "BlueprintSearchAliases"


async def add_blueprint_words(host: Any) -> None:
    """Adds the words in our blueprints to the list of `host`, a PromptServer."""
    manager = getattr(host, "subgraph_manager", None)
    if manager is None:
        logging.debug("this ComfyUI has no list of blueprints")
        return
    for entry in (await manager.get_custom_node_subgraphs(())).values():
        file = Path(entry["path"])
        if file.resolve().parent == SUBGRAPHS:
            blueprint = json.loads(file.read_text(encoding="utf-8"))
            entry["info"]["search_aliases"] = blueprint.get("extra", {}).get(ALIASES, [])  # a user's own may have none
