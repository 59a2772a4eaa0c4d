"""What is left on a model after a run, and how often a run calls a module."""

import torch


def snapshot(model):
    unet = model.model.diffusion_model
    hooks = {
        name: (len(m._forward_hooks), len(m._forward_pre_hooks), "forward" in vars(m))
        for name, m in unet.named_modules()
    }
    return {k: v.clone() for k, v in model.model.state_dict().items()}, hooks, model.model.model_sampling


def assert_untouched(model, before):
    weights, hooks, model_sampling = snapshot(model)
    assert weights.keys() == before[0].keys() and hooks == before[1] and model_sampling is before[2]
    assert all(torch.equal(weights[key], before[0][key]) for key in weights)


class Stop(Exception):
    pass


def calls_of(module, run):
    """How often each step of `run`, a function of a callback, calls `module`."""
    calls, steps = [0], []
    handle = module.register_forward_pre_hook(lambda *_: calls.append(calls.pop() + 1))
    try:
        run(lambda step, *_: (steps.append(calls.pop()), calls.append(0)))
    finally:
        handle.remove()
    return steps
