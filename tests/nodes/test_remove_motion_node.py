"""A MODEL without motion is as it was, but for its noise schedule and what other nodes put there."""

import pytest
import tiny
import torch
from comfy.patcher_extension import WrappersMP

from kinema.nodes.remove_motion import NOTHING, RemoveMotionNode
from kinema.sampling.run.animation import ANIMATION, Animation, animation_of
from kinema.sampling.run.remove import without_motion
from tools.chains import generator, run

IDS = ("ApplyMotionModel", "ContextWindows", "WindowReference", "AnimationGuidance", "AnimationNoise", "RefineNoise")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return run.prepare(tmp_path_factory.mktemp("models"))


def test_the_sample_is_that_of_the_plain_model_with_the_same_schedule(models):
    animated = run.build(generator.chain_of([*IDS, "NoiseSchedule"], 4), models)
    mine = lambda q, k, v, options: (q, k, v)  # noqa: E731
    animated.set_model_attn1_patch(mine)
    still = without_motion(animated)
    before = animation_of(animated.model_options)
    assert animation_of(still.model_options) == Animation(
        noise_schedule=before.noise_schedule, sampling=before.sampling
    )
    assert still.model_options["transformer_options"]["patches"]["attn1_patch"] == [mine]
    assert not still.get_additional_models() and animated.get_additional_models_with_key(ANIMATION)
    assert not any(still.get_wrappers(kind, ANIMATION) for kind in vars(WrappersMP).values() if isinstance(kind, str))
    plain = tiny.image_model()
    plain.add_object_patch("model_sampling", still.get_model_object("model_sampling"))
    sampled = tiny.sample(still, sampler="euler_ancestral", cfg=2.0)
    plain.model.load_state_dict(still.model.state_dict())
    assert torch.equal(sampled, tiny.sample(plain, sampler="euler_ancestral", cfg=2.0))


def test_a_model_with_nothing_to_remove_is_said(screen):
    model = tiny.image_model()
    assert torch.equal(tiny.sample(RemoveMotionNode.execute(model)[0]), tiny.sample(model)) and screen.text == NOTHING
