"""Records what the shipped templates and blueprints make with the miniature on a real server, and compares it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools import in_host, server
from tools.client import Client, Prompt, PromptFailed, PromptRejected

from .outcome import Outcome, Tensors, change, distance, outcome_of, refusal

INDEX = "workflows.json"
FRAMES, STEPS = 18, 2  # at most: more frames than a motion model knows


def record(folder: Path) -> dict[str, Outcome]:
    """Runs every template and blueprint, and keeps prompts and results in `folder`. {name: outcome}"""
    from safetensors.torch import save_file

    results = _run(None)
    index = {}
    for name, (prompt, result) in results.items():
        if not isinstance(result, Outcome):
            save_file(dict(result), _file_of(folder, name))
        index[name] = {"prompt": prompt, "outcome": asdict(_outcome(result))}
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return {name: _outcome(result) for name, (_, result) in results.items()}


def compare(folder: Path) -> dict[str, str]:
    """Runs the prompts that `record` left in `folder` again. {name: what differs, empty where nothing does}; plots may
    differ: they are drawings of values, and other tests compare the values."""
    from safetensors.torch import load_file

    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    results = _run({name: entry["prompt"] for name, entry in index.items()})
    differences = {}
    for name, (_, now) in results.items():
        before = Outcome(**index[name]["outcome"])
        if isinstance(now, Outcome) or before.is_refusal:
            differences[name] = "" if _outcome(now) == before else change(before, _outcome(now))
        else:
            differences[name] = _difference(_sampled(load_file(_file_of(folder, name))), _sampled(now))
    return differences


def _difference(before: Tensors, now: Tensors) -> str:
    return "" if outcome_of(before) == outcome_of(now) else distance(before, now)


def _sampled(tensors: Tensors) -> Tensors:
    """Those of `tensors` that `_saving` asked for, without the pictures that other nodes show."""
    return {name: tensor for name, tensor in tensors.items() if name.startswith(("latent ", "frames "))}


def _file_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"


def _outcome(result: Tensors | Outcome) -> Outcome:
    return result if isinstance(result, Outcome) else outcome_of(result)


def _run(prompts: Mapping[str, Prompt] | None) -> dict[str, tuple[Prompt, Tensors | Outcome]]:
    """Runs `prompts`, None: those of all templates and blueprints, one after the other on one server."""
    host = in_host.enter(threads=1, cpu=True)
    from tools.templates import small

    results: dict[str, tuple[Prompt, Tensors | Outcome]] = {}
    with TemporaryDirectory(prefix="kinema-chains-") as scratch:
        base = Path(scratch)
        small.place_files(base)
        with server.running(host, base, threads=1) as comfy, Client(comfy.url) as client:
            for name, prompt in (prompts or _shipped(client.object_info())).items():
                results[name] = prompt, _result(name, prompt, comfy, client)
                print(name, flush=True)
    return results


def _shipped(object_info: dict[str, Any]) -> dict[str, Prompt]:
    """{name: prompt} of the small version of every template and blueprint, with outputs that lose nothing."""
    from tools.graph import with_defaults
    from tools.templates import all, blueprints, small
    from tools.templates.board import without_bends

    templates = {f"template_{template.file}": template for template in all.TEMPLATES}
    templates |= {f"blueprint_{each.name.replace(' ', '_')}": each.template for each in blueprints.BLUEPRINTS}
    prompts = {
        name: without_bends(small.small(template, FRAMES, STEPS).prompt()) for name, template in templates.items()
    }
    return {name: with_defaults(_saving(prompt, name), object_info) for name, prompt in prompts.items()}


def _saving(prompt: Prompt, name: str) -> Prompt:
    """`prompt` without videos, and with the latents and the frames of every VAE Decode saved in the folder `name`."""
    nodes = {number: node for number, node in prompt.items() if node["class_type"] != "SaveVideo"}
    for number, node in prompt.items():
        if node["class_type"] == "VAEDecode":
            samples, prefix = node["inputs"]["samples"], f"{name}/{number}"
            nodes[f"latent {number}"] = _save("SaveLatent", samples=samples, filename_prefix=prefix)
            nodes[f"frames {number}"] = _save("SaveImage", images=[number, 0], filename_prefix=prefix)
    return nodes


def _save(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def _result(name: str, prompt: Prompt, comfy: server.Server, client: Client) -> Tensors | Outcome:
    """The latents and pictures that `prompt` saves, or why there are none."""
    try:
        outputs = client.run(prompt).outputs
    except (PromptFailed, PromptRejected) as error:
        return refusal(error)
    tensors = {f"latent {path.stem.split('_')[0]}": _latent(path) for path in comfy.output.glob(f"{name}/*.latent")}
    for node, files in outputs.items():
        pictures = [comfy.path(file) for file in files if file["filename"].endswith(".png")]
        tensors |= {f"{node}, {place:03d}": _picture(path) for place, path in enumerate(pictures)}
    return tensors


def _latent(path: Path) -> Any:
    from safetensors.torch import load_file

    return load_file(path)["latent_tensor"]


def _picture(path: Path) -> Any:
    import numpy
    import torch
    from PIL import Image

    return torch.from_numpy(numpy.array(Image.open(path)))
