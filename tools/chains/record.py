"""Records what chains give, and compares it bit for bit with what they give later."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .chain import from_json, to_json

if TYPE_CHECKING:
    import torch

INDEX = "chains.json"
TENSOR = "samples"  # its name in the files


@dataclass(frozen=True)
class Outcome:
    """What a chain gave."""

    sha256: str = ""  # of the bytes of its latents in float32; empty where there are none
    error: str = ""  # why there are none

    @property
    def is_refusal(self) -> bool:
        return bool(self.error)


@dataclass(frozen=True)
class Recorded:
    """A line of the index."""

    chain: dict[str, Any]  # as JSON
    outcome: Outcome


@dataclass(frozen=True)
class Difference:
    """A chain that gives another result than it gave."""

    chain: dict[str, Any]  # as JSON
    words: str  # what differs


def record(folder: Path, count: int, processes: int) -> list[Recorded]:
    """Samples the chains of the seeds 0 to `count` - 1 and keeps all in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = _in_processes(_record_one, [(folder, seed) for seed in range(count)], processes)
    index = [{"chain": line.chain, "outcome": asdict(line.outcome)} for line in lines]
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return lines


def compare(folder: Path, processes: int) -> list[Difference | None]:
    """Samples the chains that `record` left in `folder` again: what differs of each, None where nothing does."""
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    lines = [Recorded(entry["chain"], Outcome(**entry["outcome"])) for entry in index]
    return _in_processes(_compare_one, [(folder, line) for line in lines], processes)


def file_of(folder: Path, seed: int) -> Path:
    """The file of a chain's latents."""
    return folder / f"chain_{seed:04d}.safetensors"


def _in_processes(work: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], processes: int) -> list[Any]:
    """`work` for each of `tasks`, in their order. Each process makes its own models in a folder of its own."""
    with (
        TemporaryDirectory(prefix="kinema-chains-") as scratch,
        ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool,
    ):
        futures = [pool.submit(work, scratch, *task) for task in tasks]
        for done, _ in enumerate(as_completed(futures), start=1):
            if done % 50 == 0:
                print(f"{done} of {len(tasks)} chains", flush=True)
        return [future.result() for future in futures]


def _record_one(scratch: str, folder: Path, seed: int) -> Recorded:
    models = _models(scratch)
    from safetensors.torch import save_file

    from .generator import chain as drawn

    chain = drawn(seed)
    result = _result(chain, models)
    if isinstance(result, Outcome):
        return Recorded(to_json(chain), result)
    save_file({TENSOR: result}, file_of(folder, seed))
    return Recorded(to_json(chain), Outcome(sha256=_digest(result)))


def _compare_one(scratch: str, folder: Path, before: Recorded) -> Difference | None:
    models = _models(scratch)
    from safetensors.torch import load_file

    chain = from_json(before.chain)
    result = _result(chain, models)
    now = result if isinstance(result, Outcome) else Outcome(sha256=_digest(result))
    if now == before.outcome:
        return None
    if now.is_refusal or before.outcome.is_refusal:
        return Difference(before.chain, f"was {_state(before.outcome)}; now {_state(now)}")
    recorded = load_file(file_of(folder, chain.seed))[TENSOR]
    if recorded.shape != result.shape:
        return Difference(before.chain, f"shape was {tuple(recorded.shape)}; now {tuple(result.shape)}")
    largest = (result - recorded).abs().max().item()
    return Difference(before.chain, f"max difference {largest:.3g} of values up to {recorded.abs().max():.3g}")


def _state(outcome: Outcome) -> str:
    return f"refused ({outcome.error})" if outcome.is_refusal else "sampled"


def _result(chain: Any, models: Any) -> torch.Tensor | Outcome:
    """The latents of `chain`, or an Outcome that says why there are none."""
    from .run import build, sample

    try:
        return sample(chain, build(chain, models)).contiguous()
    except Exception as error:  # whatever it is, the redesign has to give the same
        return Outcome(error=f"{type(error).__name__}: {error}")


def _digest(latents: torch.Tensor) -> str:
    return hashlib.sha256(latents.numpy().tobytes()).hexdigest()


@cache
def _models(scratch: str) -> Any:
    """The models of this process, made on first use."""
    import logging
    import os
    import warnings

    from tools import in_host

    in_host.enter(threads=1, cpu=True)
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", module="torchsde")  # rounding of the noise levels that the host gives it
    from .run import prepare

    return prepare(Path(scratch) / str(os.getpid()))


def refusals(lines: Sequence[Recorded]) -> Iterator[str]:
    """The messages of the chains that were refused."""
    return (line.outcome.error for line in lines if line.outcome.is_refusal)
