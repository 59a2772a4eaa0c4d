"""`dev.py soak --cycles N --seed S`: runs that fail leave nothing behind. Each cycle chains two of the pack's nodes, samples
with tiny real models, causes one fault in the middle and compares weights, hooks and memory with what they were.

`--cycle I` runs cycle I alone.
"""

from __future__ import annotations

import argparse
import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from tools.chains.chain import Chain, Node

FAULTS = ("error", "callback", "interrupt", "memory")
FIRST = "ApplyMotionModel"  # which most other nodes need
FRAMES = 2
CUTTING = ("ContextWindows", "MotionWindows")
IN_WINDOWS = 4  # frames of runs whose nodes cut the video
WINDOW = 3
TOGETHER = 25  # cycles between two looks at the memory, which take longer than a cycle


Hooks = dict[str, tuple[int, int, bool]]
"""Of each module: how many forward hooks and pre-hooks it has, and whether its forward is replaced."""


@dataclass(frozen=True)
class Cycle:
    """One run that fails."""

    nodes: tuple[str, str]  # ids without the pack's prefix, in this order
    fault: str  # one of FAULTS
    seed: int  # of the nodes' inputs and of the moment of the fault


@dataclass(frozen=True)
class State:
    """What a run must leave as it was."""

    weights: dict[str, Any]  # of the image model, copied
    hooks: Hooks  # of all modules of the image model
    sampling: Any  # the noise schedule


class Fault(Exception):
    """The error that a cycle puts into a run."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000, help="number of cycles (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="seed for the order and inputs of the cycles (default 0)")
    parser.add_argument("--cycle", type=int, help="run only the cycle with this number")
    options = parser.parse_args(arguments)
    from tools import in_host

    in_host.enter(threads=1, cpu=True)
    logging.disable(logging.WARNING)
    with TemporaryDirectory(prefix="kinema-soak-") as scratch:
        from tools.chains.run import prepare

        models = prepare(Path(scratch))
        numbers = list(range(options.cycles)) if options.cycle is None else [options.cycle]
        hit = 0
        for first in range(0, len(numbers), TOGETHER):
            hit += _soaked(numbers[first : first + TOGETHER], options.seed, models)
            print(f"{min(first + TOGETHER, len(numbers))} cycles", flush=True)
    print(f"{len(numbers)} cycles, {hit} of them with the fault during the run, nothing left behind")
    return 0


def _soaked(numbers: Sequence[int], seed: int, models: Any) -> int:
    """Runs the cycles of these `numbers`; how many met their fault. Raises SystemExit where one leaves something."""
    cycles = [cycle_of(number, seed) for number in numbers]
    hit = 0
    with leaves_no_tensors(models) as left:
        for number, cycle in zip(numbers, cycles, strict=True):
            try:
                hit += run_cycle(cycle, models)
            except AssertionError as error:
                raise SystemExit(f"cycle {number}, {cycle}: {error}") from None
    if left[0] > 0 and len(numbers) > 1:  # which of them was it?
        return sum(_soaked([number], seed, models) for number in numbers)
    if left[0] > 0:
        raise SystemExit(f"cycle {numbers[0]}, {cycles[0]}: {left[0]} bytes of tensors are still in memory")
    return hit


def every_pair() -> Iterator[tuple[str, str]]:
    """The ordered pairs of the nodes from MODEL to MODEL that chains are drawn from."""
    from tools.chains.generator import INPUTS

    ids = sorted(INPUTS)
    return ((first, second) for first in ids for second in ids)


def cycle_of(number: int, seed: int) -> Cycle:
    """The cycle of a `number`: all pairs and faults take turns, in an order that `seed` chooses."""
    each = [(pair, fault) for pair in every_pair() for fault in FAULTS]
    Random(seed).shuffle(each)
    pair, fault = each[number % len(each)]
    return Cycle(pair, fault, seed * 1_000_003 + number)


def run_cycle(cycle: Cycle, models: Any) -> bool:
    """Runs `cycle` with `models`, the Models of chains; whether its fault happened. Raises AssertionError where it changes the
    image model."""
    import comfy.model_management

    before = state_of(models)
    chain, model = built(cycle.nodes, cycle.seed, models)
    hit = model is not None and fails(model, chain, cycle.fault, models)
    comfy.model_management.unload_all_models()  # a model that stays loaded keeps what its nodes put on it
    check_unchanged(before, state_of(models))
    return hit


def built(nodes: tuple[str, str], seed: int, models: Any) -> tuple[Chain, Any]:
    """A short run with these `nodes`, and their MODEL; None: one of them refuses the other."""
    from tools.chains import run
    from tools.chains.generator import chain_of

    ids = nodes if FIRST in nodes else (FIRST, *nodes)
    cuts = any(node in CUTTING for node in nodes)
    chain = replace(chain_of(ids, seed), steps=2, height=8, width=8, sampler="euler", denoise=1.0)
    chain = replace(chain, frames=IN_WINDOWS if cuts else FRAMES, nodes=tuple(_short(node) for node in chain.nodes))
    try:
        return chain, run.build(chain, models)
    except ValueError:
        return chain, None


def _short(node: Node) -> Node:
    """`node` with windows of so few frames that they cut a short run."""
    if node.id not in CUTTING:
        return node
    inputs = dict(node.inputs) | {"length": WINDOW, "overlap": 1}
    return replace(node, inputs=tuple(inputs.items()))


def fails(model: Any, chain: Chain, fault: str, models: Any) -> bool:
    """Samples `chain` with its `model` until `fault` ends the run; whether it did. A refusal of Kinema ends it before."""
    import comfy.model_management as management

    from tools.chains import run

    hit: list[bool] = []
    try:
        with _put_in(fault, models.image, hit) as callback:
            run.sample(chain, model, models, callback)
    except (Fault, ValueError, management.InterruptProcessingException, management.OOM_EXCEPTION):
        pass
    finally:
        management.interrupt_current_processing(False)
    return bool(hit)


def check_unchanged(before: State, now: State) -> None:
    """Raises AssertionError where a run changed the image model."""
    assert now.hooks == before.hooks, "hooks are left on the networks"
    assert now.sampling is before.sampling, "the noise schedule of the image model changed"
    changed = [key for key, weight in before.weights.items() if not weight.equal(now.weights[key])]
    assert not changed, f"weights changed: {changed[:3]}"


def state_of(models: Any) -> State:
    """The State of `models`, the Models of chains."""
    network = models.image.model
    weights = {key: weight.clone() for key, weight in network.state_dict().items()}
    return State(weights, hooks_of(models), network.model_sampling)


def hooks_of(models: Any) -> Hooks:
    """What is attached to the modules of the UNet, and of SparseCtrl's network, of `models`, the Models of chains."""
    networks = {"unet": models.image.model.diffusion_model, "sparsectrl": models.sparse.network.model}
    return {
        f"{network}.{name}": (len(module._forward_hooks), len(module._forward_pre_hooks), "forward" in vars(module))
        for network, whole in networks.items()
        for name, module in whole.named_modules()
    }


