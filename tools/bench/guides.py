"""What a picture, a camera and SparseCtrl cost: runs with each ÷ the same runs without, beside what FLOPs say, in windows that
stay and that move."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import comfy.model_base
import comfy.model_patcher
import comfy.supported_models
import torch
from safetensors.torch import save_file

from kinema.miniature.models import FOLDER, VAE, load_vae
from kinema.motion.camera_load import load_camera_ctrl
from kinema.motion.load import load_motion_model
from kinema.sampling.camera.camera import Camera, follow_camera
from kinema.sampling.camera.path import CameraMove
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.pictures.animated_picture import AnimatedPicture, animating
from kinema.sampling.run.attach import added, attach
from kinema.sampling.sparsectrl.placement import read_placement
from kinema.sampling.sparsectrl.sparse_control import SparseControl, SparseSettings
from kinema.sampling.sparsectrl.sparse_model import load_sparsectrl
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from tools import tiny_controls, tiny_models
from tools.bench import full_size
from tools.bench.measure import Options, Result, interleaved, peak_bytes

STEPS = 4  # of a run, over which what is computed once is spread
WIDTHS = tuple(width // 2 for width in full_size.WIDTHS)  # in full size, small machines have too little memory
CONTEXT = 768
MADE: Mapping[str, Callable[[], Mapping[str, torch.Tensor]]] = {
    "pia": partial(tiny_controls.pia, widths=WIDTHS),
    "i2v": partial(tiny_controls.i2v, widths=WIDTHS),
    "camera": partial(tiny_controls.camera_ctrl, widths=WIDTHS),
    "sparse": partial(tiny_controls.sparse_ctrl, "rgb", widths=WIDTHS, context=CONTEXT),
}


@dataclass(frozen=True)
class Compared:
    """A MODEL with something that guides it, and the same without."""

    name: str  # of what guides
    plain: Any  # MODEL without it
    model: Any  # MODEL with it
    control: Any = None  # SparseCtrl in the conditionings of `model`; None: none
    goals: tuple[float | None, float | None] = (None, None)  # windows that stay, and that move


@torch.inference_mode()
def run(options: Options) -> Iterator[Result]:
    length = max(options.frames // 2, 2)
    for compared in _compared(options.size):
        for moving, goal in zip((False, True), compared.goals, strict=True):
            spec = WindowSpec(length, length // 4, "uniform" if moving else "static")
            cut = ContextWindows(spec, at_once=1)
            plain = added(compared.plain, windows=cut)
            model = added(compared.model, windows=cut)
            step = partial(_run, frames=options.frames, size=options.size)
            things: dict[str, Callable[[], object]] = {
                "without": partial(step, plain),
                "with": partial(step, model, compared.control),
            }
            what = f"half width, {compared.name}, windows that {'move' if moving else 'stay'}"
            yield Result(f"{what}: by FLOPs", full_size.flops(things["with"]) / full_size.flops(things["without"]))
            seconds = interleaved(things, options.rounds)
            yield Result(f"{what}: with ÷ without", seconds["with"] / seconds["without"], target=goal)
            peaks = {name: peak_bytes(thing) / 2**20 for name, thing in things.items()}
            yield Result(f"{what}: additional peak memory", peaks["with"] - peaks["without"], "MiB")


def _compared(size: int) -> Iterator[Compared]:
    image = _image_model()
    vae = load_vae(str(FOLDER / VAE))
    picture = torch.rand(1, size, size, 3, generator=tiny_models.generator(1))
    pia = _loaded("pia", load_motion_model)
    i2v = _loaded("i2v", load_motion_model)
    with_pia = attach(image, pia, Applied(), KEEP)
    yield Compared("PIA", with_pia, _attached(image, animating(pia, AnimatedPicture(picture, vae))), goals=(1.01, None))
    animated = animating(i2v, AnimatedPicture(picture, vae))
    yield Compared("AnimateLCM-I2V", _attached(image, i2v), _attached(image, animated), goals=(1.07, None))
    camera = Camera(CameraMove("move right", 1.0))
    following = follow_camera(pia, _loaded("camera", load_camera_ctrl), camera)
    yield Compared("CameraCtrl", with_pia, _attached(image, following), goals=(1.07, None))
    sparse = SparseControl(_loaded("sparse", load_sparsectrl), SparseSettings(read_placement("0")))
    control = sparse.copy().set_cond_hint(picture.movedim(-1, 1), 1.0, (0.0, 1.0), vae=vae)
    yield Compared("SparseCtrl", with_pia, with_pia, control)


def _image_model() -> Any:
    """MODEL of SD1.5 at half width, with random weights."""
    device, dtype = full_size.device_and_dtype()
    config = comfy.supported_models.SD15(full_size.CONFIG | {"model_channels": WIDTHS[0], "dtype": dtype})
    base = full_size.fill(comfy.model_base.BaseModel(config, device=device)).eval()
    return comfy.model_patcher.CoreModelPatcher(base, load_device=device, offload_device=device)


def _attached(image: Any, motion: Any) -> Any:
    return attach(image, motion, Applied(), KEEP)


def _loaded(kind: str, load: Callable[[Path], Any]) -> Any:
    """A file with random weights, loaded as a node loads it."""
    with TemporaryDirectory(prefix="kinema-bench-") as folder:
        path = Path(folder) / f"AnimateLCM_sd15_{kind}.safetensors"
        save_file({name: weight.contiguous() for name, weight in MADE[kind]().items()}, path)
        return load(path)


def _run(model: Any, control: Any = None, *, frames: int, size: int) -> None:
    """STEPS steps of the host's sampler, without guidance."""
    empty = torch.zeros(frames, 4, size // 8, size // 8)
    text = torch.zeros(1, 77, CONTEXT)
    positive = [[text, {} if control is None else {"control": control, "control_apply_to_uncond": True}]]
    tiny_models.sample(model, frames, steps=STEPS, cfg=1.0, positive=positive, negative=[[text, {}]], latent=empty)
