"""Files that are no motion model in the layouts that people have, tiny and made by seed."""

import argparse
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import tiny
import torch

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1672944381\n".format("4d" * 32)
PAGE = "\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Log in to download</body></html>"


def sparse_ctrl() -> dict[str, torch.Tensor]:
    """An encoder with motion modules of one attention in its down blocks, and an embedding of the condition."""
    widths = dict(list(tiny.module_places(tiny.SD15_WIDTHS, False).items())[:8])
    modules = {
        f"{place}.temporal_transformer.{name}": torch.zeros(shape)
        for place, width in widths.items()
        for name, shape in tiny.module_shapes(width, 32).items()
        if "attention_blocks.1" not in name and "norms.1" not in name
    }
    return {
        **modules,
        "conv_in.weight": torch.zeros(32, 4, 3, 3),
        "controlnet_cond_embedding.weight": torch.zeros(32, 5, 3, 3),
        "controlnet_down_blocks.0.weight": torch.zeros(32, 32, 1, 1),
        "down_blocks.0.resnets.0.norm1.weight": torch.zeros(32),
        "time_embedding.linear_1.weight": torch.zeros(128, 32),
    }


def camera_ctrl() -> dict[str, dict[str, torch.Tensor]]:
    """A pose encoder, and a layer for the first attention of every motion module."""
    encoder = {
        "module.encoder_conv_in.weight": torch.zeros(32, 384, 3, 3),
        "module.encoder_down_conv_blocks.0.0.block1.weight": torch.zeros(32, 32, 3, 3),
    }
    attention = "temporal_transformer.transformer_blocks.0.attention_blocks.0.processor.qkv_merge"
    merges = {
        f"module.{place}.{attention}.weight": torch.zeros(width, width)
        for place, width in tiny.module_places(tiny.SD15_WIDTHS, False).items()
    }
    return {"pose_encoder_state_dict": encoder, "attention_processor_state_dict": merges}


def motion_ctrl() -> dict[str, torch.Tensor]:
    """A layer for the pose after the first attention of every motion module, and a second attention."""
    block = "temporal_transformer.transformer_blocks.0"
    places = tiny.module_places(tiny.SD15_WIDTHS, False)
    projections = {
        f"module.{place}.{block}.cc_projection.weight": torch.zeros(c, c + 12) for place, c in places.items()
    }
    attentions = {
        f"module.{place}.{block}.attention_blocks.1.to_q.weight": torch.zeros(c, c) for place, c in places.items()
    }
    return {**projections, **attentions}


def fancy_video() -> dict[str, torch.Tensor]:
    """Motion modules, a first layer of nine channels as PIA's, and embeddings of the speed and the amount of motion."""
    embeddings = {f"{name}_embedding.linear.weight": torch.zeros(128, 32) for name in ("fps", "motion")}
    return {**tiny.motion_weights(), **embeddings, "conv_in.weight": torch.zeros(32, 9, 3, 3)}


