"""Pictures by seed, and what layers of the UNet are given in a run."""

import tiny
import torch

from kinema.sampling.pictures.animated_picture import AnimatedPicture


def photo(seed=0, count=1, height=64, width=64):
    """Pictures of soft colours (n, H, W, 3), 0 to 1."""
    small = torch.rand(count, 3, 4, 4, generator=tiny.generator(seed))
    return torch.nn.functional.interpolate(small, (height, width), mode="bilinear").movedim(1, -1)


def animated(vae, seed=0, count=1, **more):
    return AnimatedPicture(photo(seed, count), vae, **more)


class Counting:
    """A VAE that notes how many pictures it encodes, and calls `also` then."""

    def __init__(self, vae, also=lambda: None):
        self._vae = vae
        self._also = also
        self.encoded = []

    def __getattr__(self, name):
        return getattr(self._vae, name)

    def encode(self, pixels):
        self.encoded.append(len(pixels))
        self._also()
        return self._vae.encode(pixels)


def given_to(layer, run):
    """What `layer` is given in each model call of `run`, a function without arguments."""
    seen = []
    handle = layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    try:
        run()
    finally:
        handle.remove()
    return seen


def after_conv_in(model):
    """The layer of `model` (MODEL) that is given what the first layer and PIA's picture came to."""
    return model.model.diffusion_model.input_blocks[1][0]


def after_first_level(model):
    """The layer that is given the first level with the feature of AnimateLCM-I2V."""
    return model.model.diffusion_model.input_blocks[3][0]
