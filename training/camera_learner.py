"""CameraCtrl as something to learn: an encoder of camera rays, and one layer for the first attention of each motion module.

He et al., "CameraCtrl: Enabling Camera Control for Text-to-Video Generation" (2024), sections 3.3 and 3.4. The image model
and the motion model stay as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import comfy.ops
import torch

from ..motion.camera_detect import MERGE
from ..motion.camera_layers import CameraCtrl, CameraSpec, level_of, merge_name
from ..motion.control import Merge
from ..motion.host import HostMotion
from ..motion.keys import HEADS
from ..motion.layers import MotionModel
from ..motion.save import merged_weights, published_key, unfuse, write_safetensors
from ..motion.spec import MotionSpec
from ..sampling.camera.path import CameraPath, track_of
from ..sampling.camera.rays import PictureCut, rays_of
from ..sampling.modules.hooks import Motion, motion_inside, plain_motion
from .clip_batches import Batch
from .draws import generator
from .learner import Learner, Weights, trainable_copy
from .objective import Loss, Network


def new_camera_ctrl(motion: HostMotion, seed: int) -> CameraCtrl:
    """A CameraCtrl for `motion` (MOTION_MODEL), in float32 and fit for autograd, that changes nothing yet: its layers for
    the motion modules are zero, its encoder is random as torch's layers are."""
    places = tuple(entry for entry in motion.model.spec.modules if not entry[0].startswith("mid_block."))
    levels = 1 + max(int(place.split(".")[1]) for place, _ in places)
    widths = {level_of(place, levels): width for place, width in places}
    spec = CameraSpec(tuple(widths[level] for level in range(levels)), places, motion.model.spec.heads)
    with torch.inference_mode(False), torch.no_grad():
        camera = CameraCtrl(spec, comfy.ops.disable_weight_init, dtype=torch.float32, device="cpu")
        for name, weight in camera.named_parameters():
            weight.copy_(_first_value(name, weight, generator(seed, "weights", name)))
    trained: CameraCtrl = camera.requires_grad_(True)
    return trained


def _first_value(name: str, weight: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    if name.startswith("merges.") or name.endswith(".bias"):
        return torch.zeros_like(weight)
    if weight.ndim == 1:
        return torch.ones_like(weight)  # of a norm
    reach: float = (3 / weight.shape[1:].numel()) ** 0.5  # variance 1 / inputs
    return (torch.rand(weight.shape, generator=random) * 2 - 1) * reach


def learn_camera_ctrl(motion: HostMotion, camera: CameraCtrl) -> Learner:
    """Trains `camera`; `motion` (MOTION_MODEL) only animates."""
    own = trainable_copy(motion.model.spec, merged_weights(motion), motion.model)
    still = {name: weight.detach() for name, weight in own.state_dict().items()}
    return Learner(own, dict(camera.named_parameters()), lambda _: dict(still), others=(camera,))


def camera_loss(camera: CameraCtrl, paths: Sequence[CameraPath]) -> Loss:
    """The loss of noise prediction on clips of which each was filmed by the camera on its one of `paths`."""

    def loss(network: Network, batch: Batch) -> Iterator[torch.Tensor]:
        noisy, target = network.diffusion.noised(batch.latents, batch.noise, batch.timesteps)
        size = (noisy.shape[3], noisy.shape[4])
        frames = noisy.shape[1]
        seen = [features_of(camera, paths[number], frames, size, noisy.device) for number in batch.numbers]
        levels = [torch.stack(videos)[:, :, :, None] for videos in zip(*seen, strict=True)]  # (v, h, w, 1, f, c)
        with motion_inside(network.unet, [following(network.motion, camera, levels)], frames):
            predicted = network.predict(noisy, batch.timesteps, batch.captions)
            yield network.diffusion.error(predicted, target, batch.timesteps)

    return loss


def features_of(
    camera: CameraCtrl, path: CameraPath, frames: int, size: tuple[int, int], device: torch.device
) -> list[torch.Tensor]:
    """What the encoder makes of `path`, of each level (h, w, f, c)."""
    track = track_of(path, frames)
    rays = rays_of(track.places(), track.lenses(), PictureCut(size, (0, 0), size), device)
    return camera.encoder(rays)  # type: ignore[no-any-return]


def following(motion: MotionModel, camera: CameraCtrl, levels: Sequence[torch.Tensor]) -> Motion:
    plain = plain_motion(motion)
    controls = dict(plain.controls)
    for place, _ in camera.spec.modules:
        layer = camera.merge(place)
        assert layer is not None  # as the CameraCtrl was made for these places
        controls[place] = replace(controls[place], merge=Merge(layer, levels[level_of(place, len(levels))], 1.0))
    return replace(plain, controls=controls)


def save_camera_ctrl(
    values: Weights, camera: CameraCtrl, motion: MotionSpec, path: Path, dtype: torch.dtype, metadata: Mapping[str, str]
) -> Path:
    """Writes `camera`, made for motion models of the spec `motion`, with these `values` to `path`, in the layout that the
    authors' files have once they are pruned."""
    names = {
        f"merges.{merge_name(place)}": published_key(place + MERGE.removesuffix("."), motion)
        for place, _ in camera.spec.modules
    }
    weights = {}
    for name, weight in unfuse(values).items():
        layer, _, part = name.rpartition(".")
        published = f"{names[layer]}.{part}" if layer in names else name.removeprefix("encoder.")
        weights[published] = weight.to(dtype)
    return write_safetensors(weights, path, {**metadata, HEADS: str(camera.spec.heads)})
