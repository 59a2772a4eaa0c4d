"""Motion from Video together with other features: what both come to is known from either alone."""

from dataclasses import replace

import comfy.hooks
import comfy.model_management
import comfy.samplers
import comfy.sd
import exact
import pytest
import tiny
import torch
from comfy.ldm.modules.attention import SpatialTransformer
from comfy.patcher_extension import WrappersMP
from compare import assert_alike, assert_other
from pictured import given_to
from torch.utils._python_dispatch import TorchDispatchMode
from watching import assert_untouched, snapshot

from kinema.motion.load import load_motion_model
from kinema.sampling.call.call import telling
from kinema.sampling.curves.curve import Listed
from kinema.sampling.curves.curve_keys import Key, OverRun
from kinema.sampling.guidance.guidance_reuse import GuidanceReuse
from kinema.sampling.guidance.motion_from_video import MotionFromVideo
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.run.animation import ANIMATION, animation_of
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.run.handler import HANDLER
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec, cut
from kinema.sampling.windows.motion_windows import MotionWindows
from kinema.sampling.windows.window_reference import WindowReference

FRAMES = 6
LEVELS = (9.0, 6.0, 3.0)  # of three steps
PROMPTS = (tiny.conditioning(3), tiny.conditioning(4))
APART = WindowSpec(3, 0)


@pytest.fixture(scope="module")
def model():
    """With every fourth of its transformers, as time goes."""
    model = exact.image_model()
    transformers = [part for part in model.model.diffusion_model.modules() if isinstance(part, SpatialTransformer)]
    for number, transformer in enumerate(transformers):
        if number % 4:
            transformer.transformer_blocks = torch.nn.ModuleList()
    return model


@pytest.fixture(scope="module")
def video(vae):
    return MotionFromVideo(torch.rand(FRAMES, 32, 32, 3, generator=tiny.generator(1)), vae, end_percent=1.0)


@pytest.fixture(scope="module")
def windowed(animated):
    return added(animated, windows=ContextWindows(APART))


@pytest.fixture(scope="module")
def push(animated, video):
    """At the second step."""
    return pushes(animated, video)[0]


@pytest.fixture(scope="module")
def push_in_windows(windowed, video):
    """At the second step."""
    return pushes(windowed, video)[0]


def noisy(step):
    return LEVELS[step] * tiny.latents(FRAMES, 4, seed=20 + step)


def asked(model, ask, positive=None):
    """What `ask` makes of a function of (latents, noise level, options) that predicts with `model`, and of these options."""
    answers = []

    @torch.no_grad()
    def sampler(guider, x, sigmas, extra_args=None, callback=None, disable=None, **_):
        def predict(latents, level, options):
            levels = torch.full((len(latents),), level)
            return guider(latents, levels, denoise_mask=None, model_options=options, seed=9)

        answers.append(ask(predict, extra_args["model_options"]))
        return x

    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive or PROMPTS[0], PROMPTS[1])
    guider.set_cfg(4.0)
    noise, sigmas = noisy(0), torch.tensor([*LEVELS, 0.0])
    guider.sample(noise, torch.zeros_like(noise), comfy.samplers.KSAMPLER(sampler), sigmas, disable_pbar=True, seed=9)
    return answers[0]


def predictions(model, steps=(1,), positive=None):
    """Of latents that are known beforehand, at some of the steps."""
    return asked(model, lambda predict, options: [predict(noisy(i), LEVELS[i], options) for i in steps], positive)


def pushes(model, video, steps=(1,), positive=None):
    """What the guidance adds to the predictions of `model`, which has none."""
    guided = predictions(changed(model, from_video=video), steps, positive)
    plain = predictions(model, steps, positive)
    return [one - other for one, other in zip(guided, plain, strict=True)]


def test_each_window_is_pushed_as_if_it_were_the_whole_video(animated, video):
    """At the second step, after one with other windows."""
    spec = WindowSpec(3, 0, "shifting")

    def ask(predict, options):
        predict(noisy(0), LEVELS[0], options)
        together = predict(noisy(1), LEVELS[1], options)
        alone = torch.empty_like(together)
        known = animation_of(options).from_video
        for window in map(list, cut(spec, FRAMES, 1)):
            told = telling(options, features=None)
            part = replace(animation_of(options), from_video=replace(known, noised=known.noised[window]))
            told["transformer_options"][ANIMATION] = part
            del told[HANDLER]
            alone[window] = predict(noisy(1)[window], LEVELS[1], told)
        return together, alone

    assert cut(spec, FRAMES, 0) != cut(spec, FRAMES, 1)
    moving = added(animated, windows=ContextWindows(spec))
    together, alone = asked(changed(moving, from_video=video), ask)
    assert_alike(together, alone)
    assert_other(together, predictions(moving)[0], by=1e-3)


def test_motion_windows(animated, video, push_in_windows):
    """Those that share no frame are what context windows are; those that move are read anew."""
    apart = changed(animated, motion_windows=MotionWindows(3, 0))
    assert_alike(pushes(apart, video)[0], push_in_windows)
    moving = MotionWindows(4, 2, schedule="uniform")
    assert moving.cut(FRAMES, FRAMES, 0) != moving.cut(FRAMES, FRAMES, 1)
    guided = changed(animated, motion_windows=moving, from_video=video)
    assert torch.equal(predictions(guided, (0, 1))[1], predictions(guided)[0])


