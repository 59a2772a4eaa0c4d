"""PIA and AnimateLCM-I2V against the results of their authors' own classes."""

import exact
import families
import golden
import oracle
import pytest
import tiny
import torch
from authors import AUTHORS
from compare import ONE_CALL, assert_alike

from kinema.sampling.call.frames import Frames
from kinema.sampling.call.moment import Moment
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.controls import Shared, Values, motion_of
from kinema.sampling.modules.hooks import motion_inside
from kinema.sampling.modules.picture_at_work import with_picture
from kinema.sampling.pictures.affinity import affinities
from kinema.sampling.pictures.animated_picture import AnimatedPicture

FRAMES = 4
PIA = golden.fill(families.pia())
I2V = golden.fill(families.lcm_i2v())
GOLDEN_FEATURES = (
    (1.2627828, (-0.528685, 0.445574, -0.416562), 0.035734),
    (1.2482768, (1.141971, -0.116980, 0.772964), -1.366204),
    (1.5325767, (0.618801, 0.313213, -0.723170), 0.140657),
    (1.8508968, (-0.103276, -0.806854, -1.028886), 1.591240),
)


def picture(size, **more):
    """The picture by rule, encoded already."""
    return AnimatedPicture(
        torch.zeros(1, 8, 8, 3), vae=None, latents=golden.numbers("input:image", (1, 4, *size)), **more
    )


def predict(model, motion, size, animated):
    how = Applied(picture=animated)
    video = Frames(FRAMES, tuple(range(FRAMES)), FRAMES)
    shared = Shared(Values(Moment(video, size), torch.device("cpu"), size), dtype=torch.float64)
    moving = with_picture(motion_of(motion, how, shared), how, shared, None)
    x = golden.numbers("input:x", (FRAMES, 4, *size))
    unet = model.model.diffusion_model
    with torch.no_grad(), motion_inside(unet, [moving], FRAMES):
        return unet(x, torch.full((FRAMES,), 501.0), context=golden.context().expand(FRAMES, -1, -1))


def test_the_rule():
    first = golden.numbers("conv_in.weight", (32, 4, 3, 3)).flatten()[:3]
    torch.testing.assert_close(
        first, torch.tensor([1.274184172, 0.318466901, 0.919054635], dtype=torch.float64), atol=1e-9, rtol=0
    )


def test_pia_equals_the_authors(tmp_path):
    """Whose UNet has the weights of the image model in the first four channels of its first layer."""
    model = exact.image_model()
    golden.fill_unet(model, conv_in_weight=PIA["conv_in.weight"][:, :4], conv_in_bias=PIA["conv_in.bias"])
    motion = exact.motion_model(PIA, tmp_path / "pia.safetensors")
    result = predict(model, motion, (16, 24), picture((16, 24), motion="small"))
    golden.assert_golden(result, 0.4815249, (0.303601, 0.187902, -0.226171), 0.255446)


def test_pia_equals_another_program(tmp_path):
    """Whose first layer takes the mask and the picture as more channels of its input."""
    size, animated = (16, 24), picture((16, 24), motion="large loop")
    model = exact.image_model(seed=7)
    ours = predict(model, exact.motion_model(PIA, tmp_path / "pia.safetensors"), size, animated)
    theirs = oracle.build(model, golden.fill(tiny.motion_weights()), AUTHORS["pia"], frames=FRAMES)
    wide = torch.nn.Conv2d(9, 32, 3, padding=1).double()
    wide.weight.data = torch.cat([theirs.conv_in.weight, PIA["conv_in.weight"][:, 4:]], 1)
    wide.bias.data = theirs.conv_in.bias.data
    theirs.conv_in = wide
    mask = torch.tensor(affinities("large loop", FRAMES, 0), dtype=torch.float64).view(-1, 1, 1, 1)
    x = [
        golden.numbers("input:x", (FRAMES, 4, *size)),
        mask.expand(-1, 1, *size),
        animated.latents.expand(FRAMES, -1, -1, -1),
    ]
    assert_alike(ours, oracle.predict(theirs, torch.cat(x, 1), 501, golden.context()), within=ONE_CALL)


@pytest.fixture(scope="module")
def i2v(tmp_path_factory):
    return exact.motion_model(I2V, tmp_path_factory.mktemp("i2v") / "AnimateLCM_sd15_i2v.safetensors")


@pytest.mark.parametrize("level", range(4))
def test_the_encoder_of_i2v_equals_the_authors(i2v, level):
    """At sizes that are odd from the third level on."""
    latents = golden.numbers("input:image", (1, 4, 20, 28)).expand(FRAMES, -1, -1, -1)
    shifts = 0.8 * tiny.sinusoid(FRAMES, 32)
    features = i2v.model.img_encoder(latents, shifts.double())
    assert features[level].shape[1:] == ((32, 20, 28), (64, 10, 14), (64, 5, 7), (64, 3, 4))[level]
    golden.assert_golden(features[level], *GOLDEN_FEATURES[level])


def test_i2v_equals_the_authors(i2v):
    model = exact.image_model()
    golden.fill_unet(model)
    result = predict(model, i2v, (20, 28), picture((20, 28)))
    golden.assert_golden(result, 0.4988885, (0.047349, 0.184854, -0.369437), 0.168850)
    without = predict(model, i2v, (20, 28), None)
    golden.assert_golden(without, 0.4972737, (0.172082, 0.235810, -0.758382), 0.387427)
