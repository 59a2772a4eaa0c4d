import json
import logging

import diffusers
import peft
import pytest
import safetensors.torch
import tiny
import torch
from compare import MODULE, assert_alike
from loras import PARTS, RANK, merged, module_outputs, official, outputs_now

from kinema.motion.files import MotionFileError
from kinema.motion.load import load_motion_model
from kinema.motion.lora import load_motion_lora


def as_diffusers(key):
    for ours, theirs in (
        (".temporal_transformer", ""),
        (".attention_blocks.0", ".attn1"),
        (".attention_blocks.1", ".attn2"),
    ):
        key = key.replace(ours, theirs)
    return key


def as_peft(key):
    key = "unet." + as_diffusers(key).replace(".processor.", ".").replace("to_out_lora", "to_out.0_lora")
    return key.replace("_lora.down", ".lora_A").replace("_lora.up", ".lora_B")


def as_kohya(key):
    stem, role = key.replace(".processor.", ".").replace("to_out_lora", "to_out.0_lora").split("_lora.")
    return f"lora_unet_{stem.replace('.', '_')}.lora_{role}"


LAYOUTS = {
    "official": lambda key: key,
    "training checkpoint": lambda key: f"module.{key}",
    "diffusers": lambda key: "unet." + as_diffusers(key),
    "peft": as_peft,
    "kohya": as_kohya,
}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for place in a:
        assert_alike(a[place], b[place], within=MODULE)


@pytest.fixture(scope="module")
def weights():
    return tiny.motion_weights(mid=True, seed=1)


@pytest.fixture(scope="module")
def motion(weights, tmp_path_factory):
    return load_motion_model(tiny.save(weights, tmp_path_factory.mktemp("motion") / "mm.safetensors"))


@pytest.fixture(scope="module")
def plain(motion):
    """What the modules of `motion` answer."""
    return module_outputs(motion)


@pytest.mark.parametrize("layout, strength", [("official", -1.0), *((layout, 0.7) for layout in LAYOUTS)])
def test_equals_merged_weights(layout, strength, weights, motion, plain, tmp_path):
    lora = official()
    path = tiny.save({LAYOUTS[layout](k): v for k, v in lora.items()}, tmp_path / "lora.safetensors")
    expected = load_motion_model(tiny.save(merged(weights, lora, strength), tmp_path / "merged.safetensors"))
    before = {k: v.clone() for k, v in motion.model.state_dict().items()}
    assert_same(module_outputs(load_motion_lora(motion, path, strength)), module_outputs(expected))
    assert_same(module_outputs(motion), plain)
    assert all(torch.equal(v, before[k]) for k, v in motion.model.state_dict().items())


@pytest.mark.parametrize("names, up", [(as_kohya, "lora_up.weight"), (as_peft, "lora_B.weight")])
def test_alpha_scales(names, up, weights, motion, tmp_path):
    lora = official()
    file = {names(k): v for k, v in lora.items()}
    file |= {k.replace(up, "alpha"): torch.tensor(2.0) for k in file if k.endswith(up)}
    path = tiny.save(file, tmp_path / "lora.safetensors")
    expected = load_motion_model(tiny.save(merged(weights, lora, 1.0, scale=2 / RANK), tmp_path / "merged.safetensors"))
    assert_same(module_outputs(load_motion_lora(motion, path, 1.0)), module_outputs(expected))


