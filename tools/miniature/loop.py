"""The training loop of the miniature's parts: resumable, averaged (EMA), logged.

Every step draws its randomness from (seed, step), so a resumed run equals an uninterrupted one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kinema.motion.atomic import replacing

from .host import device

SAVE_EVERY = 120.0  # seconds


class OutOfTime(RuntimeError):
    """The minutes are used up; the run goes on where it stopped when it is started again."""


@dataclass(frozen=True)
class Plan:
    """How one part is trained."""

    name: str  # of the part: names its file and its lines in the log
    steps: int  # of the optimizer
    lr: float  # highest learning rate; a cosine takes it to 2 % at the last step
    warmup: int = 100  # steps over which the learning rate rises
    seed: int = 0  # of the randomness of all steps
    ema: float = 0.999  # decay of the weights' moving average, lower in the first steps
    weight_decay: float = 0.01  # of AdamW


LossOf = Callable[[int, torch.Generator], torch.Tensor]


def fit(
    plan: Plan, parts: torch.nn.ModuleDict, loss_of: LossOf, folder: Path, stop_at: float
) -> dict[str, torch.Tensor]:
    """Train the parameters of `parts` that want gradients; return the averaged state dict.

    Args:
        loss_of: (step, generator of that step) to loss.
        stop_at: `time.time()` at which to save and raise `OutOfTime`.
    """
    wanted = [p for p in parts.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(wanted, lr=plan.lr, betas=(0.9, 0.99), weight_decay=plan.weight_decay)
    average = {k: v.detach().clone() for k, v in parts.state_dict().items()}
    path = folder / f"{plan.name}.pt"
    first = _resume(path, parts, optimizer, average)
    saved = time.time()
    losses = list[float]()
    for step in range(first, plan.steps):
        _set_rate(optimizer, plan, step)
        generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + step)
        loss = loss_of(step, generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(wanted, 1.0)
        optimizer.step()
        _average(average, parts, min(plan.ema, (1 + step) / (10 + step)))
        losses.append(loss.item())
        if len(losses) == 50:
            _log(folder, plan, step + 1, losses)
            losses.clear()
        if time.time() - saved > SAVE_EVERY or step + 1 == plan.steps or time.time() > stop_at:
            write(
                path,
                {
                    "step": step + 1,
                    "parts": parts.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "average": average,
                },
            )
            saved = time.time()
        if time.time() > stop_at and step + 1 < plan.steps:
            raise OutOfTime(
                f"{plan.name} stopped at step {step + 1} of {plan.steps}; run the command again to continue."
            )
    return average


def write(path: Path, content: Any) -> None:
    """torch.save, so that a killed run leaves the old file."""
    with replacing(path) as unfinished:
        torch.save(content, unfinished)


def _resume(
    path: Path, parts: torch.nn.Module, optimizer: torch.optim.Optimizer, average: dict[str, torch.Tensor]
) -> int:
    if not path.exists():
        return 0
    stored = torch.load(path, map_location=device())
    parts.load_state_dict(stored["parts"])
    optimizer.load_state_dict(stored["optimizer"])
    average.update(stored["average"])
    return int(stored["step"])


def _set_rate(optimizer: torch.optim.Optimizer, plan: Plan, step: int) -> None:
    decay = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / plan.steps))
    for group in optimizer.param_groups:
        group["lr"] = plan.lr * min(1.0, (step + 1) / plan.warmup) * decay


@torch.no_grad()
def _average(average: dict[str, torch.Tensor], parts: torch.nn.Module, decay: float) -> None:
    for name, value in parts.state_dict().items():
        average[name].lerp_(value, 1 - decay)


def _log(folder: Path, plan: Plan, step: int, losses: list[float]) -> None:
    line = f"{time.strftime('%H:%M:%S')} {plan.name} {step}/{plan.steps} loss {sum(losses) / len(losses):.5f}"
    print(line, flush=True)
    with (folder / "log.txt").open("a") as log:
        log.write(line + "\n")
