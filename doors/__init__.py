"""Where workflows of AnimateDiff-Evolved come in: the canvas asks for a conversion, scripts post old prompts."""

from .canvas_route import add_canvas_route
from .posted_prompts import add_prompt_handler

__all__ = ["add_canvas_route", "add_prompt_handler"]
