"""What is saved is what was there: for this loader, for diffusers, and for whoever reads while it is written."""

from pathlib import Path

import diffusers
import pytest
import safetensors.torch
import tiny
import torch
from diffusers.loaders.single_file_utils import convert_animatediff_checkpoint_to_diffusers
from families import KINDS

from kinema.motion.load import load_motion_model
from kinema.motion.save import merged_weights, save_motion_model

IN_AUTHORS_KEYS = [
    "mm_sd_v15.ckpt", "mm_sd_v15_v2.ckpt", "v3_sd15_mm.ckpt", "lt_long_mm_16_64_frames_v1.1.ckpt",
    "AnimateLCM_sd15_t2v.ckpt", "mm_sdxl_v10_beta.ckpt", "hsxl_temporal_layers.f16.safetensors",
]  # fmt: skip


def written(kind, tmp_path, **options):
    motion = load_motion_model(tiny.save(kind.make(), tmp_path / kind.file))
    return motion, save_motion_model(motion, tmp_path / "saved" / f"{Path(kind.file).stem}.safetensors", **options)


@pytest.mark.parametrize("name", IN_AUTHORS_KEYS)
def test_the_authors_file_comes_out_again(name, tmp_path):
    _, path = written(KINDS[name], tmp_path)
    original, stored = KINDS[name].make(), safetensors.torch.load_file(path)
    assert stored.keys() == original.keys()
    for key, value in original.items():
        assert torch.allclose(stored[key], value, atol=1e-6 if key.endswith(("pe", "positional_encoding")) else 0)


ONE_OF_EACH = {
    (kind.family, kind.base, kind.frames): name
    for name, kind in KINDS.items()
    if kind.family not in ("pia", "animatelcm_i2v")
}
"""Saved, those of one family and length are alike, however they were laid out before."""


@pytest.mark.parametrize("name", ONE_OF_EACH.values())
def test_every_kind_is_recognised_again(name, tmp_path):
    motion, path = written(KINDS[name], tmp_path)
    again = load_motion_model(path)
    assert again.model.spec == motion.model.spec
    before, after = motion.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("name, label", [("pia.ckpt", "PIA"), ("AnimateLCM_sd15_i2v.ckpt", "AnimateLCM-I2V")])
def test_files_with_more_than_motion_are_refused(name, label, tmp_path):
    with pytest.raises(ValueError, match=f"{label} has parts other than motion modules"):
        written(KINDS[name], tmp_path)


@pytest.mark.parametrize("version", tiny.VERSIONS)
def test_diffusers_loads_the_file(version, tmp_path):
    motion = load_motion_model(tiny.save(tiny.VERSIONS[version](), tmp_path / "mm.safetensors"))
    stored = safetensors.torch.load_file(save_motion_model(motion, tmp_path / "saved.safetensors"))
    adapter = diffusers.MotionAdapter(
        block_out_channels=tiny.SD15_WIDTHS, use_motion_mid_block=version == "v2", motion_max_seq_length=32
    )
    missing, unexpected = adapter.load_state_dict(convert_animatediff_checkpoint_to_diffusers(stored), strict=False)
    assert not unexpected and all(key.endswith("pos_embed.pe") for key in missing)
    place = "down_blocks.0.motion_modules.1"
    theirs = adapter.get_submodule(f"{place}.transformer_blocks.0.attn2.to_v").weight
    ours = motion.model.get_submodule(f"{place}.transformer_blocks.0.attention_blocks.1.to_qkv").weight
    assert torch.equal(theirs, ours.chunk(3)[2])


def test_patches_are_merged_and_nothing_else_changes(tmp_path):
    motion = load_motion_model(tiny.save(tiny.motion_weights(), tmp_path / "mm.safetensors"))
    before = {name: value.clone() for name, value in motion.model.state_dict().items()}
    key = "up_blocks.1.motion_modules.0.transformer_blocks.0.attention_blocks.0.to_qkv.weight"
    change = torch.randn(64, 64, generator=tiny.generator(1))
    patched = motion.clone()
    patched.add_patches({(key, (0, 64, 64)): (change,)}, 0.5)  # to_k
    path = save_motion_model(patched, tmp_path / "saved.safetensors")
    assert all(torch.equal(value, before[name]) for name, value in motion.model.state_dict().items())
    again = load_motion_model(path).model.state_dict()
    assert torch.allclose(again[key][64:128], before[key][64:128] + 0.5 * change, atol=1e-6)
    assert torch.equal(again[key][:64], before[key][:64]) and torch.equal(again[key][128:], before[key][128:])
    assert all(torch.equal(again[name], before[name]) for name in before if name != key)


def test_merged_weights_ignore_what_another_clone_has_loaded(tmp_path):
    motion = load_motion_model(tiny.save(tiny.motion_weights(), tmp_path / "mm.safetensors"))
    before = {name: value.clone() for name, value in motion.model.state_dict().items()}
    other = motion.clone()
    key = "up_blocks.1.motion_modules.0.proj_in.weight"
    other.add_patches({key: (torch.ones(64, 64),)}, 1.0)
    other.patch_model()
    assert not torch.equal(motion.model.state_dict()[key], before[key])
    assert all(torch.equal(value, before[name]) for name, value in merged_weights(motion).items())
    other.unpatch_model()


def test_number_format_and_metadata(tmp_path):
    _, path = written(KINDS["v3_sd15_mm.ckpt"], tmp_path, dtype=torch.float16, metadata={"steps": "7"})
    with safetensors.safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt", "motion_family": "v3", "steps": "7"}
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118


def test_the_file_is_as_readable_as_any_other(tmp_path):
    _, path = written(KINDS["v3_sd15_mm.ckpt"], tmp_path)
    (tmp_path / "any").touch()
    assert path.stat().st_mode == (tmp_path / "any").stat().st_mode


def test_another_ending_is_refused(tmp_path):
    motion = load_motion_model(tiny.save(tiny.motion_weights(), tmp_path / "mm.safetensors"))
    with pytest.raises(ValueError, match=r'"mm.ckpt" does not end in .safetensors'):
        save_motion_model(motion, tmp_path / "mm.ckpt")


def test_a_failed_write_leaves_what_was_there(tmp_path):
    motion = load_motion_model(tiny.save(tiny.motion_weights(), tmp_path / "mm.safetensors"))
    (tmp_path / "there.safetensors").mkdir()  # so that the last step fails
    with pytest.raises(OSError):
        save_motion_model(motion, tmp_path / "there.safetensors")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mm.safetensors", "there.safetensors"]
