"""Animate Picture: what it notes on the motion model, and what it says of inputs that do not act."""

import families
import pytest
import tiny
import torch

from kinema.motion.load import load_motion_model
from kinema.motion.picture_parts import PICTURE_ATTACHMENT
from kinema.nodes.animate_picture import AnimatePictureNode
from kinema.sampling.curves.curve import Listed
from kinema.sampling.modules.applied import Applied
from kinema.sampling.pictures.animated_picture import AnimatedPicture
from kinema.sampling.run.animation import animation_of
from kinema.sampling.run.attach import attach

ONE, THREE = torch.rand(1, 16, 24, 3), torch.rand(3, 16, 24, 3)
CURVE = Listed((1.0, 0.5))


@pytest.fixture(scope="module")
def pia(tmp_path_factory):
    return load_motion_model(tiny.save(families.pia(), tmp_path_factory.mktemp("m") / "pia.ckpt"))


@pytest.fixture(scope="module")
def i2v(tmp_path_factory):
    return load_motion_model(tiny.save(families.lcm_i2v(), tmp_path_factory.mktemp("m") / "AnimateLCM_sd15_i2v.ckpt"))


def test_the_picture_goes_with_a_clone_into_the_application(pia, screen):
    vae = object()
    animated = AnimatePictureNode.execute(pia, ONE, vae, CURVE, "large loop", -1)[0]
    picture = animated.get_attachment(PICTURE_ATTACHMENT)
    assert pia.get_attachment(PICTURE_ATTACHMENT) is None and animated.model is pia.model
    assert picture.pictures is ONE and picture.vae is vae and picture.strength is CURVE
    assert (picture.motion, picture.frame, picture.affinity, picture.drift) == ("large loop", -1, None, 0.8)
    assert screen.text == ""
    applied = animation_of(attach(tiny.image_model(), animated, Applied()).model_options).motions[0]
    assert applied.picture is picture


def test_defaults_are_those_of_the_schema(pia, screen):
    picture = AnimatePictureNode.execute(pia, ONE, None, 1.0)[0].get_attachment(PICTURE_ATTACHMENT)
    default = AnimatedPicture(ONE, None)
    for name in ("strength", "motion", "frame", "affinity", "drift"):
        assert getattr(picture, name) == getattr(default, name)
    schema = {one.id: one for one in AnimatePictureNode.define_schema().inputs}
    assert (schema["motion"].default, schema["frame"].default, schema["drift"].default) == ("small", 0, 0.8)


def test_a_list_of_numbers_is_a_curve(pia, screen):
    animated = AnimatePictureNode.execute(pia, ONE, None, 1.0, affinity=[1.0, 0.5])[0]
    assert animated.get_attachment(PICTURE_ATTACHMENT).affinity == CURVE


SAID = {
    "drift for PIA": ("pia", ONE, {"drift": 0.5}, "drift has no effect: it is only for AnimateLCM-I2V, but the"),
    "pictures for PIA": ("pia", THREE, {}, "The 3 pictures are spread from the first frame to the last."),
    "a frame for several": ("pia", THREE, {"frame": 2}, "frame has no effect: it is used only for a single picture."),
    "motion for several": ("pia", THREE, {"motion": "large"}, "motion has no effect with several pictures"),
    "motion and affinity": (
        "pia", ONE, {"motion": "large", "affinity": CURVE}, "motion has no effect, because affinity is connected.",
    ),
    "frame and affinity": ("pia", ONE, {"frame": 3, "affinity": CURVE}, "frame has no effect, because affinity is"),
    "motion for I2V": ("i2v", ONE, {"motion": "large"}, "motion has no effect: it is only for PIA"),
    "frame for I2V": ("i2v", ONE, {"frame": 3}, "frame has no effect: it is only for PIA, but the motion model"),
    "affinity for I2V": ("i2v", ONE, {"affinity": CURVE}, "affinity has no effect: it is only for PIA"),
    "pictures for I2V": ("i2v", THREE, {}, "Each frame gets one of the 3 pictures, in order. If there are fewer"),
    "drift for several": ("i2v", THREE, {"drift": 0.3}, "drift has no effect with several pictures: 0 is used"),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_what_does_not_act_is_said(case, request, screen):
    kind, image, settings, sentence = SAID[case]
    motion = request.getfixturevalue(kind)
    AnimatePictureNode.execute(motion, image, None, 1.0, **settings)
    assert sentence in screen.text


def test_a_picture_that_replaces_another_says_so(i2v, screen):
    first = AnimatePictureNode.execute(i2v, ONE, None, 1.0)[0]
    assert screen.text == ""
    AnimatePictureNode.execute(first, ONE, None, 1.0)
    assert screen.text == "This picture replaces that of the earlier Animate Picture node."
