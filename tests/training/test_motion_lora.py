"""Motion LoRAs: what trains, what the file holds, and that a merged LoRA does what the trained one did."""

from dataclasses import replace

import pytest
import safetensors.torch
import tiny
import torch
from compare import ONE_CALL_IN_FLOAT32, assert_alike
from training.moving import FRAMES, clips

from kinema.motion.load import load_motion_model
from kinema.motion.lora import load_motion_lora
from kinema.motion.save import merged_weights
from kinema.sampling.modules.hooks import motion_inside, plain_motion
from kinema.training.config import TrainSettings
from kinema.training.learner import finished
from kinema.training.loop import train
from kinema.training.motion_director import appearance, debiased, director_loss, with_appearance
from kinema.training.motion_lora import learn_motion_lora, save_motion_lora

HOW = TrainSettings(steps=3, learning_rate=1e-2, average=0.0, caption_dropout=0.0, automatic_checkpointing=False)


@pytest.fixture
def motion(tmp_path):
    return load_motion_model(tiny.save(tiny.VERSIONS["v2"](), tmp_path / "mm.safetensors"))


def test_the_file_gives_what_was_trained(motion, tmp_path):
    model = tiny.image_model()
    before = {name: value.clone() for name, value in motion.model.state_dict().items()}
    learner = learn_motion_lora(motion, rank=4, seed=1)
    values = train(model, learner, clips(), HOW).values
    path = save_motion_lora(values, motion.model.spec, tmp_path / "lora.safetensors", {"rank": "4"})
    assert all(torch.equal(before[name], value) for name, value in motion.model.state_dict().items())

    with torch.no_grad():
        trained = predict(model, learner.motion)
        merged = predict(model, finished(learner, values, "merged").model)
        reloaded = load_motion_lora(motion, path, 1.0)
        patched = predict(model, finished(learner, values, "x").model, merged_weights(reloaded))
        untrained = predict(model, motion.model)
    for each in (merged, patched):
        assert_alike(each, trained, within=ONE_CALL_IN_FLOAT32)
    assert (untrained - trained).abs().max() > 1e-3


def predict(model, motion, weights=None):
    if weights is not None:
        motion.load_state_dict(weights)
    unet = model.model.diffusion_model
    context = tiny.conditioning()[0][0].expand(FRAMES, -1, -1)
    with motion_inside(unet, [plain_motion(motion)], FRAMES):
        return unet(tiny.latents(FRAMES), torch.full((FRAMES,), 500.0), context=context)


def test_the_file_has_the_authors_keys(motion, tmp_path):
    learner = learn_motion_lora(motion, rank=4, seed=1)
    path = save_motion_lora(learner.parameters, motion.model.spec, tmp_path / "lora.safetensors", {})
    stored = safetensors.torch.load_file(path)
    expected = {}
    for place, width in tiny.module_places(tiny.SD15_WIDTHS, mid=True).items():
        for block in "01":
            for part in ("to_q", "to_k", "to_v", "to_out"):
                attention = f"{place}.temporal_transformer.transformer_blocks.0.attention_blocks.{block}"
                stem = f"{attention}.processor.{part}_lora"
                expected |= {f"{stem}.down.weight": (4, width), f"{stem}.up.weight": (width, 4)}
    assert {key: tuple(value.shape) for key, value in stored.items()} == expected
    assert len(stored) == 336  # as in the authors' files


def test_a_new_lora_changes_nothing(motion):
    model = tiny.image_model()
    learner = learn_motion_lora(motion, rank=4, seed=1)
    # with gradients: without them a CPU computes the layers of a motion model that does not train by other kernels
    assert torch.equal(predict(model, learner.motion), predict(model, motion.model))


def test_debiased_frames_leave_out_what_they_share():
    x, anchors = torch.randn(2, 3, 4, 5, 5, generator=tiny.generator(1)), [2, 0]
    result = debiased(x, anchors)
    assert torch.allclose(result[0, 1], 2**0.5 * x[0, 1] - x[0, 2])
    assert torch.allclose(result[1, 0], (2**0.5 - 1) * x[1, 0])


@pytest.mark.parametrize("checkpointing", [False, True])
def test_appearance_branches_learn_beside_and_leave_no_trace(motion, checkpointing):
    model = tiny.image_model()
    how = replace(HOW, gradient_checkpointing=checkpointing)
    frozen = {name: value.clone() for name, value in model.model.state_dict().items()}
    looks = appearance(model, rank=2, seed=1)
    learner = with_appearance(learn_motion_lora(motion, 4, 1), looks)
    first = {name: value.detach().clone() for name, value in learner.parameters.items()}
    data = clips(2, size=16)  # so that the attention of the middle block has several pixels to choose from
    values = train(model, learner, data, how, loss=director_loss(model, looks, debias=True)).values
    assert all(torch.equal(frozen[name], value) for name, value in model.model.state_dict().items())
    assert not any(getattr(module, "weight_function", None) for module in model.model.diffusion_model.modules())
    assert not [name for name in values if ".up." in name and torch.equal(values[name], first[name])]


def test_appearance_does_not_learn_from_motion(motion):
    """Only the single frames teach the appearance branches, so a clip's motion goes into the motion LoRA alone."""
    model = tiny.image_model()
    looks = appearance(model, rank=2, seed=1)
    unet = model.model.diffusion_model
    x, context = tiny.latents(2), tiny.conditioning()[0][0].expand(2, -1, -1)
    for learns in (True, False):
        with torch.enable_grad(), looks.inside(unet, learns=learns):
            answer = unet(x.requires_grad_(), torch.full((2,), 500.0), context=context)
        answer.sum().backward()
        grads = [value.grad for value in looks.values.values()]
        assert all((grad is not None) == learns for grad in grads)
        for value in looks.values.values():
            value.grad = None