@pytest.mark.parametrize("rank_stabilised", [False, True])
def test_a_file_that_diffusers_and_peft_wrote(rank_stabilised, weights, motion, tmp_path):
    """They note alpha in the file's metadata only, and one of its own for some layers."""
    adapter = diffusers.MotionAdapter(block_out_channels=tiny.SD15_WIDTHS, use_motion_mid_block=True)
    config = peft.LoraConfig(
        r=RANK, lora_alpha=2, alpha_pattern={"attn2.to_v": 6}, use_rslora=rank_stabilised, init_lora_weights=False,
        target_modules=["to_q", "to_k", "to_v", "to_out.0"],
    )  # fmt: skip
    layers = peft.inject_adapter_in_model(config, adapter)
    tensors = peft.get_peft_model_state_dict(layers)
    noted = {"lora_adapter_metadata": json.dumps({k: v for k, v in config.to_dict().items() if k in NOTED})}
    path = tmp_path / "pytorch_lora_weights.safetensors"
    safetensors.torch.save_file({f"unet.{k}": t.contiguous() for k, t in tensors.items()}, path, noted)
    expected = dict(weights)
    for name, module in layers.named_modules():
        if isinstance(module, peft.tuners.lora.LoraLayer):
            expected[from_diffusers(name)] = expected[from_diffusers(name)] + module.get_delta_weight("default")
    reference = load_motion_model(tiny.save(expected, tmp_path / "merged.safetensors"))
    assert_same(module_outputs(load_motion_lora(motion, path, 1.0)), module_outputs(reference))


NOTED = ("r", "lora_alpha", "alpha_pattern", "use_rslora")


def from_diffusers(name):
    place, rest = name.split(".transformer_blocks.0.")
    for theirs, ours in (("attn1", "attention_blocks.0"), ("attn2", "attention_blocks.1")):
        rest = rest.replace(theirs, ours)
    return f"{place}.temporal_transformer.transformer_blocks.0.{rest}.weight"


@pytest.mark.parametrize("part", [0.0, 0.5])
def test_a_motion_model_that_is_loaded_in_part(part, weights, plain, tmp_path):
    """Where memory is short the host leaves layers that do not fit elsewhere, and casts and patches them in every call."""
    motion = load_motion_model(tiny.save(weights, tmp_path / "mm.safetensors"))
    lora = official()
    zoom = load_motion_lora(motion, tiny.save(lora, tmp_path / "lora.safetensors"), 0.7)
    expected = load_motion_model(tiny.save(merged(weights, lora, 0.7), tmp_path / "merged.safetensors"))
    zoom.patch_model(torch.device("cpu"), lowvram_model_memory=1 + int(part * motion.model_size()))
    assert zoom.model.model_lowvram and zoom.model.lowvram_patch_counter > 0
    outputs = outputs_now(zoom)
    zoom.detach()
    assert_same(outputs, module_outputs(expected))
    assert_same(module_outputs(motion), plain)


def test_several_add_up(weights, motion, tmp_path):
    loras = [official(seed=s) for s in (1, 2)]
    paths = [tiny.save(lora, tmp_path / f"{i}.safetensors") for i, lora in enumerate(loras)]
    both = merged(merged(weights, loras[0], 0.5), loras[1], 0.8)
    expected = load_motion_model(tiny.save(both, tmp_path / "merged.safetensors"))
    patched = load_motion_lora(load_motion_lora(motion, paths[0], 0.5), paths[1], 0.8)
    assert_same(module_outputs(patched), module_outputs(expected))


def test_mid_block_is_skipped_where_the_motion_model_has_none(tmp_path, caplog):
    weights = tiny.motion_weights()
    motion = load_motion_model(tiny.save(weights, tmp_path / "mm.safetensors"))
    lora = official(mid=True)
    with caplog.at_level(logging.WARNING):
        patched = load_motion_lora(motion, tiny.save(lora, tmp_path / "lora.ckpt"), 1.0)
    assert not caplog.records
    expected = load_motion_model(tiny.save(merged(weights, lora, 1.0), tmp_path / "merged.safetensors"))
    assert_same(module_outputs(patched), module_outputs(expected))


def test_other_keys_are_reported(motion, tmp_path, caplog):
    path = tiny.save(
        {**official(), "down_blocks.0.attentions.0.surprise": torch.zeros(1)}, tmp_path / "lora.safetensors"
    )
    with caplog.at_level(logging.WARNING):
        load_motion_lora(motion, path, 1.0)
    assert 'were ignored (1): "down_blocks.0.attentions.0.surprise"' in caplog.text


