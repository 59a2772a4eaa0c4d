"""Adjusted motion models: their position tables and weights by the formula, and what cannot take them in."""

import exact
import pytest
import tiny
import torch

from kinema.motion.adjust import PARTS, PositionAdjustment, WeightAdjustment, adjusted
from kinema.motion.load import load_motion_model
from kinema.motion.merge import merge_motion_models
from kinema.motion.positions import PositionRule
from kinema.motion.save import merged_weights, save_motion_model, unfuse, without_patches
from kinema.nodes.adjust_motion_model import AdjustMotionModelNode
from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import added, attach
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.training.learner import start_from

SAME, WHOLE = PositionAdjustment(), WeightAdjustment()
TABLE = torch.arange(4.0)[:, None]


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    return load_motion_model(tiny.save(tiny.motion_weights(), tmp_path_factory.mktemp("mm") / "v3.safetensors"))


POSITIONS = {
    SAME: [0, 1, 2, 3],
    PositionAdjustment(length=8): [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3],
    PositionAdjustment(stretch=4): [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3],
    PositionAdjustment(cap=2, length=4): [0, 0.25, 0.75, 1],
    PositionAdjustment(initial_offset=1, cap=2): [1, 2],
    PositionAdjustment(stretch=4, initial_offset=2, cap=4, length=2, final_offset=1): [2],
}


@pytest.mark.parametrize("adjustment", POSITIONS, ids=str)
def test_position_tables(adjustment):
    assert adjustment.of(TABLE)[:, 0].tolist() == POSITIONS[adjustment]


def test_adjustments_act_one_after_the_other(motion):
    capped = adjusted(motion, PositionAdjustment(cap=16), WHOLE)
    both = adjusted(capped, PositionAdjustment(length=18), WeightAdjustment("positions", multiply=2.0))
    rule = (
        attach(tiny.image_model(), both, Applied()).model_options["transformer_options"]["kinema"].motions[0].positions
    )
    table = tiny.sinusoid(32, 64)
    expected = torch.nn.functional.interpolate(table[:16].T[None], size=18, mode="linear")[0].T * 2
    torch.testing.assert_close(rule.rows(table, 18), expected)
    assert rule.length(32) == 18 and attach(tiny.image_model(), motion, Applied()) is not None


def _is_adjusted(part, name):
    """Which of the file's weights belong to a part, by their names there."""
    ends = {"queries": "to_q.weight", "keys": "to_k.weight", "values": "to_v.weight",
            "output weights": "to_out.0.weight", "output biases": "to_out.0.bias"}  # fmt: skip
    inside = ".attention_blocks." in name
    whole = {"all": True, "positions": False, "attention": inside, "other": not inside}
    return whole[part] if part in whole else name.endswith(ends[part])


@pytest.mark.parametrize("part", PARTS)
def test_weights_of_a_part(motion, part):
    before = unfuse(motion.model.state_dict())
    changed = adjusted(motion, SAME, WeightAdjustment(part, 0.25, -1.5))
    after = unfuse(merged_weights(changed))
    for name, weight in before.items():
        expected = (weight + 0.25) * -1.5 if _is_adjusted(part, name) else weight
        torch.testing.assert_close(after[name], expected, atol=1e-6, rtol=1e-6)
    assert unfuse(motion.model.state_dict()).keys() == after.keys()


def test_weights_in_a_run(tmp_path):
    """All weights of a file multiplied by hand, and by the node; and left as they are, bit by bit."""
    weights = tiny.motion_weights()
    by_hand = {key: weight * 1.25 for key, weight in weights.items() if not key.endswith(".pe")}
    plain = exact.motion_model(weights, tmp_path / "plain.safetensors")
    larger = exact.motion_model(weights | by_hand, tmp_path / "larger.safetensors")
    model = exact.image_model()

    def sampled(motion):
        return tiny.sample(attach(model, motion, Applied()), steps=1, cfg=1.0)

    expected = sampled(larger)
    table = adjusted(plain, SAME, WeightAdjustment("positions", multiply=1 / 1.25))
    found = sampled(adjusted(table, SAME, WeightAdjustment("all", multiply=1.25)))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
    assert torch.equal(sampled(adjusted(plain, SAME, WHOLE)), sampled(plain))


def test_the_length_of_the_table_is_the_limit(motion):
    model = tiny.image_model()
    longer = attach(model, adjusted(motion, PositionAdjustment(stretch=8), WHOLE), Applied())
    tiny.sample(longer, frames=16, size=4, steps=1)
    short = attach(model, adjusted(motion, PositionAdjustment(cap=6), WHOLE), Applied())
    assert torch.isfinite(tiny.sample(short, frames=8, size=4, steps=1)).all()  # in windows of 6
    with pytest.raises(
        ValueError, match=r'"v3.safetensors" has 6 positional encodings, but 8 frames are sampled at once'
    ):
        tiny.sample(added(short, windows=ContextWindows(WindowSpec(8, 2))), frames=8, size=4, steps=1)


REFUSED = {
    "a motion model file": lambda motion, folder: save_motion_model(motion, folder / "saved.safetensors"),
    "a merge": lambda motion, folder: merge_motion_models(without_patches(motion), motion, 0.5, 0.5, 0.5),
    "training": lambda motion, folder: start_from(motion),
}


def test_what_cannot_take_adjusted_positions_in(motion, tmp_path):
    changed = adjusted(motion, SAME, WeightAdjustment("all", multiply=1.01))
    for what, doing in REFUSED.items():
        with pytest.raises(
            ValueError,
            match=rf'The positional encodings of "v3.safetensors" were adjusted, which {what} does not support',
        ):
            doing(changed, tmp_path)
    save_motion_model(without_patches(changed), tmp_path / "saved.safetensors")


def test_adjusted_positions_do_not_go_on_by_the_formula(motion):
    with pytest.raises(ValueError, match=r'beyond_table is "extend".*those of "v3.safetensors" were adjusted'):
        longer = adjusted(motion, PositionAdjustment(stretch=1), WHOLE)
        attach(tiny.image_model(), longer, Applied(positions=PositionRule("extend")))


def test_too_few_positions_are_refused(motion):
    with pytest.raises(
        ValueError, match=r'Of the 32 positional encodings of "v3.safetensors", 1 would be left.*needs at least 2'
    ):
        AdjustMotionModelNode.execute(motion, initial_offset=31)


def test_files_without_positions_keep_the_formulas(screen, tmp_path):
    weights = {key: weight for key, weight in tiny.motion_weights(mid=True).items() if not key.endswith(".pe")}
    motion = load_motion_model(tiny.save(weights, tmp_path / "lcm.safetensors"))
    changed = AdjustMotionModelNode.execute(motion, stretch=3)[0]
    rule = (
        attach(tiny.image_model(), changed, Applied())
        .model_options["transformer_options"]["kinema"]
        .motions[0]
        .positions
    )
    assert rule.length(64) == 64
    assert screen.text == '"lcm.safetensors" stores no positional encodings, so there are none to change.'
