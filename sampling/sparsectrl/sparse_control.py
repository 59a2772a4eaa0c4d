"""SparseCtrl as a CONTROL_NET, which the host chains, loads, starts and stops like its own."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.latent_formats
import comfy.model_management
import torch
from comfy.controlnet import ControlNet

from ...motion.control import fitted
from ...motion.host import HostEncoder, HostNetwork
from ...motion.windowed import FrameWindows
from ..call.areas import Areas, areas_of
from ..call.call import Call, call_of
from ..call.frames import Frames, frames_of
from ..call.moment import Curve, moment_at
from ..modules.applied import Applied
from ..modules.controls import Shared, Values, motion_of
from ..modules.hooks import motion_inside
from .condition import PreparedPictures, Preparing, hint_in
from .placement import Placement
from .sparse_checks import check_base, check_frames, check_some, check_vae, what_is_bright
from .sparse_model import SparseModel
from .window_rows import PictureRows, Video


@dataclass(frozen=True)
class SparseSettings:
    """What Load SparseCtrl asks for."""

    placement: Placement  # at which frames the pictures stand
    motion: float | Curve = 1.0  # strength of the motion modules; the number 0: pictures that have nothing in common
    strength: float | Curve = 1.0  # of what is added to the UNet, over frames, steps and the picture
    nearest: bool = True  # whether a context window without a picture sees the nearest one
    tell: Callable[[str], None] = logging.info  # shows a sentence to the user


@dataclass(frozen=True)
class _Asked:
    """One model call, as the host asks for it."""

    latents: torch.Tensor  # (v*f, c, h, w), scaled to its noise level
    frames: Frames  # which frames of the video the latents are
    areas: Areas | None  # the parts of the picture that the latents are; None: whole pictures
    call: Call  # what the run tells every model call
    values: Values  # reads curves at these frames, this step and these areas

    @property
    def size(self) -> tuple[int, int]:
        return (self.latents.shape[2], self.latents.shape[3])

    @property
    def whole(self) -> tuple[int, int]:
        """The size of the whole picture, of which areas are parts."""
        return self.size if self.areas is None else self.areas.whole

    @property
    def windows(self) -> FrameWindows | None:
        """The motion windows in which motion modules see the frames."""
        inside = self.call.inside
        if inside is None:
            return None
        step = inside.step_of(self.values.moment.progress)
        return inside.of(self.frames.count, self.frames.total, self.latents.device, step)

    @property
    def videos(self) -> int:
        return self.latents.shape[0] // len(self.frames.indices)


class SparseControl(ControlNet):  # type: ignore[misc]
    """One application of a SparseCtrl model. Copies share the model; pictures, strength and range are their own."""

    reads_call = True  # it finds out by itself which frames and areas a model call computes

    def __init__(self, model: SparseModel, how: SparseSettings) -> None:
        dtype, device = model.network.model.dtype, model.network.load_device
        super().__init__(
            compression_ratio=1 if model.condition == "rgb" else 8,
            latent_format=comfy.latent_formats.SD15() if model.condition == "rgb" else None,
            load_device=device,
            manual_cast_dtype=comfy.model_management.unet_manual_cast(dtype, device),
        )
        self.model = model
        self.how = how
        self.control_model = model.network.model
        self.control_model_wrapped = model.network
        self._prepared = PreparedPictures()

    def copy(self) -> "SparseControl":
        copy = SparseControl(self.model, self.how)
        self.copy_to(copy)
        return copy

    def deepclone_multigpu(self, load_device: torch.device, autoregister: bool = False) -> "SparseControl":
        """The same with weights of its own on another device."""
        copy = SparseControl(self.model.on(load_device), self.how)
        self.copy_to(copy)
        if autoregister:
            self.multigpu_clones[load_device] = copy
        return copy

    def get_models(self) -> list[Any]:
        """The patchers that a run loads."""
        motion = [] if self.how.motion == 0 else [self.model.motion]
        return [*super().get_models(), *motion]

    def set_cond_hint(
        self,
        cond_hint: torch.Tensor,
        strength: float = 1.0,
        timestep_percent_range: tuple[float, float] = (0.0, 1.0),
        vae: HostEncoder | None = None,
        extra_concat: Sequence[torch.Tensor] = (),
    ) -> "SparseControl":
        """Takes the pictures (n, 3, H, W), 0 to 1, as the host's Apply ControlNet gives them. Raises ValueError where their
        number does not fit, or without the VAE that photographs need."""
        check_vae(self.model, vae)
        check_some(self.model, cond_hint)
        self.how.placement.check_count(cond_hint.shape[0])
        if sentence := what_is_bright(self.model, cond_hint):
            self.how.tell(sentence)
        super().set_cond_hint(cond_hint, strength, timestep_percent_range, vae, list(extra_concat))
        self._prepared = PreparedPictures()
        return self

    def pre_run(self, model: HostNetwork, percent_to_timestep_function: Callable[[float], float]) -> None:
        check_base(self.model, model)
        super().pre_run(model, percent_to_timestep_function)

    def cleanup(self) -> None:
        super().cleanup()
        self._prepared = PreparedPictures()

    def get_control(
        self,
        x_noisy: torch.Tensor,
        t: torch.Tensor,
        cond: Mapping[str, Any],
        batched_number: int,
        transformer_options: Any,
    ) -> Any:
        """What is added to the UNet, with that of the controls before this one in the chain; as the host's."""
        before, previous = self.previous_controlnet, None
        if before is not None:
            previous = before.get_control(x_noisy, t, cond, batched_number, transformer_options)
        asked = self._asked(x_noisy, t, cond, batched_number, transformer_options)
        rows = self._rows(asked)
        strength = asked.values.of(self.how.strength)
        if not self._is_within(t) or (not isinstance(strength, torch.Tensor) and strength == 0):
            return previous
        control = self._residuals(asked, rows, self.model_sampling_current.timestep(t), cond)
        for residuals in control.values():
            for residual in residuals:
                residual *= fitted(strength, residual)
        return self.control_merge(control, previous, output_dtype=None)

    def _asked(
        self, x: torch.Tensor, t: torch.Tensor, cond: Mapping[str, Any], batched_number: int, options: Mapping[str, Any]
    ) -> _Asked:
        call = call_of(options)
        frames = call.frames or frames_of(x[: x.shape[0] // batched_number], options)
        areas = areas_of(cond, len(frames.indices))
        size = (x.shape[2], x.shape[3])
        moment = moment_at(frames, areas.whole if areas else size, t[0], self.model_sampling_current, options)
        scaled = self.model_sampling_current.calculate_input(t, x)
        return _Asked(scaled, frames, areas, call, Values(moment, x.device, size, areas))

    def _rows(self, asked: _Asked) -> PictureRows:
        """The picture of each frame in a model call, window after window."""
        frames = asked.frames
        seen_together = frames.count if asked.windows is None else asked.windows.places.shape[1]
        check_frames(self.model, self.how.motion, frames, seen_together)
        placed = self.how.placement.placed(self.cond_hint_original.shape[0], frames.total)
        video = Video(frames.total, placed, self.how.nearest, asked.call.loops)
        starts = range(0, len(frames.indices), frames.count)
        windows = [frames.indices[start : start + frames.count] for start in starts]
        return tuple(row for window in windows for row in video.rows(window))

    def _is_within(self, t: torch.Tensor) -> bool:
        """Whether the noise level `t` is in the range of this control, by the host's rule."""
        return self.timestep_range is None or bool(self.timestep_range[1] <= t[0] <= self.timestep_range[0])

    def _residuals(self, asked: _Asked, rows: PictureRows, timestep: torch.Tensor, cond: Mapping[str, Any]) -> Any:
        """What the network gives for the skip connections and the middle of the UNet, in the host's form."""
        x = asked.latents
        dtype = self.manual_cast_dtype or self.control_model.dtype
        preparing = Preparing(
            self.model.condition, self.vae, asked.call.shown.tell if asked.call.shown else self.how.tell
        )
        pictures = self._prepared.at(
            asked.whole, lambda: preparing.prepare(self.cond_hint_original, asked.whole).to(x.device, dtype)
        )
        hint = hint_in(asked.areas, asked.size, rows, pictures, preparing.ratio, asked.videos)
        context = comfy.model_management.cast_to_device(
            cond.get("crossattn_controlnet", cond["c_crossattn"]), x.device, dtype
        )
        shared = Shared(asked.values, windows=asked.windows)
        motion = motion_of(self.model.motion, Applied(strength=self.how.motion), shared)
        with motion_inside(self.control_model, [motion], asked.frames.count):  # not while controls before this one run
            return self.control_model(x=x.to(dtype), hint=hint, timesteps=timestep.float(), context=context)
