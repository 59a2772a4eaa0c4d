import pytest
import tiny
import torch

from kinema.nodes.inject_image import InjectImageNode
from kinema.sampling.curves.curve import Listed
from kinema.sampling.run.animation import animation_of

IMAGE, LATENT, MASK = torch.rand(1, 16, 24, 3), {"samples": torch.ones(1, 4, 2, 3)}, torch.ones(1, 16, 24)


def injections(model):
    return animation_of(model.model_options).injections


def test_images_and_latents_are_noted_on_a_clone():
    model, vae, strength = tiny.image_model(), object(), Listed((1.0, 0.0))
    first = InjectImageNode.execute(model, 0.2, strength, IMAGE, vae, None, MASK, 3, False, 16, -8, "pixel")[0]
    second = InjectImageNode.execute(first, 0.4, 0.5, latent=LATENT, fit=False, x=16, y=-8)[0]
    one, two = injections(second)
    assert injections(first) == (one,) and injections(model) == ()
    assert one.placed.pictures.shape == (1, 3, 16, 24) and one.placed.mask is MASK and one.vae is vae
    assert (one.percent, one.strength, one.first_frame, one.space) == (0.2, strength, 3, "pixel")
    assert (one.placed.fit, one.placed.x, one.placed.y) == (False, 16, -8)
    assert two.placed.pictures is LATENT["samples"] and two.vae is None and (two.placed.x, two.placed.y) == (2, -1)


def test_an_alpha_channel_is_left_out():
    model = tiny.image_model()
    injected = InjectImageNode.execute(model, 0.2, 1.0, torch.rand(1, 16, 24, 4), object(), space="pixel")[0]
    assert injections(injected)[0].placed.pictures.shape == (1, 3, 16, 24)


@pytest.mark.parametrize(
    ("connected", "said"),
    [
        ({}, "takes either an image or a latent, but neither is connected. Connect one of them."),
        ({"image": IMAGE, "latent": LATENT}, "takes either an image or a latent, but both are connected."),
        ({"image": IMAGE}, "got an image but no VAE to encode it. Connect vae, or connect a latent instead."),
        ({"image": torch.rand(0, 8, 8, 3), "vae": object()}, "Inject Image got 0 pictures, but needs 1 or more."),
        ({"latent": LATENT, "space": "pixel"}, "got a latent, but space is set to pixel, which needs an image."),
    ],
)
def test_what_is_missing_is_said(connected, said):
    with pytest.raises(ValueError, match=said):
        InjectImageNode.execute(tiny.image_model(), 0.3, 1.0, **connected)
