import pytest
import tiny
import torch
from comfy_execution.graph_utils import ExecutionBlocker

from kinema.nodes.animation_noise import AnimationNoiseNode
from kinema.nodes.refine_noise import RefineNoiseNode
from kinema.sampling.noise.frequency import LowPass
from kinema.sampling.noise.noise_layers import NoiseLayer
from kinema.sampling.noise.noise_pattern import NoisePattern
from kinema.sampling.noise.noise_seeds import FrameSeeds
from kinema.sampling.noise.refine_noise import NoiseRefinement
from kinema.sampling.run.animation import Animation, animation_of


def animation(model):
    return animation_of(model.model_options)


def test_one_node_gives_noise_and_model():
    model, mask = tiny.image_model(), torch.ones(1, 8, 8)
    more = {"length": 8, "overlap": 2, "frame_seeds": "4, 4", "first_frame": 3}
    noise, noisy = AnimationNoiseNode.execute("FreeNoise", 7, 0.5, model, **more).args
    seeds = FrameSeeds(7, False, (4, 4))
    assert noise.layers == (NoiseLayer(NoisePattern("FreeNoise", 0.5, 8, 2), seeds, 3),) and noise.seed == 7
    assert animation(noisy).noise is noise and animation(model) == Animation()
    layered, _ = AnimationNoiseNode.execute("constant", 1, 0.0, noise=noise, mask=mask, mode="add", weight=0.2).args
    assert layered.layers[0] == noise.layers[0] and layered.layers[1].mask is mask
    assert (layered.layers[1].mode, layered.layers[1].weight) == ("add", 0.2)


def test_nodes_in_a_row_on_the_model_are_layers():
    first = AnimationNoiseNode.execute("constant", 0, 0.0, tiny.image_model())[1]
    second = AnimationNoiseNode.execute("independent", 0, 0.0, first, mode="blend")[1]
    replaced = AnimationNoiseNode.execute("repeated", 0, 0.0, second)[1]
    kinds = [[layer.pattern.kind for layer in animation(m).noise.layers] for m in (first, second, replaced)]
    assert kinds == [["constant"], ["constant", "independent"], ["repeated"]]


def test_the_model_output_says_that_it_needs_a_model():
    _, nothing = AnimationNoiseNode.execute("constant", 0, 0.0).args
    assert isinstance(nothing, ExecutionBlocker)
    assert nothing.message.startswith("Animation Noise has a MODEL output only if a model is connected.")


def test_start_only_needs_a_model():
    noisy = AnimationNoiseNode.execute("empty", 0, 0.0, tiny.image_model(), start_only=True)[1]
    assert animation(noisy).noise.step_layers == ()
    with pytest.raises(ValueError, match=r"start_only is on, but no model is connected.*Connect a model, or turn"):
        AnimationNoiseNode.execute("empty", 0, 0.0, start_only=True)


def test_seeds_that_are_none_are_said():
    with pytest.raises(ValueError, match='"a" is not a seed'):
        AnimationNoiseNode.execute("constant", 0, 0.0, frame_seeds="1, a")


def test_refine_noise():
    model = tiny.image_model()
    refined = RefineNoiseNode.execute(model, "FreqPrior", 4, "gaussian", 0.3, 0.2, True, 0.68, True, 5)[0]
    expected = NoiseRefinement("FreqPrior", 4, LowPass("gaussian", 0.3, 0.2, 5), True, 0.68, True)
    assert animation(refined) == Animation(refinement=expected) and animation(model) == Animation()
