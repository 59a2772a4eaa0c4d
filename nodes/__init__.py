"""The nodes: schemas and a few lines each. The only place that knows the host's node API and folders."""

from comfy_api.latest import ComfyExtension, io

from .animatediff import AnimateDiff
from .apply_motion_model import ApplyMotionModel
from .load_motion_model import LoadMotionModel
from .motion_files import register_folder

NODES: list[type[io.ComfyNode]] = [LoadMotionModel, ApplyMotionModel, AnimateDiff]


class Kinema(ComfyExtension):
    async def on_load(self) -> None:
        register_folder()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
