"""What Kinema uses of the host's objects, as types: the host itself has none."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch

from ...motion.layers import MotionModel


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
    current_patcher: Any  # the HostModel that is being sampled; None outside a sampler

    def get_dtype_inference(self) -> torch.dtype: ...
    def memory_required(self, input_shape: Sequence[int]) -> float: ...
    def process_latent_in(self, latent: torch.Tensor) -> torch.Tensor: ...
    def process_latent_out(self, latent: torch.Tensor) -> torch.Tensor: ...


class HostPatcher(Protocol):
    """A ModelPatcher, which MODEL and MOTION_MODEL carry."""

    patches_uuid: Any

    def get_attachment(self, key: str) -> Any: ...
    def set_attachments(self, key: str, attachment: Any) -> None: ...


class HostModel(HostPatcher, Protocol):
    """MODEL."""

    model: HostNetwork
    model_options: dict[str, Any]

    def clone(self) -> "HostModel": ...
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


class HostMotion(HostPatcher, Protocol):
    """MOTION_MODEL."""

    model: MotionModel

    def clone(self) -> "HostMotion": ...


class HostSampler(Protocol):
    """A Sampler."""

    def sample(
        self, guider: Any, sigmas: torch.Tensor, extra_args: Any, callback: Any, noise: torch.Tensor, *more: Any
    ) -> torch.Tensor: ...
    def max_denoise(self, guider: Any, sigmas: torch.Tensor) -> bool: ...


class HostGuider(Protocol):
    """A CFGGuider in a run."""

    model_patcher: HostModel
    model_options: dict[str, Any]  # the host's copy for this run
    inner_model: HostNetwork
    conds: Any
    cfg: float

    def set_cfg(self, cfg: float) -> None: ...
    def predict_noise(self, *args: Any, **named: Any) -> torch.Tensor: ...


class HostExecutor(Protocol):
    """A WrapperExecutor: calls the next wrapper, or the host's own function."""

    class_obj: Any  # whose method is wrapped

    def __call__(self, *args: Any, **named: Any) -> Any: ...
