"""Several windows through the UNet at once: the same results, as many as fit, and fewer when memory runs out."""

import logging

import comfy.patcher_extension
import exact
import families
import pytest
import tiny
import torch
from compare import ONE_CALL, assert_alike, assert_other

from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import added, attach
from kinema.sampling.windows import batches
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

WRAPPERS = comfy.patcher_extension.WrappersMP


def windows(at_once, schedule="static"):
    return ContextWindows(WindowSpec(6, 2, schedule), at_once=at_once)


def watched(model):
    """A clone of `model`, and a list that fills with the latents' count of its model calls."""
    sizes, model = [], model.clone()

    def watch(executor, base, conds, x, *args):
        sizes.append(len(x))
        return executor(base, conds, x, *args)

    model.add_wrapper_with_key(WRAPPERS.CALC_COND_BATCH, "test", watch)
    return model, sizes


@pytest.mark.parametrize("name", ["v1", "v3", "sdxl"])
def test_windows_together_equal_windows_apart(name, tmp_path):
    """Also for families whose norms run over the frames of a window: v1's in the UNet, SDXL's in the modules."""
    kind = next(kind for kind in families.KINDS.values() if kind.family == name)
    motion = exact.motion_model(kind.make(), tmp_path / kind.file)
    animated = attach(exact.image_model(kind.base), motion, Applied())
    serial = sample(animated, 1)
    assert_alike(sample(animated, 2), serial, within=ONE_CALL)
    assert_other(sample(animated, 1, "batched"), serial)


def sample(animated, at_once, schedule="static"):
    """Pictures large enough that GroupNorm has more to normalise than two numbers, whose rounding it would amplify."""
    cut = ContextWindows(WindowSpec(3, 1, schedule), at_once=at_once)
    return tiny.sample(added(animated, windows=cut), frames=7, size=16, steps=1)


@pytest.mark.parametrize(("at_once", "expected"), [(1, [6, 6, 6, 6, 6]), (2, [12, 12, 6]), (4, [24, 6]), (9, [30])])
def test_as_many_as_asked_for(motion, at_once, expected):
    animated, sizes = watched(added(attach(tiny.image_model(), motion, Applied()), windows=windows(at_once)))
    tiny.sample(animated, frames=22, steps=1, size=2)
    assert sizes == expected


def test_windows_of_other_lengths_go_apart(motion):
    animated, sizes = watched(added(attach(tiny.image_model(), motion, Applied()), windows=windows(9, "batched")))
    tiny.sample(animated, frames=22, steps=1, size=2)
    assert sizes == [18, 4]


@pytest.mark.one_window
def test_as_many_as_memory_allows(motion, monkeypatch):
    """On a device that is no CPU, by the host's own numbers."""
    animated, sizes = watched(added(attach(tiny.image_model(), motion, Applied()), windows=windows(0)))
    tiny.sample(animated, frames=22, steps=1, size=2)
    assert sizes == [6] * 5
    monkeypatch.setattr(batches.comfy.model_management, "is_device_cpu", lambda device: False)
    need = animated.model.memory_required([6 * 2, 4, 2, 2]) * 1.5
    for room, expected in ((0.5, [6] * 5), (1.5, [6] * 5), (2.5, [12, 12, 6]), (1e6, [30])):
        monkeypatch.setattr(type(animated), "get_free_memory", lambda self, device, room=room: room * need)
        sizes.clear()
        tiny.sample(animated, frames=22, steps=1, size=2)
        assert sizes == expected


def test_out_of_memory_falls_back_to_fewer_windows_for_the_rest_of_the_run(motion, caplog, screen):
    animated = attach(exact.image_model(), motion, Applied())
    expected = tiny.sample(added(animated, windows=windows(1)), frames=22, size=4, cfg=1.0)
    small, sizes = watched(added(animated, windows=windows(4)))

    def little_memory(executor, base, conds, x, *args):
        if len(x) > 12:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return executor(base, conds, x, *args)

    small.add_wrapper_with_key(WRAPPERS.CALC_COND_BATCH, "memory", little_memory)
    with caplog.at_level(logging.WARNING):
        result = tiny.sample(small, frames=22, size=4, cfg=1.0)
    assert sizes == [24, 12, 12, 6, 12, 12, 6]
    assert "Not enough memory for 4 context windows at once; continuing with 2." in caplog.text
    assert screen.text.endswith("Windows computed at once: 2, because there was not enough memory for more.")
    assert_alike(result, expected)


def test_out_of_memory_with_one_window_and_other_errors_go_to_the_host(motion):
    for error, at_once in ((torch.OutOfMemoryError("CUDA out of memory."), 1), (ValueError("other"), 4)):
        animated = added(attach(tiny.image_model(), motion, Applied()), windows=windows(at_once))

        def fail(executor, *args, error=error):
            raise error

        animated.add_wrapper_with_key(WRAPPERS.CALC_COND_BATCH, "memory", fail)
        with pytest.raises(type(error)):
            tiny.sample(animated, frames=22, size=2)
