"""Beside other controls, in windows, with conditionings that the host computes together, apart, or with LoRA hooks."""

import comfy.hooks
import controls
import sparse
import tiny
import torch
from compare import assert_alike, assert_other

from kinema.sampling.run.attach import added
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

FRAMES = 5


def sketches(count=1, seed=1):
    return (torch.rand(count, 3, 32, 32, generator=tiny.generator(seed)) > 0.7).float()


def chain(scribble):
    """A SparseCtrl between a ControlNet and a T2I-Adapter."""
    first = controls.exact(controls.control_net(1)).set_cond_hint(controls.hints(FRAMES, seed=1), 0.8)
    ours = sparse.applied(scribble, sketches(2), 0.7, (0.0, 0.8), frames="0, -1")
    last = controls.t2i_adapter(2, controls.ExactAdapter).set_cond_hint(controls.hints(FRAMES, seed=2), 0.5)
    ours.set_previous_controlnet(first)
    last.set_previous_controlnet(ours)
    return last, ours


def sample(model, positive, **more):
    return tiny.sample(model, FRAMES, positive=positive, size=4, steps=1, **more)


def test_a_chain_in_windows(animated, scribble, monkeypatch):
    last, ours = chain(scribble)
    spec = WindowSpec(3, 1)
    expected = sample(added(animated, windows=ContextWindows(spec, at_once=1)), controls.controlled(last))
    cut = added(animated, windows=ContextWindows(spec, at_once=3))
    assert_alike(sample(cut, controls.controlled(last)), expected)
    monkeypatch.setattr(animated.model, "memory_required", lambda *a, **k: 1e30)  # conditionings apart
    assert_alike(sample(cut, controls.controlled(last)), expected)
    ours.how = type(ours.how)(**{**vars(ours.how), "strength": 0.0})
    assert_other(sample(cut, controls.controlled(last)), expected, by=1e-3)


def test_several_prompts_with_hooks(animated, scribble):
    """A LoRA in the hooks of a regional prompt: the host computes that prompt apart."""
    control = sparse.applied(scribble, sketches())
    hooks = comfy.hooks.create_hook_lora(lora=tiny.lora(animated), strength_model=1.0, strength_clip=0.0)
    words = tiny.conditioning(6)[0][0]
    hooked = comfy.hooks.set_hooks_for_conditioning([[words, {"area": (4, 2, 0, 2), "control": control}]], hooks)
    both = sample(animated, [*controls.controlled(control), *hooked])
    assert_other(both, sample(animated, controls.controlled(control)))
    without = comfy.hooks.set_hooks_for_conditioning([[words, {"area": (4, 2, 0, 2)}]], hooks)
    assert_other(both, sample(animated, [*controls.controlled(control), *without]), by=1e-3)
    assert torch.equal(both, sample(animated, [*controls.controlled(control), *hooked]))
