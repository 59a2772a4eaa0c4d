"""Files in the layouts that people have, and files that are something else."""

import math

import diffusers
import pytest
import safetensors.torch
import sparse
import tiny
import torch

from kinema.motion.files import MotionFileError, TensorInfo
from kinema.motion.sparsectrl import check_spatial, detect_sparsectrl
from kinema.sampling.sparsectrl.sparse_model import build_network, load_sparsectrl

SCRIBBLE = sparse.weights("scribble")
RGB = sparse.weights("rgb")
WHOLE = {"scribble": SCRIBBLE, "rgb": RGB}


def plain(condition, path):
    return tiny.save(WHOLE[condition], path.with_suffix(".safetensors"))


def nested(condition, path):
    """As the authors save: next to the state of the optimizer."""
    optimizer = {"state": {0: {"step": torch.ones(1)}}}
    torch.save({"controlnet": WHOLE[condition], "epoch": 3, "optimizer": optimizer}, path)
    return path


def of_several_gpus(condition, path):
    torch.save({"state_dict": {f"module.{key}": weight for key, weight in WHOLE[condition].items()}}, path)
    return path


def with_settings(condition, path):
    settings = {"use_motion_module": True, "motion_module_mid_block": False}
    torch.save({**WHOLE[condition], "animatediff_config": settings}, path)
    return path


def prefixed(condition, path):
    weights = {f"controlnet.{key}": weight for key, weight in WHOLE[condition].items()}
    return tiny.save(weights, path.with_suffix(".safetensors"))


def of_diffusers(condition, path):
    return tiny.save(sparse.diffusers_weights(condition), path.with_suffix(".safetensors"))


def without_positions(condition, path):
    weights = {key: weight for key, weight in WHOLE[condition].items() if not key.endswith(".pe")}
    return tiny.save(weights, path.with_suffix(".safetensors"))


LAYOUTS = (nested, of_several_gpus, with_settings, prefixed, of_diffusers, without_positions)


