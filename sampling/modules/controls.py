"""What each motion module does in one model call, worked out from the numbers and curves on the MODEL."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from ...motion.camera_layers import CameraCtrl
from ...motion.control import Branch, Control, Merge, PerLatent
from ...motion.host import HostMotion, HostPatcher
from ...motion.layers import MotionModel
from ...motion.lora_branches import MotionLora
from ...motion.spec import AS_THE_LAST, NormPolicy
from ...motion.windowed import FrameWindows
from ..call.areas import Areas
from ..call.moment import Curve, Moment, Part
from ..camera.camera import Camera
from ..camera.sight import CameraView, Sight
from ..curves.curve import Combined, as_curve, limited, plain, value_at
from .applied import Applied
from .enhance_motion import Enhance
from .hooks import Motion


class Values:
    """The values of curves at one `moment`, on `device`; each is computed once, unless it differs between blocks.
    Model calls of `areas` have latents of another `size` (h, w) than the moment."""

    def __init__(self, moment: Moment, device: torch.device, size: tuple[int, int], areas: Areas | None = None) -> None:
        self.moment = moment
        self.device = device
        self._size = size
        self._areas = areas
        self._known: dict[tuple[int, Part | None], tuple[Curve, PerLatent]] = {}

    def of(self, curve: float | Curve, part: Part | None = None) -> PerLatent:
        """The value of `curve` in `part` of the UNet: a number, or one for each latent of a conditioning, of the size of the
        latents or 1."""
        if not isinstance(curve, Curve):
            return float(curve)
        key = id(curve), part if curve.over_blocks else None
        if key not in self._known:
            value = value_at(curve, self.moment, part)
            if isinstance(value, torch.Tensor):
                value = self._placed(value)
            self._known[key] = curve, value  # which keeps the curve alive, and so its id
        return self._known[key][1]

    def seen(self, value: torch.Tensor, level: int = 0) -> torch.Tensor:
        """What the model call computes of `value` (f or 1, c, h, w) of whole pictures, halved `level` times: all of it, or
        its areas."""
        return (
            value if self._areas is None else self._areas.of(value, len(self.moment.frames.indices), self._size, level)
        )

    def _placed(self, value: torch.Tensor) -> PerLatent:
        if self._areas is None:
            return value.to(self.device)
        seen = plain(self.seen(value))
        return seen.to(self.device) if isinstance(seen, torch.Tensor) else seen


@dataclass(frozen=True)
class Shared:
    """What a model call wants of all motion models."""

    values: Values  # reads curves at this call's frames, step and part of the picture
    dtype: torch.dtype = torch.float32  # in which the UNet computes
    kept: float | Curve = 1.0  # the share of their motion that acts
    enhance: Enhance | None = None  # Enhance-A-Video; None: off
    windows: FrameWindows | None = None  # the windows in which motion modules see the frames; None: all at once
    loras: Sequence[HostPatcher[MotionLora]] = ()  # the MODEL's motion LoRAs with curves
    cameras: Sequence[HostPatcher[CameraCtrl]] = ()  # the MODEL's CameraCtrls
    sight: Sight | None = None  # what they see
    last_norms: NormPolicy = field(default_factory=NormPolicy)  # those of the last of the motion models

    def view(self, camera: Camera | None) -> CameraView | None:
        """How a motion model follows `camera`."""
        if camera is None or self.sight is None:
            return None
        return CameraView(self.cameras[camera.index].model, camera, self.sight)


@dataclass(frozen=True)
class Controller:
    """What makes the controls of one motion model in a model call."""

    model: MotionModel  # whose motion modules they are for
    how: Applied  # how it acts
    shared: Shared  # what the call wants of all motion models
    norms: NormPolicy  # the statistics of its norms
    strength: float | Curve  # of what its motion modules add, at this moment
    temperature: float | Curve | None  # of Enhance-A-Video, at this moment; None: off
    changes: Sequence[tuple[MotionLora, float | Curve]]  # its motion LoRAs with curves, and their strengths
    view: CameraView | None  # how it follows its camera; None: it has none

    @property
    def differs(self) -> bool:
        """Whether the control differs between blocks of the UNet."""
        curves = (self.strength, self.how.attention, self.temperature)
        return bool(self.changes) or self.view is not None or any(_differs(curve) for curve in curves)

    def control(self, place: str) -> Control | None:
        """What the motion module at `place` (in the published key layout) does; None: nothing."""
        values = self.shared.values
        strength = values.of(self.strength, Part(place))
        if is_zero(strength):
            return None
        return Control(
            strength=strength,
            norm=self.norms.module,
            rule=self.how.positions,
            windows=self.shared.windows,
            scales=self._scales(place),
            enhance=self._enhance(place),
            branches=_branches(self.model.at(place), place, self.changes, values),
            merge=self._merge(place),
        )

    def controls(self) -> dict[str, Control]:
        """The controls of the motion modules that act, by their places."""
        places = [place for place, _ in self.model.spec.modules]
        if self.differs:
            made = {place: self.control(place) for place in places}
        else:
            made = dict.fromkeys(places, self.control(places[0]))
        return {place: control for place, control in made.items() if control is not None}

    def _parts(self, place: str) -> list[Part]:
        return [Part(place, attention) for attention in range(self.model.spec.attentions)]

    def _scales(self, place: str) -> tuple[PerLatent, ...]:
        if self.how.attention == 1:
            return ()
        return tuple(self.shared.values.of(self.how.attention, part) for part in self._parts(place))

    def _enhance(self, place: str) -> tuple[PerLatent | None, ...]:
        if self.temperature is None:
            return ()
        return tuple(_enhanced(self.shared.values.of(self.temperature, part)) for part in self._parts(place))

    def _merge(self, place: str) -> Merge | None:
        if self.view is None:
            return None
        return self.view.merge(place, self.shared.values.of(self.view.camera.strength, Part(place, 0)))


def motion_of(motion: HostMotion, how: Applied, shared: Shared) -> Motion:
    """`motion` (MOTION_MODEL) at work in a model call, as `how` and the call want it."""
    norms = shared.last_norms if how.match == AS_THE_LAST else motion.model.spec.norms_like(how.match)
    strength = limited(how.strength, how.start_percent, how.end_percent, shared.values.moment)
    if strength == 0:
        return Motion(motion.model, {}, norms)
    if shared.kept != 1:
        strength = Combined("multiply", as_curve(strength), as_curve(shared.kept))
    controller = Controller(
        model=motion.model,
        how=how,
        shared=shared,
        norms=norms,
        strength=strength,
        temperature=_temperature(shared.enhance, shared.values),
        changes=[(shared.loras[index].model, curve) for index, curve in how.loras],
        view=shared.view(how.camera),
    )
    return Motion(motion.model, controller.controls(), norms)


def _temperature(enhance: Enhance | None, values: Values) -> float | Curve | None:
    if enhance is None:
        return None
    return limited(enhance.temperature, enhance.start_percent, enhance.end_percent, values.moment)


def _enhanced(temperature: PerLatent) -> PerLatent | None:
    return temperature if isinstance(temperature, torch.Tensor) or temperature > 0 else None


def _differs(curve: float | Curve | None) -> bool:
    """Whether `curve` differs between blocks of the UNet."""
    return isinstance(curve, Curve) and curve.over_blocks


def is_zero(value: PerLatent) -> bool:
    return not isinstance(value, torch.Tensor) and value == 0


def _branches(
    module: nn.Module, place: str, changes: Sequence[tuple[MotionLora, float | Curve]], values: Values
) -> dict[nn.Module, list[Branch]]:
    """The changes that motion LoRAs make in the linear layers of the motion module at `place`."""
    branches: dict[nn.Module, list[Branch]] = {}
    for lora, curve in changes:
        for change in lora.at(place):
            strength = values.of(curve, Part(place, change.attention))
            if not is_zero(strength):
                layer = module.get_submodule(change.layer)
                branches.setdefault(layer, []).append(Branch(change.module, change.start, strength))
    return branches
