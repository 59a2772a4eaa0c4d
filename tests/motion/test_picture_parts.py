"""What the files of PIA and AnimateLCM-I2V have for pictures: kept, checked and named in messages."""

import math

import families
import pytest
import tiny
import torch

from kinema.motion.files import MotionFileError
from kinema.motion.load import load_motion_model, unshared
from kinema.motion.lora import load_motion_lora
from kinema.motion.picture_parts import picture_template
from tools import fuzz
from tools.fuzz.mutants import mutants

PIA = "conv_in.weight"
SD15 = (320, 640, 1280, 1280)


def load(weights, folder, name="file.safetensors", **more):
    return load_motion_model(tiny.save({k: w.contiguous() for k, w in weights.items()}, folder / name), **more)


def test_pia_keeps_the_channels_of_mask_and_picture(tmp_path):
    weights = families.pia()
    model = load(weights, tmp_path).model
    assert model.spec.picture == "mask+picture" and model.spec.level_widths == tiny.SD15_WIDTHS
    assert torch.equal(model.conv_in.weight, weights[PIA][:, 4:]) and model.conv_in.bias is None


def test_i2v_keeps_its_encoder(tmp_path):
    weights = families.lcm_i2v()
    model = load(weights, tmp_path).model
    assert model.spec.picture == "encoder"
    encoder = {f"img_encoder.{name}": weight for name, weight in model.img_encoder.state_dict().items()}
    expected = {name: weight for name, weight in weights.items() if name.startswith("img_encoder.")}
    assert encoder.keys() == expected.keys()
    assert all(torch.equal(encoder[name], expected[name]) for name in expected)


def test_published_sizes():
    shapes = picture_template("encoder", SD15)
    assert len(shapes) == 38 and sum(math.prod(shape) for shape in shapes.values()) == 76_827_840
    assert shapes["img_encoder.body.4.in_conv.weight"] == (1280, 640, 1, 1)
    assert picture_template("mask+picture", SD15) == {PIA: (320, 9, 3, 3)}


def prefixed(weights):
    return {"state_dict": families.rename(weights, prefix="module.")}


def next_to_an_optimizer(weights):
    state = {number: {"exp_avg": torch.zeros(3)} for number in range(2)}
    return {"epoch": 3, "state_dict": weights, "optimizer": {"state": state, "param_groups": [{"lr": 1e-4}]}}


def without_tables(weights):
    return {key: weight for key, weight in weights.items() if not key.endswith(".pe")}


@pytest.mark.parametrize("make", [families.pia, families.lcm_i2v])
@pytest.mark.parametrize("layout", [prefixed, families.diffusers_layout, next_to_an_optimizer, without_tables])
def test_other_layouts(make, layout, tmp_path):
    plain = load(make(), tmp_path, "plain.ckpt").model
    torch.save(layout(make()), tmp_path / "other.ckpt")
    other = load_motion_model(tmp_path / "other.ckpt").model
    assert plain.spec.picture == other.spec.picture != "none"
    mine, theirs = plain.state_dict(), other.state_dict()
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_a_training_checkpoint_of_pia_with_the_whole_unet(tmp_path):
    weights = {**families.whole_unet(), **families.pia()}
    assert load(weights, tmp_path).model.spec.picture == "mask+picture"
    assert load(families.whole_unet(), tmp_path).model.spec.picture == "none"


def test_what_the_authors_class_saves_beside_the_weights_is_dropped(tmp_path):
    tables = {"img_encoder.pos_encoder.pos_encoding": torch.zeros(1, 64, 32)}
    assert load({**families.lcm_i2v(), **tables}, tmp_path).model.spec.picture == "encoder"
    without_bias = {key: weight for key, weight in families.pia().items() if key != "conv_in.bias"}
    assert load(without_bias, tmp_path).model.spec.picture == "mask+picture"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype, tmp_path):
    i2v = {key: weight.to(dtype) for key, weight in families.lcm_i2v().items()}
    name = "img_encoder.body.7.block1.weight"
    assert torch.equal(load(i2v, tmp_path).model.state_dict()[name].float(), i2v[name].float())
    pia = {key: weight.to(dtype) for key, weight in families.pia().items()}
    assert torch.equal(load(pia, tmp_path).model.conv_in.weight.float(), pia[PIA][:, 4:].float())


def changed(make, key, weight):
    weights = {**make(), key: weight}
    return {key: weight for key, weight in weights.items() if weight is not None}


ENCODER = "img_encoder.body.3.block2.weight"
WRONG = {
    "channels": (families.pia, PIA, torch.zeros(32, 8, 3, 3), 'has shape .32, 8, 3, 3., but .32, 9, 3, 3. is needed'),
    "width": (families.pia, PIA, torch.zeros(64, 9, 3, 3), 'has shape .64, 9, 3, 3., but .32, 9, 3, 3. is needed'),
    "no weight": (families.pia, PIA, None, 'is incomplete: it lacks "conv_in.weight"'),
    "no block": (families.lcm_i2v, ENCODER, None, f'is incomplete: it lacks "{ENCODER}"'),
    "unknown": (families.lcm_i2v, "img_encoder.head.weight", torch.zeros(3), 'no known motion model has: "img_encoder.head'),
    "numbers": (families.lcm_i2v, ENCODER, torch.zeros(64, 64, 1, 1).int(), "contains int32 numbers, not weights"),
    "not finite": (
        families.lcm_i2v, ENCODER, torch.full((64, 64, 1, 1), torch.nan), 'in 1 of its modules, first in "img_encoder"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_damaged_parts_are_named(case, tmp_path):
    make, key, weight, said = WRONG[case]
    with pytest.raises(MotionFileError, match=said):
        load(changed(make, key, weight), tmp_path)


@pytest.mark.parametrize("make", [families.pia, families.lcm_i2v])
def test_damaged_and_harmful_files(make, tmp_path):
    proof, weights = tmp_path / "proof", make()
    problems = [
        (mutant.name, mutant.how, problem)
        for mutant in mutants(0, 15, proof, lambda: weights)
        if (problem := fuzz.survives(mutant, tmp_path, proof, load_motion_model))
    ]
    assert not problems


def test_another_kind_that_is_set_leaves_them_out(tmp_path):
    assert load(families.pia(), tmp_path, family="v3").model.spec.picture == "none"
    assert load(tiny.motion_weights(), tmp_path, family="pia").model.spec.picture == "none"


@pytest.mark.parametrize("make", [families.pia, families.lcm_i2v])
def test_a_copy_with_other_loras_has_them_too(make, tmp_path):
    motion = load(make(), tmp_path)
    zoom = load_motion_lora(motion, tiny.save(tiny.motion_lora(mid=False), tmp_path / "zoom.safetensors"), 1.0)
    copy = unshared(zoom, [motion])
    assert copy.model is not motion.model
    mine, theirs = motion.model.state_dict(), copy.model.state_dict()
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_the_note_names_the_node(tmp_path, caplog):
    load(families.pia(), tmp_path, "pia.ckpt")
    assert '"pia.ckpt": it is an image-to-video model. Give it a picture with Animate Picture' in caplog.text
