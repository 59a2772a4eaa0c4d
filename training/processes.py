"""A training in several processes, one per card: each computes a share of every step, and all learn the same.

torch's launcher starts them and tells each its number, on one machine or on several.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import comfy.model_management
import torch
import torch.distributed as dist

T = TypeVar("T")
LONGEST_WAIT = timedelta(hours=12)  # for the others: their videos may be longer, and process 0 makes samples


class ProcessError(RuntimeError):
    """Another process of the run failed, and so this one stops."""


@dataclass(frozen=True)
class _Outcome:
    """How a piece of work ended in one process."""

    result: object = None
    problem: str = ""  # what went wrong, in words
    interrupted: bool = False


@dataclass(frozen=True)
class Processes:
    """This process among those of the run."""

    number: int = 0  # of this process, from 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes files and reports."""
        return self.number == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """The items that are this process's: item i is that of process i mod count."""
        return items[self.number :: self.count]

    def together(self, work: Callable[[], T]) -> list[T]:
        """The results of `work`, done by each process, in the order of the processes.

        All wait for one another here. If `work` raises in one of them, none returns: that one raises its error, the others
        ProcessError. Interrupted, all raise InterruptProcessingException.
        """
        if self.count == 1:
            return [work()]
        error: BaseException | None = None
        try:
            mine = _Outcome(work())
        except comfy.model_management.InterruptProcessingException as stop:
            mine, error = _Outcome(interrupted=True), stop
        except BaseException as failure:
            mine, error = _Outcome(problem=str(failure) or type(failure).__name__), failure
        outcomes = self._exchange(mine)
        for number, outcome in enumerate(outcomes):
            if outcome.problem:
                if number == self.number and error is not None:
                    raise error
                raise ProcessError(f"Process {number} of {self.count} stopped: {outcome.problem}")
        if any(outcome.interrupted for outcome in outcomes):
            raise error or comfy.model_management.InterruptProcessingException()
        return [outcome.result for outcome in outcomes]  # type: ignore[misc]

    def check_same(self, start: Callable[[], object]) -> None:
        """Raises ProcessError unless `start` gives the same in all of them."""
        if self.count == 1:
            return
        starts = self.together(start)
        for number, other in enumerate(starts):
            if other != starts[0]:
                raise ProcessError(
                    f"Process {number} would start from {other} and process 0 from {starts[0]} (step, clips). All machines "
                    "must see the same settings file, clips, cache and output."
                )

    def _exchange(self, mine: _Outcome) -> list[_Outcome]:
        outcomes: list[_Outcome] = [mine] * self.count
        try:
            dist.all_gather_object(outcomes, mine)
        except RuntimeError as error:  # as soon as one of the others ends, by whatever hand
            raise ProcessError(
                f"Process {self.number} of {self.count} stopped, because another one ended without a message. Run the "
                "same command again to go on from the last save."
            ) from error
        return outcomes

    def add_up(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Gives each parameter the sum of its gradients in all processes.

        One without a gradient here counts as zero; one that has none anywhere keeps none.
        """
        if self.count == 1:
            return
        parameters = list(parameters)
        needed = torch.tensor([parameter.grad is not None for parameter in parameters], dtype=torch.uint8)
        dist.all_reduce(needed, dist.ReduceOp.MAX)
        running = []
        for parameter in (parameters[i] for i in needed.nonzero().flatten().tolist()):
            own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            parameter.grad = own.contiguous()
            running.append(dist.all_reduce(parameter.grad, async_op=True))
        for reduction in running:
            reduction.wait()


ALONE = Processes()


@contextmanager
def joined() -> Iterator[Processes]:
    """This process among those that torch's launcher started, connected while this is open; ALONE if it started none."""
    if not dist.is_torchelastic_launched():
        yield ALONE
        return
    cards = torch.cuda.is_available() and dist.is_nccl_available()
    dist.init_process_group("cpu:gloo,cuda:nccl" if cards else "gloo", timeout=LONGEST_WAIT)
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
