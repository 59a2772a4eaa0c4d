"""`dev.py convert-golden FOLDER`: converts small workflows of AnimateDiff-Evolved, runs them on a real server, and prints how
far the latents are from those that AnimateDiff-Evolved itself made.

FOLDER has a NAME.json and a NAME.safetensors for each workflow, and `weights`, the miniature that they were made with. The
.safetensors file contains `latents` and `latents_formula_positions`; for the latter, the position tables followed the
paper's formula, as Kinema's do. A workflow counts as wrong if the report says "same numbers", but the distance exceeds the
tolerances.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .. import environment, in_host, server
from ..client import Client, PromptFailed, PromptRejected
from ..environment import REPOSITORY
from ..graph import to_prompt
from ..server import Server

in_host.import_extension()  # which needs no host for the converter

from kinema.convert import convert  # noqa: E402

TOLERANCES = {"latents": 1e-3, "latents_formula_positions": 1e-4}  # relative L2
IN_FULL_PRECISION = "latents_formula_positions_fp32"  # for weights that AnimateDiff-Evolved changed in half precision
OWN_FILES = {  # of the miniature: where the pack has them
    "miniature.safetensors": "miniature.safetensors",
    "miniature_vae.safetensors": "miniature_vae.safetensors",
    "miniature_mm.safetensors": "animatediff_models/miniature_mm.safetensors",
    "miniature_zoom.safetensors": "animatediff_motion_lora/miniature_zoom.safetensors",
}
SAME = "same numbers"


@dataclass(frozen=True)
class Case:
    """One workflow, as it was converted and run."""

    name: str  # of the workflow's file
    result: str  # of the conversion's report
    distances: dict[str, float]  # {tensor: relative L2}; empty where the server did not run it
    problem: str = ""  # why there are no distances, or what differs by the report

    @property
    def is_near(self) -> bool:
        return bool(self.distances) and all(self.distances[name] <= most for name, most in TOLERANCES.items())

    @property
    def is_wrong(self) -> bool:
        return not self.is_near and (self.result == SAME or not self.distances)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py convert-golden", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with the workflows and the results")
    parser.add_argument("--only", metavar="TEXT", default="", help="only workflows whose names contain this text")
    options = parser.parse_args(arguments)
    changed = [name for name, own in OWN_FILES.items() if not _are_equal(options.folder / "weights" / name, own)]
    if changed:
        print(
            f"The results were made with another miniature. Files in {options.folder / 'weights'} that differ from those in "
            f"{REPOSITORY / 'miniature'}: {', '.join(changed)}."
        )
        print("Copy these files over those of the repository, run this command again, and then undo the change.")
        return 2
    wrong = 0
    for host in environment.find().hosts:
        print(f"\n{host.name}")
        cases = []
        for case in _cases(host, options.folder, options.only):
            cases.append(case)
            print(_line(case), flush=True)
        near = sum(case.is_near for case in cases)
        wrong += sum(case.is_wrong for case in cases)
        print(f"{near} of {len(cases)} within {TOLERANCES}")
    return 1 if wrong else 0


def _are_equal(file: Path, own: str) -> bool:
    return file.read_bytes() == (REPOSITORY / "miniature" / own).read_bytes()


def _line(case: Case) -> str:
    distances = "  ".join(f"{case.distances[name]:.1e}" for name in TOLERANCES if name in case.distances)
    mark = "  WRONG" if case.is_wrong else ""
    return f"{case.name:<36} {case.result:<14} {distances}{mark}  {'' if case.is_near else case.problem}".rstrip()


def _cases(host: Path, folder: Path, only: str) -> Iterator[Case]:
    with TemporaryDirectory(prefix="kinema-golden-") as scratch:
        base = Path(scratch)
        _write_other_versions(folder / "weights" / "miniature_mm.safetensors", base / "models" / "animatediff_models")
        with server.running(host, base, threads=1) as comfy, Client(comfy.url) as client:
            info = client.object_info()
            for file in sorted(folder.glob("*.json")):
                if only in file.stem:
                    yield _run(file, comfy, client, info)


def _write_other_versions(source: Path, folder: Path) -> None:
    """The miniature's motion model as a v1 file, which has 24 positions, and as a v2 file, which has a mid block."""
    from safetensors.torch import load_file, save_file

    folder.mkdir(parents=True)
    weights = load_file(source)
    v1 = {name: tensor[:, :24].contiguous() if name.endswith(".pe") else tensor for name, tensor in weights.items()}
    save_file(v1, folder / "miniature_mm_v1.safetensors")
    last, mid = "down_blocks.3.motion_modules.1.", "mid_block.motion_modules.0."
    block = {name.replace(last, mid): tensor.clone() for name, tensor in weights.items() if name.startswith(last)}
    save_file(weights | block, folder / "miniature_mm_v2.safetensors")


def _run(file: Path, comfy: Server, client: Client, info: dict[str, Any]) -> Case:
    from safetensors.torch import load_file

    conversion = convert(json.loads(file.read_text(encoding="utf-8")))
    report = conversion.report
    said = " ".join(text for unit in report.units for text in (unit.refusal, *(remark.text for remark in unit.remarks)))
    try:
        client.run(to_prompt(conversion.workflow, info))
    except (PromptFailed, PromptRejected) as error:
        return Case(file.stem, report.result, {}, str(error))
    (saved,) = comfy.output.rglob(f"{file.stem}_*.latent")
    ours = load_file(saved)["latent_tensor"].double()
    golden = load_file(file.with_suffix(".safetensors"))
    if IN_FULL_PRECISION in golden:
        golden["latents_formula_positions"] = golden[IN_FULL_PRECISION]
    distances = {name: float((ours - golden[name]).norm() / golden[name].double().norm()) for name in TOLERANCES}
    return Case(file.stem, report.result, distances, said.strip())
