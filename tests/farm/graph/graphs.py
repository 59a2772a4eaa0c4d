"""A small workflow and what a server says of its nodes."""

from pathlib import Path
from typing import Any

from kinema.farm.graph.planner import Ground

INFO: dict[str, Any] = {
    "Loader": {
        "input": {"required": {"file": [["a.safetensors", "b.safetensors"], {}]}},
        "output": ["MODEL", "CLIP"],
        "display_name": "Load",
    },
    "Text": {
        "input": {"required": {"text": ["STRING", {"multiline": True, "dynamicPrompts": True}], "clip": ["CLIP", {}]}},
        "output": ["COND"],
        "display_name": "Prompt",
    },
    "Sampler": {
        "input": {
            "required": {
                "model": ["MODEL", {}],
                "positive": ["COND", {}],
                "seed": ["INT", {"default": 0, "min": 0, "max": 100}],
                "steps": ["INT", {"default": 20, "min": 1, "max": 50}],
                "cfg": ["FLOAT", {"default": 7.0, "min": 0.0, "max": 20.0}],
                "tiled": ["BOOLEAN", {"default": False}],
            },
            "optional": {"picture": [["x.png"], {"image_upload": True}]},
        },
        "output": ["LATENT"],
        "display_name": "Sampler",
    },
    "Save": {
        "input": {
            "required": {
                "latent": ["LATENT", {}],
                "filename_prefix": ["STRING", {"default": "x"}],
                "format": [
                    "COMFY_DYNAMICCOMBO_V3",
                    {
                        "options": [
                            {"key": "auto", "inputs": {}},
                            {"key": "mp4", "inputs": {"required": {"crf": ["INT", {}]}}},
                        ]
                    },
                ],
            }
        },
        "output": [],
        "output_node": True,
        "display_name": "Save",
    },
}


def node(kind: str, title: str | None = None, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, **({"_meta": {"title": title}} if title else {})}


def graph() -> dict[str, Any]:
    return {
        "1": node("Loader", file="a.safetensors"),
        "2": node("Text", "Prompt", text="a fish", clip=["1", 1]),
        "3": node("Sampler", "Sampler", model=["1", 0], positive=["2", 0], seed=1, steps=20, cfg=7.0, tiled=False),
        "4": node("Save", "Save", latent=["3", 0], filename_prefix="video/fish", format="mp4", **{"format.crf": 20}),
    }


def ground(folder: Path, max_upload: int = 1000) -> Ground:
    listing = {"checkpoints": {"a.safetensors": 10, "b.safetensors": 20}}
    return Ground(INFO, listing, lambda name: [name, None], "host", max_upload, folder)