def image_lora() -> dict[str, torch.Tensor]:
    """Attention layers of the image model in the names of v3_sd15_adapter and RealEstate10K_LoRA."""
    random, lora = tiny.generator(7), {}
    for level, width in enumerate(tiny.SD15_WIDTHS[:3]):
        for part in ("to_q", "to_k", "to_v", "to_out"):
            layer = f"down_blocks.{level}.attentions.0.transformer_blocks.0.attn1.processor.{part}_lora"
            lora[f"{layer}.down.weight"] = torch.randn(width // 2, width, generator=random)
            lora[f"{layer}.up.weight"] = torch.randn(width, width // 2, generator=random)
    return lora


def lora_checkpoint() -> dict[str, object]:
    """As RealEstate10K_LoRA.ckpt: an image LoRA next to the state of its optimizer."""
    state = {number: {"exp_avg": torch.zeros(3)} for number in range(2)}
    return {"epoch": 1, "lora_state_dict": image_lora(), "optimizer_state_dict": {"state": state, "param_groups": []}}


def kohya(layer: str) -> dict[str, torch.Tensor]:
    return {f"lora_unet_{layer}.lora_{side}.weight": torch.zeros(4, 4) for side in ("down", "up")}


def keys(*names: str) -> Callable[[], dict[str, torch.Tensor]]:
    return lambda: {name: torch.zeros(2) for name in names}


MOTION, LORA, SPARSE, CAMERA = "Load Motion Model", "Load Motion LoRA", "Load SparseCtrl", "Load CameraCtrl"
KINDS: dict[str, tuple[Callable[[], object], str, str]] = {
    # name: (what is in the file, what the message says it is, what it says to do, with the node that loads it)
    "motion model": (tiny.motion_weights, "is a motion model", f"Load it with {MOTION}."),
    "motion LoRA": (tiny.motion_lora, "is a motion LoRA", f"Load it with {LORA}."),
    "motion LoRA, kohya": (
        lambda: kohya("down_blocks_0_motion_modules_0_transformer_blocks_0_attn1_to_q"), "is a motion LoRA",
        f"Load it with {LORA}.",
    ),
    "LoRA": (image_lora, "is a LoRA for the image model", "Load it with Load LoRA, on the MODEL;"),
    "LoRA, kohya": (
        lambda: kohya("down_blocks_0_attentions_0_proj_in"), "is a LoRA for the image model", "Load it with Load LoRA, on",
    ),
    "LoRA checkpoint": (
        lora_checkpoint, "is a training checkpoint that contains a LoRA for the image model, such as RealEstate10K_LoRA",
        "save only the lora_state_dict of this file as a .safetensors file and load that with Load LoRA.",
    ),
    "SparseCtrl": (lambda: {"controlnet": sparse_ctrl()}, "is a SparseCtrl model", f"Load it with {SPARSE} and connect"),
    "SparseCtrl without a container": (sparse_ctrl, "is a SparseCtrl model", f"Load it with {SPARSE} and connect that"),
    "CameraCtrl": (
        lambda: {"epoch": 1, **camera_ctrl(), "optimizer_state_dict": {"state": {}}}, "is a CameraCtrl model",
        f"Use it with {CAMERA}, and mm_sd15_v3 as the motion model.",
    ),
    "CameraCtrl, pruned": (
        lambda: {key: weight for part in camera_ctrl().values() for key, weight in part.items()}, "is a CameraCtrl model",
        f"Use it with {CAMERA}, and",
    ),
    "MotionCtrl": (motion_ctrl, "is a MotionCtrl model", f"For a camera path, use {CAMERA} with mm_sd15_v3."),
    "FancyVideo": (
        fancy_video, "is a FancyVideo model",
        "Kinema does not use FancyVideo. To animate a picture, use Animate Picture with PIA.",
    ),
    "MotionCtrl, objects": (
        keys("conv_in.weight", "body.0.block1.weight"), "is a T2I-Adapter, or the part of MotionCtrl that moves objects",
        "Load a T2I-Adapter with Load ControlNet Model. Kinema does not use MotionCtrl.",
    ),
    "T2I-Adapter": (keys("adapter.body.0.resnets.0.block1.weight"), "is a T2I-Adapter", "with Load ControlNet Model."),
    "IP-Adapter": (
        lambda: {"image_proj": keys("proj.weight")(), "ip_adapter": keys("1.to_k_ip.weight")()}, "is an IP-Adapter",
        "Load it with the nodes of an IPAdapter pack, before or after Apply Motion Model.",
    ),
    "ControlNet": (keys("control_model.input_hint_block.0.weight"), "is a ControlNet", "with Load ControlNet Model."),
    "ControlNet, diffusers": (
        keys("controlnet_cond_embedding.conv_in.weight", "controlnet_down_blocks.0.weight"), "is a ControlNet",
        "Load it with Load ControlNet Model.",
    ),
    "checkpoint": (
        keys("model.diffusion_model.out.0.weight", "first_stage_model.decoder.conv_in.weight"), "is a whole checkpoint",
        "Load it with Load Checkpoint.",
    ),
    "VAE": (keys("decoder.conv_in.weight"), "is a VAE", "Load it with Load VAE."),
    "unknown": (keys("x"), "is not a", "Pick a"),
}  # fmt: skip


def before_zip(path: Path) -> None:
    """As torch before 1.6 saves, and as today's does on request."""
    torch.save({"state_dict": tiny.motion_weights()}, path, _use_new_zipfile_serialization=False)


def tar(path: Path) -> None:
    """As torch before 0.1.10 saves."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            entry = tarfile.TarInfo(name)
            entry.size = 4
            archive.addfile(entry, io.BytesIO(b"\x80\x02}."))


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mm.safetensors", safetensors.torch.save(tiny.motion_weights()))


def with_settings(path: Path) -> None:
    """A training script's checkpoint with the arguments that it was started with."""
    torch.save({"state_dict": tiny.motion_weights(), "epoch": 3, "args": argparse.Namespace(lr=1e-4)}, path)


def safetensors_file(path: Path) -> None:
    path.write_bytes(safetensors.torch.save(tiny.motion_weights()))


FILES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    # name: (the file's name, what writes it, what the message says it is and what to do)
    "renamed .safetensors": (
        "v3.ckpt", safetensors_file,
        r'is a \.safetensors file with the wrong file extension\. Rename it to "v3\.safetensors" and press R to refresh\.$',
    ),
    "renamed .ckpt": (
        "v3.safetensors", lambda path: torch.save(tiny.motion_weights(), path),
        r'is a PyTorch file with the wrong file extension\. Rename it to "v3\.ckpt" and press R to refresh\.$',
    ),
    "torch before 1.6": ("mm.pth", before_zip, r"in the format of PyTorch versions before 1\.6.*Get the model as"),
    "torch before 0.1.10": ("mm.pt", tar, r"in the format of PyTorch versions before 1\.6.*save it again\.$"),
    "Git LFS": (
        "mm.safetensors", lambda path: path.write_text(LFS),
        r'is a Git LFS pointer: a text file of 135 bytes that stands in for the model of 1\.67 GB\. Run "git lfs pull"',
    ),
    "Git LFS, .ckpt": ("mm.ckpt", lambda path: path.write_text(LFS), "is a Git LFS pointer"),
    "web page": ("mm.safetensors", lambda path: path.write_text(PAGE), "is a web page, not a model.*in a browser"),
    "web page, .ckpt": ("mm.ckpt", lambda path: path.write_text(PAGE), "is a web page, not a model"),
    "nothing": ("mm.ckpt", lambda path: path.write_bytes(b""), "is empty: it has 0 bytes"),
    "ZIP": ("mm.ckpt", zipped, r"is a ZIP archive \(number of files: 1\), not a model\. Unpack it"),
    "settings": (
        "last.ckpt", with_settings,
        r"is a checkpoint of a training script: .*\(argparse\.Namespace\).* Save only its state_dict",
    ),
    "list": (
        "clips.pt", lambda path: torch.save([torch.zeros(4), torch.zeros(4)], path),
        "contains a list of length 2, not a model, whose tensors have names.*Pick another file",
    ),
    "one tensor": ("latent.pt", lambda path: torch.save(torch.zeros(4), path), "contains a single Tensor, not a model"),
    "sparse": (
        "sparse.pt", lambda path: torch.save({"x": torch.eye(3).to_sparse()}, path), "has sparse tensors",
    ),
    "folder": ("mm.safetensors", lambda path: path.mkdir(), "cannot be read from the disk"),
}  # fmt: skip
