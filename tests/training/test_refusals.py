"""What cannot be trained is said before it starts, with what to do."""

import comfy.cli_args
import comfy.model_sampling
import pytest
import tiny
import torch
from training.moving import clips

from kinema.motion.spec import PAPER_SCHEDULE
from kinema.nodes.train_motion_model import TrainMotionModelNode
from kinema.training.clips import Clip, Clips
from kinema.training.config import TrainSettings
from kinema.training.learner import new_spec, start_from, start_new
from kinema.training.loop import train
from kinema.training.objective import diffusion


def refused(*words, model=None, data=None, **settings):
    model = model or tiny.image_model("small")
    with pytest.raises(ValueError) as error:
        train(model, start_new(model, 1), data or clips(), TrainSettings(**({"steps": 1} | settings)))
    for word in words:
        assert word in str(error.value), str(error.value)


def test_no_clips():
    with pytest.raises(ValueError, match="There are no clips to train with. Connect Load Clips"):
        Clips((), tiny.conditioning())


def test_clips_of_two_sizes():
    pair = (Clip(tiny.latents(4), None, name="a.mp4 #1"), Clip(tiny.latents(5), None, name="b.mp4 #1"))
    with pytest.raises(
        ValueError, match=r'"b.mp4 #1" has latents of shape \[5, 4, 8, 8\], but "a.mp4 #1" has \[4, 4, 8, 8\]'
    ):
        Clips(pair, None)


@pytest.mark.parametrize("frames", [1, 33])
def test_too_few_or_too_many_frames(frames):
    refused(
        f"The clips have {frames} frame",
        "must have at least 2 and at most 32",
        "Set frames of Load Clips to 16",
        data=clips(frames=frames),
    )


@pytest.mark.parametrize(
    "name, value, allowed",
    [("steps", 0, "from 1 to 10000000"), ("learning_rate", 0.0, "from 1e-08 to 1.0"), ("average", 1.0, "from 0.0 to 0.99999"),
     ("precision", "int8", "one of automatic, fp32, bf16, fp16"), ("learning_rate_curve", "linear", "one of constant, cosine"),
     ("caption_dropout", 1.5, "from 0.0 to 1.0"), ("batch_size", 0, "from 1 to 1024"), ("batch_size", 1.5, "from 1 to 1024"),
     ("save_every", 0, "from 1 to 1000000"), ("gradient_checkpointing", "yes", "one of False, True"),
     ("weight_decay", float("nan"), "from 0.0 to 1.0"), ("noise_schedule", "D", "one of automatic, A, B, C")],
)  # fmt: skip
def test_settings_out_of_range(name, value, allowed):
    """By the names of the inputs, which users see."""
    inputs = {each.id for each in TrainMotionModelNode.define_schema().inputs}
    with pytest.raises(ValueError) as error:
        TrainSettings(**{name: value})
    assert str(error.value) == f"{name} is {value!r}, but must be {allowed}."
    assert name in inputs


def test_a_loss_that_is_not_finite():
    data = clips()
    data.clips[0].latents[0] = float("nan")
    refused("The loss became nan at step 1", "Lower learning_rate", data=data)


def test_other_predictions():
    model = tiny.image_model("small")
    sampling = type("ModelSampling", (comfy.model_sampling.ModelSamplingDiscrete, comfy.model_sampling.X0), {})
    model.add_object_patch("model_sampling", sampling(model.model.model_config))
    refused("The connected MODEL predicts X0", "noise and v-prediction", model=model)
    assert diffusion(tiny.image_model("small"), PAPER_SCHEDULE).prediction == "noise"


def test_conditioning_that_is_no_caption():
    two = Clips((Clip(tiny.latents(4), [*tiny.conditioning(), *tiny.conditioning()]),), tiny.conditioning())
    refused("must be one conditioning, but it is a list of length 2", data=two)


def test_inpainting_models():
    model = tiny.image_model("small")
    model.model.set_inpaint()
    refused("also needs a masked picture, as inpainting models do,", "Train with an ordinary", model=model)


def test_half_precision_models_do_not_train_in_fp32():
    model = tiny.image_model("small")
    model.model.diffusion_model.half()
    model.model.diffusion_model.dtype = torch.float16
    refused(
        "precision is fp32, but the connected MODEL computes in float16", "--force-fp32", model=model, precision="fp32"
    )


@pytest.mark.parametrize("option", ["use_sage_attention", "use_flash_attention"])
def test_attention_without_a_backward_pass(option, monkeypatch):
    monkeypatch.setattr(comfy.cli_args.args, option, True)
    refused(
        "--use-sage-attention or --use-flash-attention, which do not support training", "--use-pytorch-cross-attention"
    )


def test_models_without_a_unet():
    model = tiny.image_model("small")
    model.model.diffusion_model = torch.nn.Linear(1, 1)
    with pytest.raises(ValueError, match="The connected MODEL is SD15, which has no UNet to animate"):
        new_spec(model)


def test_motion_models_with_other_parts(tmp_path):
    from families import KINDS

    from kinema.motion.load import load_motion_model

    motion = load_motion_model(tiny.save(KINDS["pia.ckpt"].make(), tmp_path / "pia.ckpt"))
    with pytest.raises(ValueError, match="PIA has parts other than motion modules"):
        start_from(motion)
