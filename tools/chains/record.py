"""Records what chains give, and compares it with what they give later."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .chain import Chain, from_json, to_json
from .outcome import Outcome, change, distance, outcome_of, refusal

INDEX = "chains.json"
TENSOR = "samples"  # its name in the files


@dataclass(frozen=True)
class Recorded:
    """A chain and what it gave."""

    chain: Chain  # what was sampled
    outcome: Outcome  # its tensors' digests, or its error


@dataclass(frozen=True)
class Difference:
    """A chain that gives another result than it gave."""

    chain: Chain  # what was sampled
    words: str  # what differs


def record(folder: Path, count: int, processes: int) -> list[Recorded]:
    """Samples the chains of the seeds 0 to `count` - 1 and keeps all in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    done = _in_processes(_record_seed, [(folder, seed) for seed in range(count)], processes)
    lines = sorted(done, key=lambda line: line.chain.seed)
    write_index(folder, lines)
    return lines


def write_index(folder: Path, lines: Sequence[Recorded]) -> None:
    """Lists `lines` in `folder`, for `compare`."""
    index = [{"chain": to_json(line.chain), "outcome": asdict(line.outcome)} for line in lines]
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def compare(folder: Path, count: int, processes: int) -> Iterator[Difference | None]:
    """Samples the first `count` chains that are kept in `folder` again. What differs of each, None where nothing does;
    in the order in which they get ready."""
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    lines = [Recorded(from_json(entry["chain"]), Outcome(**entry["outcome"])) for entry in index]
    yield from _in_processes(_compare_one, [(folder, line) for line in lines[:count]], processes)


def file_of(folder: Path, seed: int) -> Path:
    """The file of a chain's latents."""
    return folder / f"chain_{seed:04d}.safetensors"


def _in_processes(work: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], processes: int) -> Iterator[Any]:
    """`work` for each of `tasks`, as they get ready. Each process makes its own models in a folder of its own."""
    with (
        TemporaryDirectory(prefix="kinema-chains-") as scratch,
        ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool,
    ):
        futures = [pool.submit(work, scratch, *task) for task in tasks]
        for done, future in enumerate(as_completed(futures), start=1):
            yield future.result()
            if done % 50 == 0:
                print(f"{done} of {len(tasks)} chains", flush=True)


def _record_seed(scratch: str, folder: Path, seed: int) -> Recorded:
    models = _models(scratch)
    from .generator import chain

    return record_chain(folder, chain(seed), models)


def record_chain(folder: Path, chain: Chain, models: Any) -> Recorded:
    """Samples `chain` with `models`, the Models of this process, and keeps its latents in `folder`."""
    from safetensors.torch import save_file

    result = _sampled(chain, models)
    if isinstance(result, Outcome):
        return Recorded(chain, result)
    save_file(result, file_of(folder, chain.seed))
    return Recorded(chain, outcome_of(result))


def _compare_one(scratch: str, folder: Path, before: Recorded) -> Difference | None:
    models = _models(scratch)
    from safetensors.torch import load_file

    result = _sampled(before.chain, models)
    if isinstance(result, Outcome):
        return None if result == before.outcome else Difference(before.chain, change(before.outcome, result))
    now = outcome_of(result)
    if now == before.outcome:
        return None
    if before.outcome.is_refusal:
        return Difference(before.chain, change(before.outcome, now))
    return Difference(before.chain, distance(load_file(file_of(folder, before.chain.seed)), result))


def _sampled(chain: Chain, models: Any) -> dict[str, Any] | Outcome:
    """The latents of `chain`, or why there are none."""
    import torch

    from .run import build, sample

    try:
        with torch.inference_mode():  # as the host runs nodes
            return {TENSOR: sample(chain, build(chain, models), models).contiguous()}
    except Exception as error:
        return refusal(error)


@cache
def _models(scratch: str) -> Any:
    """The models of this process, made on first use."""
    import logging
    import os
    import warnings

    from tools import in_host

    in_host.enter(threads=1, cpu=True, torch_attention=True)
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", module="torchsde")  # rounding of the noise levels that the host gives it
    from .run import prepare

    return prepare(Path(scratch) / str(os.getpid()))
