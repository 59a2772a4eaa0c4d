"""A training in several processes, one per card: each computes a part of every step, and all have the same weights after it.

torch's launcher starts them and tells each its number, on one machine or on several.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Thread
from typing import TypeVar

import comfy.model_management
import torch
import torch.distributed as dist

T = TypeVar("T")
LONGEST_WAIT = timedelta(hours=12)  # for the others: their videos may be longer, and process 0 makes samples
FAREWELL = 20.0  # seconds for reporting an error to the others; then this process ends without


class ProcessError(RuntimeError):
    """Another process of the run failed, and so this one stops."""


@dataclass(frozen=True)
class _Outcome:
    """How a piece of work ended in one process."""

    result: object = None  # what the work returned; None if it failed
    problem: str = ""  # what went wrong, in words
    interrupted: bool = False  # whether the host interrupted it


@dataclass(frozen=True)
class Processes:
    """This process among those of the run."""

    number: int = 0  # of this process, from 0
    count: int = 1  # of the processes of the run, 1 or more
    known: list[BaseException] = field(default_factory=list, repr=False, compare=False)  # errors that all of them know

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes files and reports."""
        return self.number == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """The items that are this process's: item i is that of process i mod count."""
        return items[self.number :: self.count]

    def together(self, work: Callable[[], T]) -> list[T]:
        """The results of `work`, done by each process, in the order of the processes.

        All wait for one another here. If one raises an error, here or on its way here, all stop: that one raises it, the
        others ProcessError. If one was interrupted, all raise InterruptProcessingException.
        """
        if self.count == 1:
            return [work()]
        error: BaseException | None = None
        try:
            mine = _Outcome(work())
        except comfy.model_management.InterruptProcessingException as stop:
            mine, error = _Outcome(interrupted=True), stop
        except BaseException as failure:
            mine, error = _failed(failure), failure
        try:
            outcomes = self._exchange(mine)
            self._stop_at_others(outcomes)
            if error is not None:
                raise error
            if any(outcome.interrupted for outcome in outcomes):
                raise comfy.model_management.InterruptProcessingException()
        except BaseException as stop:
            self.known.append(stop)
            raise
        return [outcome.result for outcome in outcomes]  # type: ignore[misc]

    def add_up(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Gives each parameter the sum of its gradients in all processes.

        One without a gradient here counts as zero; one that has none anywhere keeps none.
        """
        if self.count == 1:
            return
        everything = list(parameters)
        present = self.together(lambda: [parameter.grad is not None for parameter in everything])
        needed = [
            parameter for parameter, have in zip(everything, zip(*present, strict=True), strict=True) if any(have)
        ]
        self.together(lambda: _make_dense(needed))  # what can fail comes before the sums
        running = [dist.all_reduce(parameter.grad, async_op=True) for parameter in needed]
        for reduction in running:
            reduction.wait()

    def check_same(self, start: Callable[[], object]) -> None:
        """Raises ProcessError unless `start` gives the same in all of them."""
        if self.count == 1:
            return
        starts = self.together(start)
        for number, other in enumerate(starts):
            if other != starts[0]:
                raise ProcessError(
                    f"Process {number} would start with step and clip fingerprint {other}, but process 0 would start with "
                    f"{starts[0]}. Make sure that all machines see the same settings file, clips, cache and output."
                )

    def leave(self, error: BaseException) -> None:
        """To be called when this process ends with `error`: tells the others, unless they know, and waits until the first one
        has saved. Raises ProcessError if an earlier one of them failed too, so that one alone tells the user."""
        outcomes: list[_Outcome] = []
        if error not in self.known:
            tell = Thread(target=self._tell, args=(_failed(error), outcomes), daemon=True)
            tell.start()
            tell.join(FAREWELL)
            if not outcomes:  # nobody listens any more
                return
        with suppress(ProcessError):
            self._exchange(_Outcome())
        self._stop_at_others(outcomes)

    def _tell(self, mine: _Outcome, outcomes: list[_Outcome]) -> None:
        with suppress(ProcessError):
            outcomes.extend(self._exchange(mine))

    def _exchange(self, mine: _Outcome) -> list[_Outcome]:
        outcomes: list[_Outcome] = [mine] * self.count
        try:
            dist.all_gather_object(outcomes, mine)
        except RuntimeError as error:  # as soon as one of the others ends, by whatever hand
            raise ProcessError(
                f"Process {self.number} of {self.count} stopped, because another process ended without a message. Run the "
                "same command again to continue from the last save."
            ) from error
        return outcomes

    def _stop_at_others(self, outcomes: Sequence[_Outcome]) -> None:
        """Raises ProcessError if the first one that failed is another one."""
        failed = [number for number, outcome in enumerate(outcomes) if outcome.problem]
        if failed and failed[0] != self.number:
            raise ProcessError(f"Process {failed[0]} of {self.count} stopped: {outcomes[failed[0]].problem}")


ALONE = Processes()


@contextmanager
def joined() -> Iterator[Processes]:
    """This process among those that torch's launcher started, connected while this is open; ALONE if it started none.

    They end together: with an error in one of them, the others end with ProcessError.
    """
    if not dist.is_torchelastic_launched():
        yield ALONE
        return
    cards = torch.cuda.is_available() and dist.is_nccl_available()
    dist.init_process_group("cpu:gloo,cuda:nccl" if cards else "gloo", timeout=LONGEST_WAIT)
    processes = Processes(dist.get_rank(), dist.get_world_size())
    try:
        yield processes
        processes.together(lambda: None)
    except BaseException as error:
        processes.leave(error)
        raise
    dist.destroy_process_group()


def _failed(error: BaseException) -> _Outcome:
    return _Outcome(problem=str(error) or type(error).__name__)


def _make_dense(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Gives each a gradient that can be added up in place."""
    for parameter in parameters:
        own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        parameter.grad = own.contiguous()
