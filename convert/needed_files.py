"""The motion files that a converted workflow names, with folders and links."""

from collections.abc import Iterable

from .definitions.node_definitions import target_nodes
from .graph.workflow_graph import GraphNode, WorkflowGraph
from .report import NeededFile

FILE_INPUTS = {
    "KinemaLoadMotionModel": ("motion_model", "animatediff_models"),
    "KinemaLoadMotionLora": ("lora", "animatediff_motion_lora"),
    "KinemaLoadSparseCtrl": ("sparsectrl", "controlnet"),
    "KinemaLoadCameraCtrl": ("cameractrl", "animatediff_models"),
}
SITE = "https://huggingface.co/"
LINKS = (  # beginnings of file names, the longest first: where the file is
    ("mm_sdxl_v10_beta", "guoyww/animatediff"),
    ("mm_sd_v", "guoyww/animatediff"),
    ("v2_lora_", "guoyww/animatediff"),
    ("v3_sd15_", "guoyww/animatediff"),
    ("animatelcm_sd15_i2v", "wangfuyun/AnimateLCM-I2V"),
    ("animatelcm", "wangfuyun/AnimateLCM"),
    ("animatediff_lightning", "ByteDance/AnimateDiff-Lightning"),
    ("hsxl_", "hotshotco/Hotshot-XL"),
    ("hotshotxl_", "hotshotco/Hotshot-XL"),
    ("temporaldiff", "CiaraRowles/TemporalDiff"),
    ("mm-stabilized", "manshoety/AD_Stabilized_Motion"),
    ("mm-p_", "manshoety/beta_testing_models"),
    ("improved", "manshoety/AD_Stabilized_Motion"),
    ("lt_long_mm", "Lightricks/LongAnimateDiff"),
    ("pia", "Leoxing/PIA"),
    ("cameractrl", "hehao13/CameraCtrl"),
)


def needed_files(graphs: Iterable[WorkflowGraph]) -> tuple[NeededFile, ...]:
    """Each file once, in the order of the nodes."""
    found: dict[tuple[str, str], NeededFile] = {}
    for graph in graphs:
        for node in graph.nodes.values():
            if node.type in FILE_INPUTS:
                widget, folder = FILE_INPUTS[node.type]
                name = _stored(node, widget)
                if name and isinstance(name, str):
                    found.setdefault((folder, name), NeededFile(name, folder, _link(name)))
    return tuple(found.values())


def _stored(node: GraphNode, widget: str) -> object:
    if isinstance(node.values, dict):
        return node.values.get(widget)
    widgets = [entry.name for entry in target_nodes()[node.type].inputs.values() if entry.widget]
    number = widgets.index(widget)
    return node.values[number] if isinstance(node.values, list) and number < len(node.values) else None


def _link(name: str) -> str:
    base = name.replace("\\", "/").rsplit("/", 1)[-1].lower()
    return next((SITE + place for beginning, place in LINKS if base.startswith(beginning)), "")