def same(model, other):
    for mine, theirs in ((model.network, other.network), (model.motion, other.motion)):
        weights = theirs.model.state_dict()
        assert mine.model.state_dict().keys() == weights.keys()
        assert all(torch.equal(weight, weights[key]) for key, weight in mine.model.state_dict().items())


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The plain files, loaded."""
    folder = tmp_path_factory.mktemp("e")
    return {condition: load_sparsectrl(plain(condition, folder / f"{condition}.ckpt")) for condition in WHOLE}


CASES = [*((layout, "scribble") for layout in LAYOUTS), (of_diffusers, "rgb")]


@pytest.mark.parametrize(("layout", "condition"), CASES, ids=lambda part: getattr(part, "__name__", part))
def test_every_layout_is_the_same_model(layout, condition, expected, tmp_path):
    model = load_sparsectrl(layout(condition, tmp_path / "sparse.ckpt"))
    assert model.condition == condition
    assert model.motion.model.spec.max_frames == 32 and model.motion.model.spec.attentions == 1
    same(model, expected[condition])


def test_half_precision(expected, tmp_path):
    half = load_sparsectrl(tiny.save({key: weight.half() for key, weight in RGB.items()}, tmp_path / "s.safetensors"))
    whole = expected["rgb"].network.model.state_dict()
    for key, weight in half.network.model.state_dict().items():
        assert torch.allclose(weight.float(), whole[key], rtol=1e-3, atol=1e-3)


def test_any_width(tmp_path):
    widths = (64, 128, 192, 192)
    model = load_sparsectrl(tiny.save(sparse.weights("rgb", widths=widths, context=48), tmp_path / "s.safetensors"))
    assert model.network.model.model_channels == 64 and model.condition == "rgb"
    assert [width for _, width in model.motion.model.spec.modules] == [width for width in widths for _ in range(2)]


def test_the_number_of_heads_is_in_the_metadata_or_eight(tmp_path):
    file = tmp_path / "s.safetensors"
    assert load_sparsectrl(tiny.save(RGB, file)).network.model.num_heads == 8
    safetensors.torch.save_file(RGB, file, {"num_attention_heads": "4"})
    assert load_sparsectrl(file).network.model.num_heads == 4


@pytest.mark.parametrize(("condition", "spatial"), [("rgb", 360_207_360), ("scribble", 361_279_264)])
def test_the_published_files_in_full_width(condition, spatial):
    """Without their numbers: 2 GB each."""
    rgb = condition == "rgb"
    with torch.device("meta"):
        model = diffusers.SparseControlNetModel(
            conditioning_channels=4 if rgb else 3, use_simplified_condition_embedding=rgb
        )
    header = {
        sparse.published(key): TensorInfo(tuple(value.shape), torch.float32)
        for key, value in model.state_dict().items()
    }
    spec = detect_sparsectrl(header, {}, "v3.ckpt")
    network = build_network(spec.network, spec.condition, torch.float32)
    check_spatial(spec, header, network.state_dict(), "v3.ckpt")
    assert spec.condition == condition and len(spec.spatial) + len(spec.modules) == len(header)
    assert sum(weight.numel() for weight in network.state_dict().values()) == spatial
    motion = [header[file_key].shape for key, file_key in spec.modules.items() if not key.endswith(".pe")]
    assert sum(map(math.prod, motion)) == 136_523_520


def without(*starts):
    return {key: weight for key, weight in SCRIBBLE.items() if not key.startswith(starts)}


RESNET = "down_blocks.0.resnets.0.conv1.weight"
NORM = "mid_block.resnets.0.norm1.bias"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (without("controlnet_mid_block"), 'is incomplete: it lacks "controlnet_mid_block.weight". Download it again'),
        (without("time_embedding.linear_2.bias"), 'is incomplete: it lacks "time_embedding.linear_2.bias"'),
        (without("conv_in"), 'is incomplete: it lacks a usable "conv_in.weight"'),
        (without("down_blocks.1.motion_modules.0"), 'is incomplete: it lacks "down_blocks.1.motion_modules.0"'),
        (without("down_blocks.3"), 'has a key that no SparseCtrl model has: "controlnet_down_blocks.10.bias"'),
        ({**SCRIBBLE, "style.weight": torch.zeros(2)}, 'has a key that no SparseCtrl model has: "style.weight"'),
        ({**SCRIBBLE, NORM: torch.zeros(7)}, r'"mid_block.resnets.0.norm1.bias" has shape \[7\], but \[64\] is needed'),
        ({**SCRIBBLE, NORM: torch.zeros(64, dtype=torch.int64)}, 'norm1.bias" contains int64 numbers, not weights'),
        ({**SCRIBBLE, NORM: torch.full((64,), torch.nan)}, "not finite .NaN. in 1 of its weights, first in .mid_block"),
        (
            {**SCRIBBLE, "controlnet_cond_embedding.conv_in.weight": torch.zeros(16, 7, 3, 3)},
            "takes pictures of 7 channels, but a SparseCtrl model for scribble takes 4",
        ),
        (
            {**SCRIBBLE, RESNET: torch.zeros(48, 32, 3, 3)},
            "of 48 channels, .* divisible by 32, by the model.s 8 attention heads and by the first level.s 32 channels",
        ),
    ],
)  # fmt: skip
def test_incomplete_and_damaged_files(file, message, tmp_path):
    with pytest.raises(MotionFileError, match=message):
        load_sparsectrl(tiny.save(file, tmp_path / "s.safetensors"))


@pytest.mark.parametrize("heads", ["0", "-4", "many", "5"])
def test_an_impossible_number_of_heads(heads, tmp_path):
    safetensors.torch.save_file(RGB, tmp_path / "s.safetensors", {"num_attention_heads": heads})
    with pytest.raises(MotionFileError, match="attention heads"):
        load_sparsectrl(tmp_path / "s.safetensors")
