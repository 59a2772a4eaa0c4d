"""Pictures that open a workflow when they are dropped on the canvas: it is in their EXIF data, where ComfyUI looks for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from ..environment import REPOSITORY

IMAGES = REPOSITORY / "docs" / "images"
WORKFLOW = REPOSITORY / "example_workflows" / "AnimateDiff 01 - Try it (nothing to download).json"
MAKE = 0x010F  # the EXIF tag


def template() -> dict[str, Any]:
    """The workflow that the pictures of the README show."""
    workflow: dict[str, Any] = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    return workflow


def exif(workflow: dict[str, Any]) -> Image.Exif:
    """To save with a WebP picture."""
    data = Image.Exif()
    data[MAKE] = "workflow:" + json.dumps(workflow, ensure_ascii=True, separators=(",", ":"))
    return data


def workflow_in(picture: Path) -> dict[str, Any]:
    """What `exif` put there. Raises KeyError or ValueError where there is none."""
    with Image.open(picture) as opened:
        kind, _, text = str(opened.getexif()[MAKE]).partition(":")
    if kind != "workflow":
        raise ValueError(f"{picture} contains a {kind} where the canvas looks for a workflow. Make the picture again.")
    workflow: dict[str, Any] = json.loads(text)
    return workflow
