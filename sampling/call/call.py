"""What one model call is told, in addition to what the host tells it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Protocol

import torch

from ...motion.host import HostExecutor, HostNetwork, HostSampling
from ...motion.windowed import FrameWindows
from .caches import Caches, Which
from .feature_cache import FeatureCache
from .frames import Frames, ad_params, frames_of
from .kept_guidance import KeptGuidance
from .moment import Curve
from .progress import Progress

CALL = "kinema_call"
"""The key of the Call in `transformer_options`."""

QueriesKeysValues = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""What a self-attention projects to queries, keys and values, each (v*f, h*w, c)."""


class AttentionTokens(Protocol):
    """Changes what the self-attentions of a model call see."""

    def attended(self, projected: QueriesKeysValues, options: Mapping[str, Any]) -> QueriesKeysValues:
        """What is `projected` in the layer that the host's `options` name, changed."""


class WindowsInside(Protocol):
    """The windows in which motion modules see the frames of a model call."""

    def step_of(self, progress: Progress | None) -> int:
        """What `of` wants to know of how far the run is."""

    def of(self, frames: int, total: int, device: torch.device, step: int) -> FrameWindows | None:
        """For so many `frames` of a video of `total`; None: they see all at once."""


class Shown(Protocol):
    """What the sampler's node shows of a run."""

    def tell(self, sentence: str) -> None:
        """Shows one more sentence."""

    def windows_done(self, done: int, count: int) -> None:
        """Shows how many of the `count` windows of a step are computed."""


@dataclass(frozen=True)
class Given:
    """What the host gives to a model call."""

    frames: Frames  # which frames of the video it computes
    x: torch.Tensor  # latents (v*f, c, h, w) with the noise of `t`
    t: torch.Tensor  # noise levels (v*f,) or (v,)
    options: Mapping[str, Any]  # its transformer_options
    conditions: Mapping[str, Any]  # the host's other arguments by name


def given_to(
    frames: Frames, x: torch.Tensor, t: torch.Tensor, c_concat: Any = None, c_crossattn: Any = None, control: Any = None,
    transformer_options: Any = None, **more: Any,
) -> Given:  # fmt: skip
    """The arguments of the host's apply_model as Given."""
    conditions = {"c_concat": c_concat, "c_crossattn": c_crossattn, "control": control, **more}
    return Given(frames, x, t, transformer_options, conditions)


class Instead(Protocol):
    """Computes something else than the prediction of a model call."""

    def __call__(self, base: HostNetwork, motions: Any, given: Given) -> torch.Tensor:
        """For the host's network `base` and the motion models at work, (v*f, c, h, w)."""


@dataclass
class RawPrediction:
    """What the model predicts for the positive prompt at a step, before other nodes change it."""

    cond: Any = None  # the host's conditionings that it belongs to
    denoised: torch.Tensor | None = None  # (f, c, h, w)

    def of(self, cond: Any) -> torch.Tensor | None:
        """The prediction for `cond`; None: the guider of the run does not tell."""
        return self.denoised if self.cond is cond else None


@dataclass(frozen=True)
class Call:
    """What one model call is told."""

    frames: Frames | None = None  # which frames of the video it computes; None until they are counted
    kept: float | Curve = 1.0  # the share of the motion that acts: less in the extra pass of Motion Guidance
    tokens: AttentionTokens | None = None  # what its self-attentions exchange with those of another window
    extra: str = ""  # the extra pass of a guidance that it belongs to, if any
    instead: Instead | None = None  # what the call computes in place of its prediction; None: it predicts
    raw: RawPrediction | None = None  # of the step, where Motion Guidance needs it
    caches: Caches | None = None  # of the run
    inside: WindowsInside | None = None  # the motion windows of the run; None: motion modules see all frames at once
    loops: bool = False  # whether its context windows go on from the last frame to the first
    features: FeatureCache | None = None  # of the run: what its models made of pictures
    shown: Shown | None = None  # what the sampler's node shows of the run; None: nothing
    guided: KeptGuidance | None = None  # of the run: the direction of guidance that Fast Sampling reuses
    skips_uncond: bool = False  # whether the pass of the negative prompt is left out where a cfg that varies is 1

    def next_pass(self) -> None:
        """Another prediction of the whole video begins."""
        if self.features is not None:
            self.features.next_pass()

    def next_part(self) -> None:
        """Another part of the run begins, whose latents are not those of the last."""
        if self.guided is not None:
            self.guided.forget()


def call_of(transformer_options: Mapping[str, Any]) -> Call:
    """The Call in the host's `transformer_options`."""
    call: Call = transformer_options.get(CALL, Call())
    return call


def telling(model_options: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """`model_options` of the host for a model call that is told `changes`, fields of Call."""
    options = model_options.get("transformer_options", {})
    told = {**options, CALL: replace(call_of(options), **changes)}
    return {**model_options, "transformer_options": told}


def apart(
    model_options: Mapping[str, Any], sigma: Any, model_sampling: HostSampling, frames: tuple[int, ...] = ()
) -> Any:
    """`model_options` for model calls at noise level `sigma` that compute something else than others of the same step: the
    `frames` of a window, or an extra pass."""
    options = model_options["transformer_options"]
    call = call_of(options)
    if call.caches is None:
        return model_options
    kept = call.caches.kept_apart(Which(call.extra, frames), sigma, model_sampling, options)
    return {**model_options, "transformer_options": kept}


def counted(latents: torch.Tensor, model_options: Mapping[str, Any]) -> dict[str, Any]:
    """`model_options` for a call of `latents` (f, c, h, w), one video still, that is told its frames; "ad_params" tells
    them to other packs. Later the host, or a node that splits batches, may put any number of videos into one call."""
    options = model_options.get("transformer_options", {})
    frames = frames_of(latents, options)
    told = telling(model_options, frames=frames)
    told["transformer_options"]["ad_params"] = ad_params(frames, options.get("context_window") is not None)
    return told


def frames_in(batch: int, transformer_options: Mapping[str, Any]) -> Frames:
    """The Frames of a model call whose batch has `batch` latents.

    Raises ValueError when the batch is not a whole number of videos.
    """
    frames = call_of(transformer_options).frames
    if frames is None:  # a sampler that bypasses the host's batching
        count = batch // len(transformer_options.get("cond_or_uncond", [0]))
        frames = Frames(count, tuple(range(count)), count)
    if batch % frames.count:
        raise ValueError(
            f"A node split the {frames.count} frames of the animation into batches of {batch}, but a motion model must "
            "process all frames at once. Remove the node that splits batches, or use Context Windows."
        )
    return frames


def in_its_mode(apply_model: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """`apply_model`, a wrapper of the host's apply_model, outside of torch's inference mode for a call that computes something
    else than its prediction: that may be a gradient."""

    @wraps(apply_model)
    def in_mode(
        executor: HostExecutor[HostNetwork, torch.Tensor], x: torch.Tensor, t: torch.Tensor, *args: Any, **named: Any
    ) -> torch.Tensor:
        options = args[3] if len(args) > 3 else named["transformer_options"]
        if call_of(options).instead is None:
            return apply_model(executor, x, t, *args, **named)
        with torch.inference_mode(False):
            return apply_model(executor, x.clone(), t.clone(), *args, **named)

    return in_mode
