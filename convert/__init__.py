"""The converter: workflows of AnimateDiff-Evolved (ADE) become workflows of Kinema. Data in, data out; no files."""

from .conversion import Conversion, convert, has_evolved_nodes
from .graph.workflow_graph import WorkflowError
from .report import Report

__all__ = ["Conversion", "Report", "WorkflowError", "convert", "has_evolved_nodes"]
