"""A step of the sampler on a UNet that the host's node TorchCompileModel compiled ÷ on one that it did not, with the attention
that GPUs use; in how many graphs; and how far the results are apart."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import comfy.sample
import torch
from comfy.ldm.modules.attention import attention_pytorch
from comfy_extras.nodes_torch_compile import TorchCompileModel
from torch._dynamo.utils import counters

from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import attach
from tools.bench import windows
from tools.bench.measure import Options, Result, interleaved


@torch.inference_mode()
def run(options: Options) -> Iterator[Result]:
    image_model, motion = windows.models()
    image_model.model_options["transformer_options"]["optimized_attention_override"] = _attention_of_gpus
    has_compiler = shutil.which(os.environ.get("CXX", "g++")) is not None
    compiled = TorchCompileModel.execute(image_model, "inductor" if has_compiler else "eager")[0]
    strengths = (1.0, 0.7, 0.0)
    as_it_is = {strength: attach(image_model, motion, Applied(strength)) for strength in strengths}
    graph = {strength: attach(compiled, motion, Applied(strength)) for strength in strengths}
    step = partial(_step, frames=options.frames, size=options.size)
    what = f"{options.frames} frames of {options.size}², cfg"
    seconds = {}
    apart = {}
    for strength in strengths:
        start = time.perf_counter()
        result = step(graph[strength])
        seconds[strength] = time.perf_counter() - start
        expected = step(as_it_is[strength])
        apart[strength] = float((result - expected).abs().max() / expected.abs().max())
    graphs = counters["stats"]["unique_graphs"]
    yield Result(f"{what}: graphs for strengths of 1, 0.7 and 0", graphs, "graphs", target=2)
    yield Result(f"{what}: graph breaks", sum(counters["graph_break"].values()), "places", target=0)
    yield Result(f"{what}: largest difference ÷ largest value", max(apart.values()), target=1e-4)
    if not has_compiler:
        print("  This machine has no C++ compiler, so the compiled code was not timed.", flush=True)
        return
    yield Result(f"{what}: first step with motion, compiling", seconds[1.0], "s")
    yield Result(f"{what}: first step without motion, compiling", seconds[0.0], "s")
    things: dict[str, Callable[[], object]] = {
        f"{name}, {strength}": partial(step, models[strength])
        for name, models in (("as it is", as_it_is), ("compiled", graph))
        for strength in (1.0, 0.0)
    }
    timed = interleaved(things, options.rounds)
    for name, strength in (("with", 1.0), ("without", 0.0)):
        ratio = timed[f"compiled, {strength}"] / timed[f"as it is, {strength}"]
        yield Result(f"{what}: a step {name} motion, compiled ÷ uncompiled", ratio)


def _attention_of_gpus(_chosen: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
    """That of torch, which traces in one piece. What the host chooses for CPUs asks the system how much memory is free."""
    return attention_pytorch(*inputs, **named)


def _step(model: Any, frames: int, size: int) -> torch.Tensor:
    """One step of the host's sampler, with guidance."""
    empty = torch.zeros(frames, 4, size // 8, size // 8)
    text = [[torch.zeros(1, 77, 768), {}]]
    noise = comfy.sample.prepare_noise(empty, 1)
    result: torch.Tensor = comfy.sample.sample(
        model, noise, 1, 7.0, "euler", "normal", text, text, empty, disable_pbar=True, seed=1
    )
    return result