@contextmanager
def leaves_no_tensors(models: Any) -> Iterator[list[int]]:
    """Yields a list that gets, at the end, how many bytes of tensors there are more than at the start. The motion models that
    `models`, the Models of chains, keep are let go of."""
    import comfy.model_management as management

    models.loaded.clear()
    before = _live_bytes()
    left: list[int] = []
    yield left
    models.loaded.clear()
    management.unload_all_models()
    left.append(_live_bytes() - before)


def _live_bytes() -> int:
    """The bytes of all tensors that Python still knows."""
    import torch

    gc.collect()
    kinds = (torch.Tensor, torch.nn.Parameter)  # not the stand-ins of torch.compile, which have no numbers
    tensors = [each for each in gc.get_objects() if type(each) in kinds and each.device.type == "cpu"]
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in tensors}
    return sum(storages.values())


@contextmanager
def _put_in(fault: str, model: Any, hit: list[bool]) -> Iterator[Callable[..., None] | None]:
    """Lets `fault` happen in a run of `model`; yields the callback for the run. `hit` gets an entry when it happens."""
    import comfy.model_management as management

    def in_unet(*_: Any) -> None:
        hit.append(True)
        match fault:
            case "memory":  # also in the second attempt, with fewer windows
                raise management.OOM_EXCEPTION("put in")
            case "interrupt":
                management.interrupt_current_processing(True)
                management.throw_exception_if_processing_interrupted()
            case "error":
                raise Fault

    def in_callback(*_: Any) -> None:
        hit.append(True)
        raise Fault

    if fault == "callback":
        yield in_callback
        return
    handle = model.model.diffusion_model.input_blocks[1][0].register_forward_pre_hook(in_unet)
    try:
        yield None
    finally:
        handle.remove()
