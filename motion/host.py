"""What Kinema uses of the host's objects, as types: the host itself has none."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import torch

from .layers import MotionModel

Inner = TypeVar("Inner")
Same = TypeVar("Same", bound="HostPatcher[Any]")
Owner = TypeVar("Owner", covariant=True)
Result = TypeVar("Result", covariant=True)

HostOptions = dict[str, Any]
"""The model_options of a MODEL, or the transformer_options among them."""

HostLatent = Mapping[str, Any]
"""LATENT: `samples` (f, c, h, w), and what else nodes hand on with them."""

HostCond = dict[str, Any]
"""One conditioning in a run: its tensors, and where, when and how strongly it acts."""

HostConds = Sequence[Sequence[HostCond] | None]
"""What a run has for each prompt, positive and negative; None for a prompt that is not there."""

HostInit = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and its arguments that make a patcher anew."""


class HostSampling(Protocol):
    """A ModelSampling: the noise schedule of a model, and what the model predicts."""

    sigmas: torch.Tensor  # of the training timesteps, rising
    sigma_max: torch.Tensor

    def percent_to_sigma(self, percent: float) -> float: ...
    def sigma(self, timestep: torch.Tensor) -> torch.Tensor: ...
    def noise_scaling(
        self, sigma: torch.Tensor, noise: torch.Tensor, latent_image: torch.Tensor, max_denoise: bool = False
    ) -> torch.Tensor: ...


class HostNetwork(Protocol):
    """A BaseModel: the network of a MODEL and what belongs to it."""

    diffusion_model: Any  # the UNet
    model_sampling: HostSampling
    model_config: Any
    model_type: Any  # what the checkpoint predicts
    latent_format: Any
    current_patcher: "HostModel"  # the one that is being sampled; the host sets it for a run only
    concat_keys: Sequence[str]  # what latents are joined with, such as a masked picture

    def extra_conds(self, **conditioning: Any) -> dict[str, Any]: ...
    def _apply_model(self, x: torch.Tensor, t: torch.Tensor, **arguments: Any) -> torch.Tensor: ...
    def get_dtype_inference(self) -> torch.dtype: ...
    def memory_required(self, input_shape: Sequence[int]) -> float: ...
    def process_latent_in(self, latent: torch.Tensor) -> torch.Tensor: ...
    def process_latent_out(self, latent: torch.Tensor) -> torch.Tensor: ...


class HostPatcher(Protocol[Inner]):
    """A ModelPatcher: loads, offloads and patches a network."""

    model: Inner
    load_device: torch.device  # where the network computes
    patches: dict[str, list[Any]]  # of the weights, by their names
    patches_uuid: Any  # another one for each set of patches
    cached_patcher_init: HostInit | None

    def clone(self: Same, disable_dynamic: bool = False) -> Same: ...
    def is_dynamic(self) -> bool: ...
    def memory_required(self, input_shape: Sequence[int]) -> float: ...
    def get_free_memory(self, device: torch.device) -> int: ...
    def get_attachment(self, key: str) -> Any: ...
    def set_attachments(self, key: str, attachment: Any) -> None: ...
    def remove_attachments(self, key: str) -> None: ...
    def add_patches(
        self, patches: Mapping[Any, Any], strength_patch: float = 1.0, strength_model: float = 1.0
    ) -> Any: ...
    def get_key_patches(self) -> Mapping[str, list[Any]]: ...


HostMotion = HostPatcher[MotionModel]
"""MOTION_MODEL."""


class HostModel(HostPatcher[HostNetwork], Protocol):
    """MODEL."""

    model_options: HostOptions
    current_hooks: Any  # the hooks whose weights are in place; None without hooks

    def get_model_object(self, name: str) -> Any: ...
    def add_object_patch(self, name: str, patch: Any) -> None: ...
    def get_additional_models_with_key(self, key: str) -> Sequence[Any]: ...
    def set_additional_models(self, key: str, models: list[Any]) -> None: ...
    def remove_additional_models(self, key: str) -> None: ...
    def get_wrappers(self, kind: str, key: str) -> list[Callable[..., Any]]: ...
    def add_wrapper_with_key(self, kind: str, key: str, wrapper: Callable[..., Any]) -> None: ...
    def remove_wrappers_with_key(self, kind: str, key: str) -> None: ...
    def set_model_attn1_patch(self, patch: Callable[..., Any]) -> None: ...
    def set_model_sampler_post_cfg_function(self, function: Callable[..., Any]) -> None: ...


class HostEncoder(Protocol):
    """The half of a VAE that makes latents (n, c, h, w), before the model's scale, of pictures (n, height, width, 3)."""

    def encode(self, pixels: torch.Tensor) -> torch.Tensor: ...


class HostVAE(HostEncoder, Protocol):
    """VAE."""

    latent_channels: int
    first_stage_model: torch.nn.Module

    def decode(self, latents: torch.Tensor) -> torch.Tensor: ...
    def spacial_compression_encode(self) -> int: ...


class HostCLIP(Protocol):
    """CLIP."""

    cond_stage_model: torch.nn.Module

    def tokenize(self, text: str) -> Any: ...
    def encode_from_tokens_scheduled(self, tokens: Any) -> list[list[Any]]: ...


class HostSampler(Protocol):
    """A Sampler."""

    def sample(
        self,
        guider: "HostGuider",
        sigmas: torch.Tensor,
        extra_args: Any,
        callback: Any,
        noise: torch.Tensor,
        *more: Any,
    ) -> torch.Tensor: ...
    def max_denoise(self, guider: "HostGuider", sigmas: torch.Tensor) -> bool: ...


class HostGuider(Protocol):
    """A CFGGuider in a run."""

    model_patcher: HostModel
    model_options: HostOptions  # the host's copy for this run
    inner_model: HostNetwork
    conds: dict[str, Any]
    cfg: float
    loaded_models: Sequence[Any]  # the models that the run needs beside its MODEL

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor, **named: Any) -> torch.Tensor: ...
    def set_cfg(self, cfg: float) -> None: ...
    def predict_noise(self, *args: Any, **named: Any) -> torch.Tensor: ...


class HostHandler(Protocol):
    """A context handler: computes the predictions of a model call in parts."""

    context_length: int  # frames of a window

    def should_use_context(
        self,
        model: HostNetwork,
        conds: HostConds,
        x_in: torch.Tensor,
        timestep: torch.Tensor,
        model_options: HostOptions,
    ) -> bool: ...
    def execute(self, *call: Any) -> list[torch.Tensor]: ...


class HostExecutor(Protocol[Owner, Result]):
    """A WrapperExecutor: calls the next wrapper, or the host's own function."""

    @property
    def class_obj(self) -> Owner:
        """Whose method is wrapped; None for a function."""

    def __call__(self, *args: Any, **named: Any) -> Result: ...
