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
    "SparseCtrl": (
        "v3_sd15_sparsectrl_rgb.ckpt", lambda path: torch.save({"controlnet": sparse_ctrl()}, path),
        r"is a SparseCtrl model \(a ControlNet with motion modules\), not .*Pick v3_sd15_mm as the motion model\.$",
    ),
    "SparseCtrl without a container": (
        "sparsectrl_scribble.safetensors", lambda path: tiny.save(sparse_ctrl(), path), r"is a SparseCtrl model",
    ),
    "CameraCtrl": (
        "CameraCtrl.ckpt", lambda path: torch.save({"epoch": 1, **camera_ctrl(), "optimizer_state_dict": {"state": {}}}, path),
        r"is a CameraCtrl model, not .*Use it with Load CameraCtrl, and v3_sd15_mm as the motion model\.$",
    ),
    "CameraCtrl, pruned": (
        "CameraCtrl_pruned.safetensors",
        lambda path: tiny.save({key: w for part in camera_ctrl().values() for key, w in part.items()}, path),
        r"is a CameraCtrl model",
    ),
    "MotionCtrl": (
        "motionctrl_cmcm.ckpt", lambda path: torch.save(motion_ctrl(), path),
        r"is a MotionCtrl model, not .*For a camera path, use Load CameraCtrl with v3_sd15_mm\.$",
    ),
    "renamed .safetensors": (
        "v3.ckpt", safetensors_file,
        r'is a \.safetensors file with the wrong ending\. Rename it to "v3\.safetensors" and press R\.$',
    ),
    "renamed .ckpt": (
        "v3.safetensors", lambda path: torch.save(tiny.motion_weights(), path),
        r'is a file of torch with the wrong ending\. Rename it to "v3\.ckpt" and press R\.$',
    ),
    "torch before 1.6": ("mm.pth", before_zip, r"in the format of torch before 1\.6.*Get the model as \.safetensors"),
    "torch before 0.1.10": ("mm.pt", tar, r"in the format of torch before 1\.6.*save it again\.$"),
    "Git LFS": (
        "mm.safetensors", lambda path: path.write_text(LFS),
        r'is a Git LFS pointer, a text of 135 bytes in place of the model, which has 1\.67 GB\. Run "git lfs pull"',
    ),
    "Git LFS, .ckpt": ("mm.ckpt", lambda path: path.write_text(LFS), "is a Git LFS pointer"),
    "web page": ("mm.safetensors", lambda path: path.write_text(PAGE), "is a web page, not a model.*in a browser"),
    "web page, .ckpt": ("mm.ckpt", lambda path: path.write_text(PAGE), "is a web page, not a model"),
    "nothing": ("mm.ckpt", lambda path: path.write_bytes(b""), "is empty: it has 0 bytes"),
    "ZIP": ("mm.ckpt", zipped, "is a ZIP archive of 1 files, not a model. Unpack it"),
    "settings": (
        "last.ckpt", with_settings,
        r"is a checkpoint of a training script: .*\(argparse\.Namespace\).* Save its state_dict alone",
    ),
    "list": (
        "clips.pt", lambda path: torch.save([torch.zeros(4), torch.zeros(4)], path),
        "contains a list of 2 tensors without names, not a model.*Pick another file",
    ),
    "one tensor": ("latent.pt", lambda path: torch.save(torch.zeros(4), path), "contains one Tensor, not a model"),
    "sparse": (
        "sparse.pt", lambda path: torch.save({"x": torch.eye(3).to_sparse()}, path), "has sparse tensors",
    ),
    "folder": ("mm.safetensors", lambda path: path.mkdir(), "cannot be read from the disk"),
}  # fmt: skip
