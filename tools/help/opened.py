"""Pictures that open a workflow when they are dropped on the canvas: it is in their EXIF data, where ComfyUI looks for it."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from ..environment import REPOSITORY

IMAGES = REPOSITORY / "docs" / "images"
WORKFLOW = REPOSITORY / "example_workflows" / "AnimateDiff 01 - Try it (nothing to download).json"
MAKE = 0x010F  # the EXIF tag


def exif(workflow: Path = WORKFLOW) -> Image.Exif:
    """To save with a WebP picture."""
    data = Image.Exif()
    data[MAKE] = "workflow:" + json.dumps(json.loads(workflow.read_text(encoding="utf-8")), ensure_ascii=True)
    return data