def refuse(motion, path, text):
    with pytest.raises(MotionFileError, match=text):
        load_motion_lora(motion, path, 1.0)


def domain_adapter():
    """v3_sd15_adapter's 256 keys: LoRA of the spatial attentions."""
    blocks = {f"down_blocks.{i}.attentions.{j}": w for i, w in enumerate((32, 64, 64)) for j in range(2)}
    blocks |= {f"up_blocks.{i}.attentions.{j}": w for i, w in ((1, 64), (2, 64), (3, 32)) for j in range(3)}
    blocks["mid_block.attentions.0"] = 64
    lora, random = {}, tiny.generator(0)
    for block, width in blocks.items():
        for attention in ("attn1", "attn2"):
            for part in PARTS:
                context = tiny.CONTEXT if attention == "attn2" and part in ("to_k", "to_v") else width
                stem = f"{block}.transformer_blocks.0.{attention}.processor.{part}_lora"
                lora[f"{stem}.down.weight"] = torch.randn(RANK, context, generator=random)
                lora[f"{stem}.up.weight"] = torch.randn(width, RANK, generator=random)
    return lora


def test_wrong_files_are_refused_with_the_node_to_use(motion, tmp_path):
    refuse(
        motion,
        tiny.save(domain_adapter(), tmp_path / "v3_sd15_adapter.ckpt"),
        "is a LoRA for the image model.*Load LoRA, on the MODEL",
    )
    wide = official(widths=(32, 64, 96, 96))
    refuse(
        motion,
        tiny.save(wide, tmp_path / "wide.safetensors"),
        r"it changes weights of shape \[96, 96\], but the motion model has \[64, 64\]",
    )


def test_domain_adapter_reaches_the_unet_through_the_hosts_loader():
    import comfy.sd

    adapter = domain_adapter()
    assert len(adapter) == 256
    patched, _ = comfy.sd.load_lora_for_models(tiny.image_model(), None, adapter, 1.0, 0.0)
    assert len(patched.patches) == 128  # each with its up and its down


def test_odd_layers_and_halves_are_reported_by_name(motion, tmp_path, caplog):
    place = "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0"
    odd = [f"{place}.attention_blocks.5.processor.to_q_lora.up.weight", f"{place}.norms.0.lora_up.weight"]
    half = "up_blocks.3.motion_modules.2.temporal_transformer.transformer_blocks.0.ff.net.2.lora_up.weight"
    file = {**official(), half: torch.zeros(32, 4), **{key: torch.zeros(4, 4) for key in odd}}
    load_motion_lora(motion, tiny.save(file, tmp_path / "lora.safetensors"), 1.0)
    assert "were ignored (3)" in caplog.text and all(f'"{key}"' in caplog.text for key in (half, *odd))


@pytest.mark.parametrize(
    "damage, text",
    [
        (lambda t: torch.full_like(t, float("nan")), "contains numbers that are not finite"),
        (lambda t: t.to(torch.int8), "contains numbers that are not finite"),
        (lambda t: t.flatten(), "does not fit this motion model"),
        (lambda t: t[0, 0].clone(), "does not fit this motion model"),
    ],
)
def test_damaged_loras_are_refused(damage, text, motion, tmp_path):
    lora = official()
    key = next(key for key in lora if key.endswith("to_v_lora.up.weight"))
    refuse(motion, tiny.save({**lora, key: damage(lora[key])}, tmp_path / "lora.safetensors"), text)


def test_an_alpha_that_is_no_number_is_refused(motion, tmp_path):
    lora = official()
    key = next(key for key in lora if key.endswith("to_v_lora.up.weight")).removesuffix("_lora.up.weight") + ".alpha"
    for i, alpha in enumerate((float("nan"), float("inf"))):
        path = tiny.save({**lora, key: torch.tensor(alpha)}, tmp_path / f"{i}.safetensors")
        refuse(motion, path, "contains numbers that are not finite at .*to_v")
