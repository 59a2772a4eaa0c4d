"""Values of another shape in the sockets of numbers: one rule for every node, with the input's name in each refusal."""

import math

import exact
import numpy as np
import pytest
import tiny
import torch
from comfy_api.latest import io
from compare import assert_alike, assert_other

from kinema.nodes import NODES
from kinema.nodes.apply_motion_model import ApplyMotionModelNode
from kinema.nodes.curve_from_floats import CurveFromFloatsNode
from kinema.nodes.inputs.values import Number, OpenFloat, OpenInt, read_value
from kinema.nodes.load_motion_lora import LoadMotionLoraNode
from kinema.sampling.curves.curve import Listed

BOTH = [
    (node, socket) for node in NODES if not (schema := node.define_schema()).is_input_list for socket in schema.inputs
]
NUMBERS = [(node, socket) for node, socket in BOTH if isinstance(socket, Number)]
CURVES = [(node, socket) for node, socket in BOTH if "KINEMA_CURVE" in socket.get_io_type()]


def test_every_input_refuses_what_is_no_number_by_its_name():
    assert len(NUMBERS) > 60 and len(CURVES) > 15
    for node, socket in NUMBERS:
        for wrong in ([1.0, 2.0], "1", None, math.nan, math.inf, np.zeros(3), Listed((1.0,))):
            with pytest.raises(ValueError, match=rf"^{socket.display_name or socket.id} (must be|is)"):
                node.execute(**{socket.id: wrong})
    for node, socket in CURVES:
        for wrong in ([], "1", None, math.nan, [1.0, math.nan], [1.0, "x"], [[1.0], [2.0]], torch.zeros(2, 2), {}):
            with pytest.raises(ValueError, match=rf"^{socket.display_name or socket.id}(, item 1,)? (must be|is)"):
                node.execute(**{socket.id: wrong})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "strength is an empty list, but needs at least one number. Connect a list"),
        ([1.0, math.nan], "strength, item 1, is nan, which is not a finite number. Connect a finite number."),
        ([1.0, "x"], 'strength, item 1, must be a number, but it is the text "x". Connect a number.'),
        (
            [1.0, [2.0]],
            "strength must be a plain list with one number per frame, but item 1 is a list of length 1. Conn",
        ),
        ("1", 'strength must be a number, a curve or a list of numbers, but it is the text "1". Connect one'),
        (None, "strength must be a number, a curve or a list of numbers, but it is empty (None). Connect one"),
    ],
)
def test_refusals_of_a_curve_input_say_what_to_do(wrong, said):
    with pytest.raises(ValueError) as refused:
        LoadMotionLoraNode.execute(None, "none", wrong)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("form", [list, tuple, np.array, torch.tensor], ids=["list", "tuple", "array", "tensor"])
def test_a_list_of_numbers_is_a_curve_over_frames(form):
    (strength,) = (socket for node, socket in CURVES if node is LoadMotionLoraNode)
    assert read_value(strength, form([1.0, 2.0, 5.0])) == Listed((1.0, 2.0, 5.0))
    assert read_value(strength, form([0.5])) == 0.5 and isinstance(read_value(strength, form([0.5])), float)


@pytest.mark.parametrize("scalar", [2, np.float32(2), np.int64(2), np.array(2.0), torch.tensor(2.0)])
def test_scalars_are_numbers(scalar):
    for socket in (io.Float.Input("a"), io.Int.Input("a")):
        read = read_value(socket, scalar)
        assert read == 2 and type(read) is (float if isinstance(socket, io.Float.Input) else int)


def test_numbers_outside_the_range_are_taken_where_the_formula_allows_it():
    ranged = {"default": 1, "min": 1, "max": 5, "tooltip": "."}
    assert [read_value(OpenFloat("a", **ranged), number) for number in (-1, 0.5, 6)] == [-1, 0.5, 6]
    assert read_value(OpenInt("a", **ranged), 6) == 6
    for socket, number, said in (
        (OpenInt("a", **ranged), 0, "a is 0, but must be at least 1. Connect a larger number."),
        (io.Int.Input("a", **ranged), 6, "a is 6, but must be at most 5. Connect a smaller number."),
        (io.Float.Input("a", display_name="b", **ranged), 5.5, "b is 5.5, but must be at most 5."),
        (io.Int.Input("a", **ranged), 2.5, "a must be a whole number, but it is 2.5. Connect a whole number."),
    ):
        with pytest.raises(ValueError, match=said):
            read_value(socket, number)


def test_a_list_samples_as_its_curve_does(tmp_path):
    motion = exact.motion_model(tiny.motion_weights(), tmp_path / "v3_mm.safetensors")
    numbers, image = [0.0, 0.5, 1.0], exact.image_model()

    def sample(strength):
        return tiny.sample(ApplyMotionModelNode.execute(image, motion, strength, "automatic")[0], cfg=1.0)

    listed = sample(torch.tensor(numbers))
    assert_alike(listed, sample(CurveFromFloatsNode.execute(numbers)[0]))
    assert_other(listed, sample(0.0))
