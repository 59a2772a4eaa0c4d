"""Tensors of files are read into memory of their own, no more than are wanted, from files that stay as they are."""

import gc
import os
from pathlib import Path

import loras
import pytest
import safetensors.torch
import tiny
import torch
from comfy.cli_args import args

from kinema.miniature.models import FOLDER, VAE, load_vae
from kinema.motion.files import MotionFileError, opened, read_tensors
from kinema.motion.load import load_motion_model
from kinema.motion.lora import load_motion_lora
from kinema.training.clip_encoder import Encoder
from kinema.training.videos import Cut

ODD = {
    "whole": torch.arange(24.0).view(2, 3, 4),
    "transposed": torch.arange(24.0).view(4, 6).T,
    "part of a bigger one": torch.arange(24.0).view(4, 6)[1:3, 2:5],
    "expanded": torch.arange(3.0)[:, None].expand(3, 4),
    "empty": torch.zeros(0, 7),
    "a number": torch.tensor(3.5),
    "bfloat16": torch.arange(5).bfloat16(),
    "float8": torch.arange(4).to(torch.float8_e4m3fn),
    "bool": torch.tensor([True, False, True]),
    "complex": torch.complex(torch.arange(3.0), torch.ones(3)),
    "parameter": torch.nn.Parameter(torch.arange(3.0)),
}


def same(a, b):
    numbers = [
        t.detach().to(torch.complex64 if t.is_complex() else torch.float32) for t in (a, b)
    ]  # torch compares no float8
    return a.dtype == b.dtype and torch.equal(*numbers)


@pytest.mark.parametrize(
    "content", [ODD, {"state_dict": ODD, "epoch": 3}, {"unet": ODD}], ids=["bare", "inside", "next"]
)
def test_files_of_torch_are_read_as_torch_reads_them(content, tmp_path):
    torch.save(content, tmp_path / "odd.pt")
    read = read_tensors(tmp_path / "odd.pt")
    prefix = "unet." if "unet" in content else ""
    assert list(read) == [prefix + name for name in ODD]
    for name, tensor in ODD.items():
        assert same(read[prefix + name], tensor)


def test_files_of_safetensors_are_read_as_their_library_reads_them(tmp_path):
    safetensors.torch.save_file(
        {name: tensor.detach().contiguous().clone() for name, tensor in ODD.items()}, tmp_path / "a.sft"
    )
    read = read_tensors(tmp_path / "a.sft")
    for name, tensor in safetensors.torch.load_file(tmp_path / "a.sft").items():
        assert same(read[name], tensor)


def cached_latents(folder):
    vae = load_vae(str(FOLDER / VAE))
    encoder = Encoder(vae, Cut(frames=2, stride=1, width=32, height=32), cache=folder)
    images = torch.rand(4, 32, 32, 3, generator=tiny.generator(0))
    encoder.images(images)
    return lambda: [clip.read() for clip in encoder.images(images).clips], next(folder.iterdir())


def motion_model(folder, suffix):
    path = tiny.save(tiny.motion_weights(), folder / f"mm{suffix}")
    return lambda: list(load_motion_model(path).model.state_dict().values()), path


def motion_lora(folder, suffix):
    motion = load_motion_model(tiny.save(tiny.motion_weights(mid=True), folder / "v2.safetensors"))
    path = tiny.save(loras.official(), folder / f"zoom{suffix}")

    def load():
        patched = load_motion_lora(motion, path, 1.0)
        return [weight for patches in patched.patches.values() for patch in patches for weight in patch[1].weights[:2]]

    return load, path


@pytest.mark.parametrize(
    "kept",
    [
        lambda folder: motion_model(folder, ".safetensors"),
        lambda folder: motion_model(folder, ".ckpt"),
        lambda folder: motion_lora(folder, ".safetensors"),
        lambda folder: motion_lora(folder, ".ckpt"),
        cached_latents,
    ],
    ids=["model", "model.ckpt", "lora", "lora.ckpt", "latents"],
)
def test_a_file_may_be_overwritten_while_it_is_in_use(kept, tmp_path):
    """Of a mapped file the weights change, or the process dies of a bus error."""
    load, path = kept(tmp_path)
    weights = load()
    before = [weight.clone() for weight in weights]
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)
    assert all(map(torch.equal, weights, before))
    with path.open("r+b") as file:
        file.truncate(10)
    assert all(map(torch.equal, weights, before))


def test_damaged_latents_are_made_anew(tmp_path):
    load, path = cached_latents(tmp_path)
    before = load()
    path.write_bytes(path.read_bytes()[:-5])
    assert all(map(torch.equal, load(), before))


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_file_that_changes_while_it_is_read_is_refused(cut, suffix, tmp_path):
    path = tiny.save(tiny.motion_weights(), tmp_path / f"mm{suffix}")
    size = path.stat().st_size
    with opened(path) as file:
        path.write_bytes(path.read_bytes()[: 10 if cut else size])
        os.utime(path, (0, 0))  # the clock of a disk may stand still for some milliseconds
        with pytest.raises(
            MotionFileError, match=f"was modified while it was being read: it had {size} bytes, and now it has"
        ) as e:
            file.read()
    assert str(path.stat().st_size) in str(e.value)


def memory(name):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("file", ["mm.safetensors", "checkpoint.ckpt"])
@pytest.mark.parametrize("converted", [False, True])
def test_loading_takes_little_more_memory_than_the_weights(file, converted, tmp_path, monkeypatch):
    """Also of a training checkpoint, most of which is not wanted."""
    monkeypatch.setattr(args, "fp16_unet", not converted)
    weights = {
        f"{place}.temporal_transformer.{name}": torch.zeros(shape, dtype=torch.float16)
        for place, width in tiny.module_places((128, 256, 512, 512), False).items()
        for name, shape in tiny.module_shapes(width, 32).items()
    }
    if file.endswith(".ckpt"):
        weights |= {
            "conv_in.weight": torch.zeros(320, 4, 3, 3),
            "time_embedding.linear_1.weight": torch.zeros(100_000, 1000),
        }
        weights = {f"module.{name}": weight for name, weight in weights.items()}
    path = tiny.save(weights, tmp_path / file)
    del weights
    gc.collect()
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    model = load_motion_model(path).model
    kept = sum(weight.nbytes for weight in model.state_dict().values())
    assert memory("VmHWM") - before <= 1.05 * kept