def test_fast_sampling_changes_the_prediction_but_not_the_push(animated, video, push):
    """At a step that reuses."""
    reusing = changed(animated, reuse=GuidanceReuse(2))
    plain = predictions(reusing, (0, 1))[1]
    assert_alike(predictions(changed(reusing, from_video=video), (0, 1))[1] - plain, push)
    assert_other(plain, predictions(animated)[0])


class Reads(TorchDispatchMode):
    """Counts how often a number is read from a tensor, for which a program waits until a GPU has computed it."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.count += operation is torch.ops.aten._local_scalar_dense.default
        return operation(*args, **(kwargs or {}))


def test_a_push_waits_for_no_number(animated, video):
    def ask(predict, options):
        counts = []
        for acting in (replace(animation_of(options), from_video=None), animation_of(options)):
            told = telling(options)
            told["transformer_options"][ANIMATION] = acting
            predict(noisy(1), LEVELS[1], told)  # what is read once
            with Reads() as reads:
                predict(noisy(1), LEVELS[1], told)
            counts.append(reads.count)
        return counts

    without, pushed = asked(changed(animated, from_video=video), ask)
    assert pushed == without


def test_windows_that_refer_to_the_first_follow_their_own_frames(windowed, video):
    both = tuple(WindowReference(mode, 1.0, 0.0, 1.0) for mode in ("attend", "reuse"))
    area = [tiny.conditioning(7)[0][0], {"area": (4, 2, 0, 2), "strength": 1.0}]
    positive = [*PROMPTS[0], area]
    referring = pushes(changed(windowed, references=both), video, positive=positive)
    assert_alike(referring[0], pushes(windowed, video, positive=positive)[0])


def test_several_prompts_push_as_their_mean_each_with_its_hooks(animated, video):
    """Over the whole picture, whatever their areas and strengths are. A LoRA by hook does what it does on the MODEL."""
    lora = tiny.lora(animated)
    hooks = comfy.hooks.create_hook_lora(lora=lora, strength_model=1.0, strength_clip=0.0)
    hooked = comfy.hooks.set_hooks_for_conditioning(PROMPTS[0], hooks)
    second = tiny.conditioning(7)
    area = [second[0][0], {"area": (2, 4, 2, 0), "strength": 0.3}]
    patched, _ = comfy.sd.load_lora_for_models(animated, None, lora, 1.0, 0.0)
    by_lora = pushes(patched, video)[0]
    alone = pushes(animated, video, positive=second)[0]
    assert_other(by_lora, alone)
    assert_alike(pushes(animated, video, positive=[*hooked, area])[0], (by_lora + alone) / 2)


def test_no_window_without_strength_costs_anything(animated, windowed, video):
    begin = Listed((1.0, 1.0, 0.0, 0.0))
    late = OverRun((Key(0, False, 0.0), Key(1, False, 1.0)))
    kinds = {"all": 1.0, "begin": begin, "late": late, "none": 0.0}
    results, calls = {}, {}
    for name, strength in kinds.items():
        guided = changed(windowed, from_video=replace(video, strength=strength))
        first = animated.model.diffusion_model.input_blocks[0][0]
        calls[name] = len(
            given_to(first, lambda guided=guided, name=name: results.update({name: predictions(guided, (0,))[0]}))
        )
    assert calls["none"] == calls["late"]
    assert calls["all"] - calls["none"] == 2 * (calls["begin"] - calls["none"]) > 0
    assert torch.equal(results["begin"][:2], results["all"][:2])
    assert torch.equal(results["begin"][2:], results["none"][2:])


def test_weights_that_the_host_brings_layer_by_layer(video, tmp_path):
    """Where memory is short it keeps layers elsewhere, and casts and patches them in each call. In float32, as its patches."""
    image, lora = tiny.image_model(), tiny.lora(tiny.image_model())
    motion = load_motion_model(tiny.save(tiny.motion_weights(seed=8), tmp_path / "v3_mm.safetensors"))
    patched, _ = comfy.sd.load_lora_for_models(image, None, lora, 1.0, 0.0)
    guided = changed(attach(patched, motion, Applied(), KEEP), from_video=video)
    expected = predictions(guided)[0]
    states = []

    def unload(executor, model, *args, **named):
        loaded = executor(model, *args, **named)
        for patcher in (model, *model.get_additional_models()):
            patcher.partially_unload(torch.device("cpu"), 2**40)
            states.append(patcher.model.model_lowvram)
        states.append(model.model.lowvram_patch_counter > 0)
        return loaded

    guided.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, "test", unload)
    assert torch.equal(predictions(guided)[0], expected)
    assert states == [True] * 3


def test_an_interrupt_in_the_pass_of_a_window_ends_the_run_before_the_next(model, windowed, video):
    before = snapshot(model)
    guided = changed(windowed, from_video=video).clone()
    windows = set()

    def interrupt(queries, keys, values, options):
        if queries.requires_grad:
            windows.add(tuple(options["context_window"].index_list))
            comfy.model_management.interrupt_current_processing()
        return queries, keys, values

    guided.set_model_attn1_patch(interrupt)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        predictions(guided)
    assert windows == {(0, 1, 2)}
    assert_untouched(model, before)
