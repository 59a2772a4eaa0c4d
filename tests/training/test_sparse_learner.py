"""SparseCtrl learns from the pictures of the clips themselves; what is saved is what was trained."""

from dataclasses import replace

import folder_paths
import pytest
import tiny
import torch
from compare import ONE_CALL_IN_FLOAT32, assert_alike
from PIL import Image
from training.moving import FRAMES, clips

from kinema.motion.load import load_motion_model
from kinema.nodes.inputs.motion_files import CONTROL_FOLDER
from kinema.nodes.train_sparsectrl import TrainSparseCtrlNode
from kinema.sampling.modules.hooks import motion_inside, plain_motion
from kinema.sampling.sparsectrl.condition import hint_of
from kinema.sampling.sparsectrl.sparse_control import SparseControl
from kinema.sampling.sparsectrl.sparse_model import load_sparsectrl
from kinema.training.config import TrainSettings
from kinema.training.loop import train
from kinema.training.sample import SampleSettings, sample
from kinema.training.sparse_learner import learn_sparsectrl, new_halves, save_sparsectrl, sparse_loss
from training import encoders

HOW = TrainSettings(steps=16, learning_rate=3e-3, average=0.0, caption_dropout=0.0, automatic_checkpointing=False)


@pytest.fixture
def motion(tmp_path):
    return load_motion_model(tiny.save(tiny.VERSIONS["v3"](), tmp_path / "mm.safetensors"))


@pytest.mark.parametrize("checkpointing", [False, True])
def test_it_learns_and_nothing_else_changes(motion, checkpointing):
    model = tiny.image_model()
    before = {name: value.clone() for name, value in model.model.state_dict().items()}
    halves = new_halves(model, motion, seed=1)
    learner = learn_sparsectrl(motion, halves)
    how = replace(HOW, gradient_checkpointing=checkpointing, steps=2 if checkpointing else 16)
    done = train(model, learner, clips(), how, loss=sparse_loss(halves))
    if not checkpointing:
        assert sum(done.losses[-5:]) < 0.9 * sum(done.losses[:5])
    after = model.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    inside = learner.motion.state_dict()
    assert all(torch.equal(inside[name], value) for name, value in motion.model.state_dict().items())


def test_the_file_is_what_was_trained_and_a_new_one_changes_nothing(motion, tmp_path):
    model = tiny.image_model()
    halves = new_halves(model, motion, seed=1)
    learner = learn_sparsectrl(motion, halves)
    first = {name: value.detach().clone() for name, value in learner.parameters.items()}
    how = replace(HOW, steps=2)
    values = train(model, learner, clips(), how, loss=sparse_loss(halves)).values
    file = load_sparsectrl(save_sparsectrl(values, halves, tmp_path / "sparse.safetensors", torch.float32, {"a": "b"}))
    trained = residuals(halves.network, halves.modules)
    for mine, theirs in zip(trained, residuals(file.network.model, file.motion.model), strict=True):
        assert_alike(theirs, mine, within=ONE_CALL_IN_FLOAT32)
    assert max(float(each.abs().max()) for each in trained) > 1e-4

    def sampled(values):
        return sample(model, learner, values, clips(), HOW, SampleSettings(steps=2, cfg=2.0))

    plain = sample(
        model, learn_sparsectrl_without_control(learner), first, clips(), HOW, SampleSettings(steps=2, cfg=2.0)
    )
    assert_alike(sampled(first), plain, within=ONE_CALL_IN_FLOAT32)
    assert (sampled(values) - plain).abs().max() > 1e-3


def learn_sparsectrl_without_control(learner):
    return replace(learner, shown=lambda values, latents: {})


@torch.no_grad()
def residuals(network, modules):
    latents = tiny.latents(FRAMES)
    context = tiny.conditioning()[0][0].expand(FRAMES, -1, -1)
    with motion_inside(network, [plain_motion(modules)], FRAMES):
        found = network(
            x=latents,
            hint=hint_of([0, None, None, 0], latents),
            timesteps=torch.full((FRAMES,), 500.0),
            context=context,
        )
    return [each for name in ("output", "middle") for each in found[name]]


def test_the_node_trains_saves_and_gives_the_control(motion, tmp_path, monkeypatch):
    place = ([str(tmp_path / "controlnet")], {".safetensors"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, CONTROL_FOLDER, place)
    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    defaults = {
        i.id: i.default for i in TrainSparseCtrlNode.define_schema().inputs if getattr(i, "default", None) is not None
    }
    inputs = defaults | {
        "steps": 2,
        "accumulation": 1,
        "sample_every": 2,
        "name": "mine",
        "clips": replace(clips(), vae=encoders.vae()),
    }
    with torch.inference_mode():
        output = TrainSparseCtrlNode.execute(model=tiny.image_model(), motion_model=motion, **inputs)
    control, plot = output.result
    assert isinstance(control, SparseControl) and control.model.name == "mine.safetensors"
    assert plot.shape == (1, 384, 768, 3)
    assert (tmp_path / "controlnet" / "mine.training").exists()
    with Image.open(tmp_path / "controlnet" / "mine_000002.webp") as kept:
        assert (kept.size, kept.n_frames) == ((64, 64), FRAMES)
    (shown,) = output.ui.as_dict()["images"]
    assert (tmp_path / "temp" / shown["filename"]).exists()


def test_bases_without_sparsectrl_are_named(motion, tmp_path):
    with pytest.raises(ValueError, match="SparseCtrl exists only for SD1.5, but the connected MODEL is SDXL"):
        new_halves(tiny.image_model(base="sdxl"), motion, seed=1)
