"""What each motion module does in one model call, worked out from the numbers and curves on the MODEL."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from ...motion.camera_layers import CameraCtrl
from ...motion.control import Branch, Control, PerLatent
from ...motion.host import HostMotion, HostPatcher
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
        return CameraView(self.cameras[camera.place].model, camera, self.sight)


def motion_of(motion: HostMotion, how: Applied, shared: Shared) -> Motion:
    """`motion` (MOTION_MODEL) at work in a model call, as `how` and the call want it."""
    model, values = motion.model, shared.values
    norms = shared.last_norms if how.match == AS_THE_LAST else model.spec.norms_like(how.match)
    strength = limited(how.strength, how.start_percent, how.end_percent, values.moment)
    if strength == 0:
        return Motion(model, {}, norms)
    if shared.kept != 1:
        strength = Combined("multiply", as_curve(strength), as_curve(shared.kept))
    temperature = _temperature(shared.enhance, values)
    changes = [(shared.loras[place].model, curve) for place, curve in how.loras]
    view = shared.view(how.camera)

    def control(place: str) -> Control | None:
        value = values.of(strength, Part(place))
        if is_zero(value):
            return None
        parts = [Part(place, attention) for attention in range(model.spec.attentions)]
        return Control(
            strength=value,
            norm=norms.module,
            rule=how.positions,
            windows=shared.windows,
            scales=() if how.attention == 1 else tuple(values.of(how.attention, part) for part in parts),
            enhance=() if temperature is None else tuple(_enhanced(values.of(temperature, part)) for part in parts),
            branches=_branches(model.at(place), place, changes, values),
            merge=None if view is None else view.merge(place, values.of(view.camera.strength, Part(place, 0))),
        )

    places = [place for place, _ in model.spec.modules]
    if not changes and view is None and not any(_differs(curve) for curve in (strength, how.attention, temperature)):
        same = control(places[0])
        return Motion(model, {} if same is None else dict.fromkeys(places, same), norms)
    controls = {place: control(place) for place in places}
    return Motion(model, {place: one for place, one in controls.items() if one is not None}, norms)


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
