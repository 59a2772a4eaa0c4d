"""Builds a chain with the real nodes and samples it with tiny real models. For a process that has entered the host."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import comfy.sd
import folder_paths
import torch
from comfy.taesd.taesd import TAESD

from tools import in_host, tiny_controls, tiny_models

from . import registry
from .chain import Chain, Drawn, Node, Shared
from .guides import CAMERA_FILE, PICTURE_FILES, SPARSE_FILE

MOTION_MODELS = {  # file: (version, seed)
    "tiny_v1.safetensors": ("v1", 11),
    "tiny_v2.safetensors": ("v2", 12),
    "tiny_v3.safetensors": ("v3", 13),
    "tiny_v3_other.safetensors": ("v3", 14),
}
MOTION_LORAS = {"tiny_lora_with_mid.safetensors": True, "tiny_lora.safetensors": False}  # file: whether it has a mid
FOLDERS = ("animatediff_models", "animatediff_motion_lora", "controlnet")
TEXTS = 5  # tokens of a conditioning


@dataclass(frozen=True)
class Models:
    """What chains are built from."""

    image: Any  # MODEL of SD1.5's structure, tiny
    vae: Any  # VAE with random weights
    camera: Any  # a CameraCtrl model, which all nodes that load it share while it is held
    sparse: Any  # likewise, a SparseCtrl model
    loaded: dict[Node, Any] = field(
        default_factory=dict
    )  # the outputs of Load Motion Model, kept as the host keeps them


def prepare(folder: Path) -> Models:
    """Writes the motion models and motion LoRAs to `folder`, registers the pack's nodes and makes the rest."""
    motion, loras, controls = [folder / name for name in FOLDERS]
    for each in (motion, loras, controls):
        each.mkdir(parents=True)
    for file, (version, seed) in MOTION_MODELS.items():
        tiny_models.save(tiny_models.VERSIONS[version](seed=seed), motion / file)
    for file, mid in MOTION_LORAS.items():
        tiny_models.save(tiny_models.motion_lora(mid), loras / file)
    tiny_models.save(tiny_controls.i2v(), motion / PICTURE_FILES["v2"])
    tiny_models.save(tiny_controls.pia(), motion / PICTURE_FILES["v3"])
    tiny_models.save(tiny_controls.camera_ctrl(), motion / CAMERA_FILE)
    tiny_models.save(tiny_controls.sparse_ctrl(), controls / SPARSE_FILE)
    registry.nodes()  # registers the folders
    for name in FOLDERS:
        folder_paths.add_model_folder_path(name, str(folder / name))
    from kinema.nodes.inputs.camera_files import load_camera_file
    from kinema.nodes.inputs.motion_files import load_sparse_file

    return Models(tiny_models.image_model(), _vae(), load_camera_file(CAMERA_FILE), load_sparse_file(SPARSE_FILE))


def _vae() -> Any:
    random = tiny_models.generator(1)
    weights = {
        key: tiny_models.randomise(tuple(weight.shape), key, random) if weight.ndim else weight
        for key, weight in TAESD().state_dict().items()
    }
    return comfy.sd.VAE(sd=weights)


def build(chain: Chain, models: Models) -> Any:
    """The MODEL that the nodes of `chain` make of the image model. Raises what a node raises."""
    model = models.image
    for node in chain.nodes:
        outputs = registry.schemas()[node.id].outputs
        output = next(i for i, each in enumerate(outputs) if each.get_io_type() == "MODEL")
        model = _execute(node, models, model=model)[output]
    return model


def _execute(node: Node, models: Models, **more: Any) -> Any:
    """The outputs of `node`."""
    if node in models.loaded:
        return models.loaded[node]
    inputs = {name: _value(value, models) for name, value in node.inputs}
    if registry.schemas()[node.id].is_input_list:
        inputs = {name: value if isinstance(value, list) else [value] for name, value in inputs.items()}
    outputs = registry.nodes()[node.id].execute(**inputs, **more).args
    if node.id == "LoadMotionModel":
        models.loaded[node] = outputs
    return outputs


def _value(value: Any, models: Models) -> Any:
    match value:
        case Node():
            return _execute(value, models)[0]
        case Shared():
            return getattr(models, value.name)
        case Drawn():
            return _drawn(value)
        case tuple():
            return list(value)
        case _:
            return value


def _drawn(drawn: Drawn) -> Any:
    random = tiny_models.generator(drawn.seed)
    match drawn.kind:
        case "mask":
            return torch.rand(drawn.count, drawn.height, drawn.width, generator=random)
        case "image":
            return torch.rand(drawn.count, drawn.height, drawn.width, 3, generator=random)
        case "latent":
            return {"samples": torch.randn(drawn.count, 4, drawn.height, drawn.width, generator=random) * 5}


def sample(chain: Chain, model: Any, models: Models, callback: Any = None) -> torch.Tensor:
    """What the host's KSampler makes of noise with `model`: latents (f, 4, h, w), float32. Raises what a node raises.
    `callback` is called after each step."""
    h, w = chain.height, chain.width
    latent = torch.zeros(chain.frames, 4, h, w)
    if chain.denoise < 1 or chain.inpaints:
        latent = torch.randn(latent.shape, generator=tiny_models.generator(chain.seed)) * 5
    mask = torch.zeros(1, 1, h, w)
    mask[..., : w // 2] = 1
    more: dict[str, Any] = {"noise_mask": mask} if chain.inpaints else {}
    positive, negative = _controlled(chain, models, _positive(chain), tiny_models.conditioning(4))
    return tiny_models.sample(
        model,
        chain.frames,
        steps=chain.steps,
        cfg=chain.cfg,
        seed=chain.seed,
        sampler=chain.sampler,
        scheduler=chain.scheduler,
        positive=positive,
        negative=negative,
        latent=latent,
        denoise=chain.denoise,
        callback=callback,
        **more,
    ).float()


def _controlled(chain: Chain, models: Models, positive: Any, negative: Any) -> tuple[Any, Any]:
    """Both CONDITIONINGs with the control of `chain`, if it has one, by the host's own node."""
    control = chain.control
    if control is None:
        return positive, negative
    part = (control.strength, control.start_percent, control.end_percent)
    net = _execute(control.load, models)[0]
    apply = in_host.nodes().ControlNetApplyAdvanced().apply_controlnet
    applied: tuple[Any, Any] = apply(positive, negative, net, _drawn(control.image), *part, vae=models.vae)
    return applied


def _positive(chain: Chain) -> list[list[Any]]:
    """The positive CONDITIONING of `chain`."""
    h, w = chain.height, chain.width
    plain = tiny_models.conditioning(3, TEXTS)
    random = tiny_models.generator(chain.seed)
    other = torch.randn(1, TEXTS, tiny_models.CONTEXT, generator=random)
    mask = torch.zeros(1, 8 * h, 8 * w)
    mask[:, 2 * h : 7 * h, w : 5 * w] = 1
    match chain.conds:
        case "frames":
            return [[torch.randn(chain.frames, TEXTS, tiny_models.CONTEXT, generator=random), {}]]
        case "area":
            limits: dict[str, Any] = {"area": (h // 2, w // 2, h // 4, w // 2), "strength": 0.8}
        case "mask":
            limits = {"mask": mask, "mask_strength": 0.9, "set_area_to_bounds": False}
        case "mask bounds":
            limits = {"mask": mask, "mask_strength": 1.0, "set_area_to_bounds": True}
        case _:
            return plain
    return [*plain, [other, limits]]
