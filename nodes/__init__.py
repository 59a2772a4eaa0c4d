"""One file per node: its schema and a few lines that call the rooms below.

Each file has one class whose name ends in `Node`, and is registered because it is there. Only this folder knows the
host's node API and folders.
"""

import importlib
import pkgutil
from types import ModuleType

from comfy_api.latest import ComfyExtension, io
from server import PromptServer

from ..doors import add_canvas_route, add_prompt_handler
from ..sampling.call.host_floor import message
from .inputs.blueprint_words import add_blueprint_words
from .inputs.camera_files import files_in
from .inputs.motion_files import register_folders
from .inputs.timeline_route import add_timeline_route


def node_of(module: ModuleType) -> type[io.ComfyNode]:
    """The node class that `module` defines. Raises TypeError where it defines none, or several."""
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    nodes = [value for value in own if isinstance(value, type) and value.__name__.endswith("Node")]
    if len(nodes) != 1:
        found = " and ".join(node.__name__ for node in nodes) or "none"
        raise TypeError(
            f"{module.__file__} must define one class whose name ends in Node, but it defines {found}. Give each node a "
            "file of its own, and put what nodes share into nodes/inputs."
        )
    return nodes[0]


def _all_nodes() -> list[type[io.ComfyNode]]:
    """The nodes of all files in this folder, in the order of the files' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return [node_of(importlib.import_module(f".{name}", __name__)) for name in names]


NODES = _all_nodes()


class Kinema(ComfyExtension):
    """What the host loads: its folders, the doors for other workflows, then its nodes."""

    def __init__(self) -> None:
        self.is_loaded = False

    async def on_load(self) -> None:
        register_folders()
        server = getattr(PromptServer, "instance", None)
        if server is not None:  # else the nodes are loaded by a script
            add_canvas_route(server, files_in)
            add_timeline_route(server)
            await add_blueprint_words(server)
            add_prompt_handler(server, files_in)
        self.is_loaded = True

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Raises RuntimeError on hosts that do not call `on_load`, which are older than all that Kinema works with."""
        if not self.is_loaded:
            raise RuntimeError(message("a call of on_load"))
        return NODES
