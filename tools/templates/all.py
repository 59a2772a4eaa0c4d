"""Every template that ships."""

from __future__ import annotations

from .animations import text_to_animation
from .board import Template

TEMPLATES: tuple[Template, ...] = (text_to_animation(),)
