"""`dev.py farm-check simulate [--driver-ms 5]`: how well a farm keeps up to 1,000 GPUs busy.

A simulation, not a measurement: every GPU has 100 jobs to do, of 20 s on average, and needs 60 s to start. The driver does
one thing at a time and needs `--driver-ms` for a job, as `scale` measured. Efficiency is the work that was needed, divided
by GPUs × time until the last job was done.
"""

import argparse
import heapq
import random
from collections import deque
from dataclasses import dataclass, field

GPUS = (8, 64, 256, 1000)
JOBS = 100  # for each GPU
SECONDS, VARIATION = 20.0, 0.5  # of a job: mean, and standard deviation / mean
ESTIMATE = 0.2  # by which the farm's estimates are off, from which it takes the longest jobs first
START = 60.0  # seconds until a server answers, at first and after a failure
NOTICED = 60.0  # seconds until the jobs of a lost server go to others (--patience)
HURRY = 10.0  # the same once servers wait for jobs
RELIEF = 1.0  # seconds until a server without a job gets one that waits on another
MTBF = 3600.0  # seconds between two failures of one GPU, on average
GOALS = {False: 0.95, True: 0.93}  # efficiency, by whether GPUs fail


@dataclass
class Outcome:
    """One simulated run."""

    seconds: float = 0.0  # until the last job was done
    work: float = 0.0  # seconds of all jobs
    lost: float = 0.0  # seconds of work that failures destroyed
    failures: int = 0  # of GPUs

    def efficiency(self, gpus: int) -> float:
        return self.work / (gpus * self.seconds)


@dataclass
class Simulation:
    """Servers that ask one driver for jobs."""

    gpus: int  # servers, each with one GPU
    driver: float  # seconds for a job
    fails: bool  # whether GPUs fail, one an MTBF on average
    random: random.Random  # seeded; lengths of jobs and moments of failures are drawn from it
    waiting: "deque[float]" = field(default_factory=deque)  # seconds of the jobs
    events: list[tuple[float, int, str, float, float]] = field(default_factory=list)  # time, number, kind, job, death
    idle: int = 0  # servers without a job
    free: float = 0.0  # when the driver is next at leisure
    count: int = 0  # events so far, which orders those of the same time

    def run(self) -> Outcome:
        outcome = Outcome()
        jobs = [self._seconds() for _ in range(self.gpus * JOBS)]
        self.waiting.extend(sorted(jobs, key=lambda job: -job * self.random.gauss(1.0, ESTIMATE)))
        outcome.work = sum(self.waiting)
        left = len(self.waiting)
        for _ in range(self.gpus):
            self._at(START, "ready")
        while left:
            now, _, kind, job, death = heapq.heappop(self.events)
            if kind == "done":
                left -= 1
                outcome.seconds = now
                self._give(now, outcome, late=0.0)
            elif kind == "ready":
                self._give(now, outcome, late=0.0)
            elif self.waiting and now < death + NOTICED:  # nobody waits for the lost job
                self._at(now + RELIEF, "lost", job, death)
            else:
                self.waiting.appendleft(job)
                if self.idle:
                    self.idle -= 1
                    self._give(now, outcome, late=RELIEF)
        return outcome

    def _give(self, now: float, outcome: Outcome, late: float) -> None:
        """The next job for a server that has none; prompts that wait on it hide the driver's time while it keeps up."""
        if not self.waiting:
            self.idle += 1
            return
        job = self.waiting.popleft()
        self.free = max(self.free, now - SECONDS) + self.driver
        begin = max(now + late, self.free)
        end = begin + job
        dies = self.random.expovariate(1 / MTBF) if self.fails else float("inf")
        if dies < job:
            outcome.failures += 1
            outcome.lost += dies
            self._at(begin + dies + START, "ready")
            self._at(begin + dies + HURRY, "lost", job, begin + dies)
        else:
            self._at(end, "done")

    def _at(self, time: float, kind: str, job: float = 0.0, death: float = 0.0) -> None:
        self.count += 1
        heapq.heappush(self.events, (time, self.count, kind, job, death))

    def _seconds(self) -> float:
        """Gamma-distributed: never negative, with the mean and variation above."""
        shape = 1 / VARIATION**2
        return self.random.gammavariate(shape, SECONDS / shape)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py farm-check simulate", description=__doc__)
    parser.add_argument(
        "--driver-ms",
        type=float,
        nargs="*",
        default=[5.0, 10.0, 25.0],
        help="milliseconds that the driver needs for each job",
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    print("Simulated, not measured: 100 jobs of 20 s (± 10 s) for each GPU, 60 s to start, one driver")
    print("driver ms  GPUs   no failure   one failure an hour for each GPU")
    is_good = True
    for milliseconds in options.driver_ms:
        for gpus in GPUS:
            plain = simulated(gpus, milliseconds, False, options.seed)
            failing = simulated(gpus, milliseconds, True, options.seed)
            lost = 100 * failing.lost / failing.work
            print(
                f"{milliseconds:9.1f} {gpus:5d}   {plain.efficiency(gpus):10.3f}   {failing.efficiency(gpus):.3f} "
                f"({failing.failures} failures, {lost:.2f} % of the work lost)"
            )
            reached = plain.efficiency(gpus) >= GOALS[False] and failing.efficiency(gpus) >= GOALS[True]
            is_good &= reached or milliseconds > min(options.driver_ms)
    return 0 if is_good else 1


def simulated(gpus: int, driver_ms: float, fails: bool, seed: int) -> Outcome:
    return Simulation(gpus, driver_ms / 1000, fails, random.Random(f"{gpus} {fails} {seed}")).run()
