"""What takes the place of what a server lacks: nodes of the host and of the miniature by type of socket, the miniature's
files, and values that run in seconds."""

from collections.abc import Mapping
from typing import Any

from kinema.convert.needed_files import FILE_INPUTS

from ..client import Prompt

SIDE, FRAMES, STEPS = 64, 24, 2  # pixels; the most frames and steps of a run
ALL_STEPS = 10000  # "to the end" of the host's samplers with a first and a last step
CONTROL_NET, SCRIBBLE = "random_controlnet.safetensors", "random_sparsectrl_scribble.safetensors"
FILES = {  # class: the input that names a file, and a file of the miniature's shape
    "KinemaLoadMotionModel": ("motion_model", "miniature_mm.safetensors"),
    "KinemaLoadMotionLora": ("lora", "miniature_zoom.safetensors"),
    "KinemaLoadSparseCtrl": ("sparsectrl", "miniature_sparsectrl_rgb.safetensors"),
    "KinemaLoadCameraCtrl": ("cameractrl", "random_cameractrl.safetensors"),
    "ControlNetLoader": ("control_net_name", CONTROL_NET),
    "LoraLoader": ("lora_name", "miniature_neon_lora.safetensors"),
    "LoraLoaderModelOnly": ("lora_name", "miniature_neon_lora.safetensors"),
}
SCHEDULE = "0: a red fish swimming left\n8: a blue fish swimming right"  # for one whose text was taken out of the file
MINIATURE, LATENTS, TEXT = "core miniature", "core latents", "core text"
MOST = {"width": SIDE, "height": SIDE, "batch_size": FRAMES, "amount": FRAMES}
NODES: Prompt = {
    MINIATURE: {"class_type": "KinemaLoadMiniature", "inputs": {"style": "day"}},
    LATENTS: {"class_type": "EmptyLatentImage", "inputs": {"width": SIDE, "height": SIDE, "batch_size": FRAMES}},
    TEXT: {"class_type": "CLIPTextEncode", "inputs": {"clip": [MINIATURE, 1], "text": "a red fish swimming left"}},
    "core image": {
        "class_type": "EmptyImage",
        "inputs": {"width": SIDE, "height": SIDE, "batch_size": FRAMES, "color": 0x3060A0},
    },
    "core picture": {
        "class_type": "EmptyImage",
        "inputs": {"width": SIDE, "height": SIDE, "batch_size": 1, "color": 0x3060A0},
    },
    "core mask": {"class_type": "SolidMask", "inputs": {"value": 0.5, "width": SIDE, "height": SIDE}},
    "core number": {"class_type": "PrimitiveFloat", "inputs": {"value": 1.0}},
    "core integer": {"class_type": "PrimitiveInt", "inputs": {"value": 1}},
    "core sampler": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "core noise": {"class_type": "RandomNoise", "inputs": {"noise_seed": 1}},
    "core sigmas": {
        "class_type": "BasicScheduler",
        "inputs": {"model": [MINIATURE, 0], "scheduler": "normal", "steps": STEPS, "denoise": 1.0},
    },
}
SAMPLING: Mapping[str, Any] = {
    **{"seed": 1, "steps": STEPS, "cfg": 2.0, "denoise": 1.0},
    **{"sampler_name": "euler", "scheduler": "normal"},
}
OUTPUTS = {  # type of a socket: what stands in for it
    "MODEL": (MINIATURE, 0),
    "CLIP": (MINIATURE, 1),
    "VAE": (MINIATURE, 2),
    "LATENT": (LATENTS, 0),
    "CONDITIONING": (TEXT, 0),
    "IMAGE": ("core image", 0),
    "MASK": ("core mask", 0),
    "FLOAT": ("core number", 0),
    "INT": ("core integer", 0),
    "SAMPLER": ("core sampler", 0),
    "NOISE": ("core noise", 0),
    "SIGMAS": ("core sigmas", 0),
}


def stand_in(kind: str, passed: tuple[str, ...] = ()) -> list[Any] | None:
    """The link to what stands in for an output of the type `kind`, which may list several; None where nothing can.
    `passed` are the classes of the nodes that were passed by: for one picture alone, one picture stands in."""
    if passed == ("LoadImage",) and "IMAGE" in kind.split(","):
        return ["core picture", 0]
    found = next((OUTPUTS[part] for part in kind.split(",") if part in OUTPUTS), None)
    return None if found is None else list(found)


def add(prompt: Prompt, link: list[Any] | None) -> list[Any] | None:
    """`link` to one of NODES, which is in `prompt` afterwards, with what it needs."""
    if link is not None:
        node = NODES[link[0]]
        prompt[link[0]] = node
        for value in node["inputs"].values():
            add(prompt, value if isinstance(value, list) else None)
    return link


def with_own_values(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a node of the class `kind` with files of the miniature's shape in place of those that it names, and a
    prompt schedule in place of one without frames."""
    if kind == "KinemaPromptTravel" and not any(letter.isdigit() for letter in str(values.get("prompts"))):
        return {**values, "prompts": SCHEDULE}
    if kind not in FILES:
        return dict(values)
    name, file = FILES[kind]
    return {**values, name: SCRIBBLE if "scribble" in str(values.get(name)).lower() and kind in FILE_INPUTS else file}


def in_seconds(values: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a node of the host that makes or samples latents, so that they run in seconds."""
    found = {name: _at_most(value, MOST[name]) if name in MOST else value for name, value in values.items()}
    if "steps" not in values:
        return found
    found["steps"] = _at_most(values["steps"], STEPS)
    steps = values["steps"] if isinstance(values["steps"], int) else ALL_STEPS
    for name in ("start_at_step", "end_at_step"):
        step = values.get(name)
        if isinstance(step, int) and step < ALL_STEPS:
            found[name] = min(round(step * found["steps"] / steps), found["steps"])
    return found


def _at_most(value: Any, most: int) -> Any:
    """`value`, or `most` for more, and for a link, whose number is not known before it runs."""
    return value if isinstance(value, int) and value < most else most
