"""`dev.py convert-run FOLDER`: converts workflows of AnimateDiff-Evolved, runs them on every host with the miniature's files
in place of those that they name, and prints what came out.

Nodes of other packs and files that are not the miniature's are bypassed or replaced with nodes of ComfyUI. Each workflow
runs twice, the second time with all motion models at strength 0: the distance of the two results says whether the
motion models acted. Nothing is written.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .. import environment, in_host, server
from ..client import Client, Prompt, PromptFailed, PromptRejected
from ..server import Server

in_host.import_extension()  # which needs no host for the converter

from kinema.convert import WorkflowError, convert, has_evolved_nodes  # noqa: E402
from kinema.convert.files.command import files_in  # noqa: E402
from kinema.convert.files.containers import read_workflow  # noqa: E402
from kinema.convert.report import NOT_CONVERTED  # noqa: E402

from .cutting import OURS, Cut, cut_out  # noqa: E402

if TYPE_CHECKING:
    import torch

APPLIES = "KinemaApplyMotionModel"
SHOWN = 3  # classes of nodes of other packs, in a row


@dataclass(frozen=True)
class Run:
    """What came of one workflow, or of one of its subgraphs."""

    name: str  # of the file
    cut: Cut | None = None  # None where there was nothing to run
    frames: int = 0  # of the last sampler
    difference: float = 0.0  # relative L2 to the same without motion, the largest of all samplers
    problem: str = ""  # why it did not run; empty where it did

    @property
    def is_whole(self) -> bool:
        """Whether all active nodes ran but those that only load files."""
        return self.cut is not None and all("Load" in kind for kind in self.cut.left)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dev.py convert-run", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of workflows; its subfolders are read too")
    parser.add_argument(
        "--only", metavar="TEXT", nargs="+", default=[""], help="only files whose names contain one of these texts"
    )
    parser.add_argument("--accept", action="store_true", help="also convert nodes that lose something")
    options = parser.parse_args(arguments)
    files = [file for file in files_in(options.folder) if any(text in file.name for text in options.only)]
    in_host.enter(threads=1, cpu=True)
    failed = 0
    for host in environment.find().hosts:
        print(f"\n{host.name}")
        runs = []
        for run in _runs(host, files, options.accept):
            runs.append(run)
            print(line(run), flush=True)
        ran = [run for run in runs if run.cut is not None and not run.problem]
        moved = sum(run.difference > 0 for run in ran)
        print(f"{len(ran)} ran to the end, {moved} of them with motion; {len(runs) - len(ran)} did not run.")
        failed += sum(bool(run.problem) and run.cut is not None for run in runs)
    return 1 if failed else 0


def line(run: Run) -> str:
    if run.cut is None:
        return f"{run.name:<16} {run.problem}"
    left = Counter(run.cut.left)
    shown = ", ".join(kind for kind, _ in left.most_common(SHOWN)) + (", ..." if len(left) > SHOWN else "")
    nodes = f"{run.cut.kept:>3} of {run.cut.kept + len(left):>3} nodes"
    result = run.problem or f"{run.frames:>3} frames  {run.difference:.1e} without motion"
    return f"{run.name:<16} {nodes}  {result}  {'without ' + shown if shown else ''}".rstrip()


def _runs(host: Path, files: list[Path], accept: bool) -> Iterator[Run]:
    from ..templates import small

    with TemporaryDirectory(prefix="kinema-run-") as scratch:
        base = Path(scratch)
        small.place_files(base)
        with server.running(host, base, threads=1) as comfy, Client(comfy.url) as client:
            info = client.object_info()
            for file in files:
                yield from _runs_of(file, info, comfy, client, accept)


def _runs_of(file: Path, info: Mapping[str, Any], comfy: Server, client: Client, accept: bool) -> Iterator[Run]:
    try:
        workflow = read_workflow(file)
        if workflow is None or not has_evolved_nodes(workflow):
            yield Run(file.name, problem="nothing to convert")
            return
        conversion = convert(workflow, accept, core=True)
    except WorkflowError as error:
        yield Run(file.name, problem=str(error))
        return
    cuts = len(cut_out(conversion.workflow, info))
    if not cuts or conversion.report.result == NOT_CONVERTED:
        yield Run(file.name, problem=conversion.report.result)
        return
    for number in range(cuts):
        yield _run(file.name, partial(_cut, conversion.workflow, info, number), comfy, client)


def _cut(workflow: Mapping[str, Any], info: Mapping[str, Any], number: int, failing: frozenset[str]) -> Cut:
    return cut_out(workflow, info, failing)[number]


def _run(name: str, cut_without: Callable[[frozenset[str]], Cut], comfy: Server, client: Client) -> Run:
    """Runs a cut. Nodes of the host that fail with what stands in for others are passed by in the next try."""
    failing: frozenset[str] = frozenset()
    while True:
        cut = cut_without(failing)
        try:
            return run_cut(name, cut, comfy, client)
        except PromptFailed as error:
            kind = cut.prompt[error.node]["class_type"]
            if kind.startswith(OURS) or error.node in cut.samplers:
                return Run(name, cut, problem=" ".join(str(error).split()))
            failing |= {error.node}
        except PromptRejected as error:
            return Run(name, cut, problem=" ".join(str(error).split()))


def run_cut(name: str, cut: Cut, comfy: Server, client: Client) -> Run:
    """Runs `cut` with its motion models and without them. Raises PromptFailed and PromptRejected."""
    if cut.ours_left:
        return Run(name, cut, problem=f"{cut.ours_left[0]} has an input that nothing can stand in for")
    moving = _latents(cut.prompt, comfy, client)
    if not moving:
        return Run(name, cut, problem="no node in it samples")
    still = moving | _latents(_without_motion(cut.prompt), comfy, client)  # what has no motion is not sampled again
    differences = [float((moving[file] - still[file]).norm() / moving[file].norm()) for file in moving]
    if not all(math.isfinite(difference) for difference in differences):
        return Run(name, cut, problem="the latents are not finite")
    *_, last = moving.values()
    return Run(name, cut, last.shape[0], max(differences))


def _without_motion(prompt: Prompt) -> Prompt:
    """`prompt` with all motion models at strength 0."""
    return {
        number: {**node, "inputs": {**node["inputs"], "strength": 0.0}} if node["class_type"] == APPLIES else node
        for number, node in prompt.items()
    }


def _latents(prompt: Prompt, comfy: Server, client: Client) -> dict[str, torch.Tensor]:
    """The latents that `prompt` saves, by the names of their files."""
    from safetensors.torch import load_file

    for old in comfy.output.rglob("*.latent"):
        old.unlink()
    client.run(prompt)
    files = sorted(comfy.output.rglob("*.latent"))
    return {file.name: load_file(file)["latent_tensor"].double() for file in files}


if __name__ == "__main__":
    sys.exit(main())
