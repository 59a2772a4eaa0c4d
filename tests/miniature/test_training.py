"""The miniature's training resumes exactly, starts its styles from the base, and writes what the host reads."""

import json
import time
from pathlib import Path

import comfy.lora
import comfy.ops
import comfy.utils
import pytest
import torch
from safetensors import safe_open

from kinema.miniature import models
from kinema.training.clips import Clip, Clips
from tools.miniature import controls, files, image, loop, stages, style, vae
from tools.miniature.latents import Stills

PLAN = loop.Plan("line", steps=7, lr=0.1, warmup=2, ema=0.9)
CAPTIONS = ("a red fish swimming left, coral reef", "blue fish facing right in the deep sea")


def _line() -> torch.nn.ModuleDict:
    torch.manual_seed(0)
    return torch.nn.ModuleDict({"line": torch.nn.Linear(3, 1)})


def _fit(folder: Path, parts: torch.nn.ModuleDict, stop_at: float) -> dict[str, torch.Tensor]:
    def loss_of(_: int, rng: torch.Generator) -> torch.Tensor:
        x = torch.randn(8, 3, generator=rng)
        return (parts["line"](x) - x.sum(1, keepdim=True)).square().mean()

    return loop.fit(PLAN, parts, loss_of, folder, stop_at)


def test_an_interrupted_run_equals_a_whole_one(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "pieces").mkdir()
    whole = _fit(tmp_path / "whole", _line(), time.time() + 60)
    stops = 0
    while True:
        try:
            pieces = _fit(tmp_path / "pieces", _line(), stop_at=0)  # one step at a time
            break
        except loop.OutOfTime as stopped:
            stops += 1
            assert f"step {stops} of 7" in str(stopped)
    assert stops == 6
    assert all(torch.equal(whole[key], pieces[key]) for key in whole)


def test_a_killed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    loop.write(path, {"step": 1})
    with pytest.raises(AttributeError):
        loop.write(path, {"step": lambda: None})  # cannot be pickled, as if killed in the middle
    assert torch.load(path) == {"step": 1}


@pytest.fixture(scope="module")
def parts() -> torch.nn.ModuleDict:
    return torch.nn.ModuleDict({"unet": image.new_unet(1), "text": image.new_text_encoder(2)})


@pytest.fixture(scope="module")
def base(parts: torch.nn.ModuleDict) -> dict[str, torch.Tensor]:
    return {k: v.detach().clone() for k, v in parts.state_dict().items()}


@pytest.fixture(scope="module")
def data() -> Stills:
    latents = torch.randn(20, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    return Stills(latents, CAPTIONS * 10, torch.zeros(20, 16, 16))


def test_a_fresh_unet_predicts_nothing_and_learns_text_too(
    parts: torch.nn.ModuleDict, base: dict[str, torch.Tensor], data: Stills
) -> None:
    objective = image.NoisePrediction(data)
    loss = objective.loss(parts["unet"], image.Texts(parts["text"]), torch.Generator().manual_seed(0))
    drawn = objective.timesteps(torch.linspace(0, 0.999, 1000))
    assert loss.item() == pytest.approx(objective.weight[drawn].mean().item(), rel=0.15)  # noise of variance 1
    assert torch.histc(drawn.float(), 5, 0, 1000).argmax() == 2  # most of them in the middle
    torch.nn.init.normal_(parts["unet"].out[-1].weight, std=0.05)
    for block in parts["unet"].modules():
        if isinstance(block, image.SpatialTransformer):
            torch.nn.init.normal_(block.proj_out.weight, std=0.05)
    objective.loss(parts["unet"], image.Texts(parts["text"]), torch.Generator().manual_seed(0)).backward()
    words = parts["text"].clip_l.transformer.text_model.embeddings.token_embedding.weight.grad
    assert words is not None and words.abs().sum() > 0


def test_checkpoints_hold_what_the_loader_wants(base: dict[str, torch.Tensor], tmp_path: Path) -> None:
    files.ship(tmp_path / "base.safetensors", stages.checkpoint(base), {"plan": {"seed": 1, "steps": 2}})
    with safe_open(tmp_path / "base.safetensors", "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["settings"]) == {"plan": {"seed": 1, "steps": 2}} and metadata["commit"]
    model = models.load_unet(str(tmp_path / "base.safetensors"))
    stored = base["unet.input_blocks.1.1.proj_in.weight"]
    loaded = model.model.diffusion_model.input_blocks[1][1].proj_in.weight
    assert torch.allclose(loaded.float(), stored.half().float())
    clip = models.load_clip(str(tmp_path / "base.safetensors"))
    key = "clip_l.transformer.text_model.encoder.layers.1.mlp.fc1.weight"
    assert torch.allclose(clip.cond_stage_model.state_dict()[key].float(), base["text." + key].half().float())


def test_float8_files_stay_close(base: dict[str, torch.Tensor], tmp_path: Path) -> None:
    weights = stages.checkpoint(base)
    files.ship(tmp_path / "small.safetensors", weights, {}, torch.float8_e4m3fn)
    stored = comfy.utils.load_torch_file(str(tmp_path / "small.safetensors"))
    key = models.UNET_PREFIX + "input_blocks.1.0.in_layers.2.weight"
    error = (stored[key].float() - weights[key]).square().mean() / weights[key].square().mean()
    assert stored[key].dtype == torch.float8_e4m3fn and error.sqrt() < 0.05
    assert stored[models.UNET_PREFIX + "time_embed.0.bias"].dtype == torch.float16


def test_the_style_lora_reaches_every_layer(
    base: dict[str, torch.Tensor], data: Stills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "LORA", loop.Plan("lora", steps=1, lr=1e-3))
    lora = style.train_lora(base, data, tmp_path, time.time() + 600)
    files.ship(tmp_path / "base.safetensors", stages.checkpoint(base), {})
    model = models.load_unet(str(tmp_path / "base.safetensors"))
    patches = comfy.lora.load_lora(dict(lora), comfy.lora.model_lora_keys_unet(model.model, {}))
    layers = [k for k, v in model.model.diffusion_model.state_dict().items() if k.endswith("weight") and v.ndim > 1]
    assert len(patches) == len(layers) == len(model.clone().add_patches(patches))


def test_vae_crops_follow_the_seed() -> None:
    pool = torch.randint(0, 255, (5, 3, 128, 128), dtype=torch.uint8)
    first, again, other = (vae._crops(pool, 0, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == (8, 3, 48, 48) and vae._crops(pool, 3, torch.Generator()).shape == (1, 3, 128, 128)
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_clips_are_cut_into_pieces_that_keep_all_frames() -> None:
    whole = [torch.rand(4, 4, 2, 2) for _ in range(2)]
    data = Clips(tuple(Clip(latents, f"of {i}", f"caption {i}") for i, latents in enumerate(whole)), "of none")
    pieces = controls.cut(data, 2)
    assert [piece.caption for piece in pieces.clips] == ["caption 0", "caption 0", "caption 1", "caption 1"]
    assert torch.equal(torch.cat([piece.latents for piece in pieces.clips]), torch.cat(whole))
    assert pieces.shape == (2, 4, 2, 2)
