"""The network against the numbers of the authors' code and against another program."""

import pytest
import sparse
import tiny
import torch
from compare import GOLDEN, ONE_CALL, difference

from kinema.sampling.modules.hooks import motion_inside, plain_motion
from kinema.sampling.sparsectrl.condition import hint_of

FRAMES = 4
TIMESTEP = 501
SIZES = {"rgb": (2, 4, 16, 24), "scribble": (2, 3, 128, 192)}
MEANS = {
    "rgb": (
        *(0.427474, 1.875665, 2.407670, 2.268994, 2.943566, 3.517693, 3.056244),
        *(3.699464, 4.006478, 3.499784, 3.677111, 3.965589, 4.153845),
    ),
    "scribble": (
        *(0.127179, 1.746689, 2.432707, 2.196882, 3.115118, 3.649877, 3.333252),
        *(3.947518, 4.192801, 4.021529, 4.105751, 4.158735, 4.637915),
    ),
}
FIFTH = {  # the mean of the absolute values of residual 5, its first three numbers and its last
    "rgb": (3.5176926, 2.133947, -6.494541, -3.143605, 0.642430),
    "scribble": (3.6498771, 3.110770, -0.080316, 0.306936, 2.325684),
}


@pytest.fixture(scope="module", params=SIZES)
def condition(request):
    return request.param


@pytest.fixture(scope="module")
def exact(condition, tmp_path_factory):
    """The model in float64."""
    return sparse.exact_model(sparse.weights(condition), tmp_path_factory.mktemp("s") / "s.safetensors")


def pictures(condition):
    values = sparse.filled("input:picture", SIZES[condition])
    return values if condition == "rgb" else values.abs().clamp(max=1)


def context():
    return sparse.filled("input:context", (1, 5, tiny.CONTEXT))


def ours(model, hint):
    network = model.network.model
    with torch.no_grad(), motion_inside(network, [plain_motion(model.motion.model)], FRAMES):
        out = network(
            x=torch.randn(FRAMES, 4, 16, 24, dtype=hint.dtype), hint=hint, timesteps=torch.full((FRAMES,), TIMESTEP),
            context=context().to(hint.dtype).expand(FRAMES, -1, -1),
        )  # fmt: skip
    return [*out["output"], *out["middle"]]


def theirs(condition, hint):
    """diffusers takes the video as (1, c, f, h, w), and the mask apart."""
    video = hint.transpose(0, 1)[None]
    with torch.no_grad():
        down, mid = sparse.network(condition)(
            torch.randn(1, 4, FRAMES, 16, 24, dtype=torch.float64), TIMESTEP,
            context().expand(FRAMES, -1, -1), controlnet_cond=video[:, :-1], conditioning_mask=video[:, -1:],
            return_dict=False,
        )  # fmt: skip
    return [*down, mid]


def test_the_numbers_of_the_authors_code(condition, exact):
    assert torch.allclose(
        sparse.filled("conv_in.weight", (32, 4, 3, 3)).flatten()[:3],
        torch.tensor([1.274184172, 0.318466901, 0.919054635], dtype=torch.float64),
    )
    residuals = ours(exact, hint_of([0, None, None, 1], pictures(condition)))
    means = torch.stack([residual.abs().mean() for residual in residuals])
    expected = torch.tensor(MEANS[condition], dtype=torch.float64)
    assert ((means - expected).abs() / expected).max() < GOLDEN
    fifth = residuals[5]
    found = torch.stack([fifth.abs().mean(), *fifth.flatten()[[0, 1, 2, -1]]])
    assert (found - torch.tensor(FIFTH[condition], dtype=torch.float64)).abs().max() < GOLDEN


def test_another_program(condition, exact):
    hint = hint_of([None, 1, None, 0], pictures(condition))
    for mine, expected in zip(ours(exact, hint), theirs(condition, hint), strict=True):
        assert difference(mine, expected) < ONE_CALL


def test_in_float32(condition, tmp_path):
    model = sparse.load_sparsectrl(tiny.save(sparse.weights(condition), tmp_path / "s.safetensors"))
    hint = hint_of([0, None, None, 1], pictures(condition))
    means = torch.stack([residual.double().abs().mean() for residual in ours(model, hint.float())])
    expected = torch.tensor(MEANS[condition], dtype=torch.float64)
    assert ((means - expected).abs() / expected).max() < GOLDEN
