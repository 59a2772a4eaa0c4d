"""Entrances for workflows of AnimateDiff-Evolved: the canvas requests conversions, and scripts post old prompts."""

from .canvas_route import add_canvas_route
from .posted_prompts import add_prompt_handler

__all__ = ["add_canvas_route", "add_prompt_handler"]
