"""The image model while motion is trained: on its device, in full, usable by autograd, and never changed."""

from collections.abc import Iterator
from contextlib import contextmanager

import comfy.model_management
from torch import nn

from ..motion.host import HostModel
from ..sampling.run.animation import ANIMATION


@contextmanager
def frozen(model: HostModel, batch_shape: tuple[int, int, int, int]) -> Iterator[HostModel]:
    """`model` (MODEL) with its patches, loaded whole on its device and fit for autograd, with no gradients of its own
    while this is open. To be opened outside inference mode. `batch_shape` (v*f, c, h, w) tells the host how much memory
    a step takes."""
    if model.get_additional_models_with_key(ANIMATION):
        raise ValueError(
            "The connected MODEL already has a motion model. Connect the MODEL as it is before Apply Motion Model; "
            "training applies the motion model automatically."
        )
    if comfy.model_management.sage_attention_enabled() or comfy.model_management.flash_attention_enabled():
        raise ValueError(
            "ComfyUI was started with --use-sage-attention or --use-flash-attention, which do not support training. "
            "To train, restart ComfyUI without that option, e.g. with --use-pytorch-cross-attention."
        )
    if model.is_dynamic():  # its weights come and go with each operation, which the backward pass cannot follow
        model = model.clone(disable_dynamic=True)
    memory = 4 * model.memory_required(batch_shape)  # activations are kept for the backward pass
    comfy.model_management.load_models_gpu([model], memory_required=memory, force_full_load=True)
    unet = model.model.diffusion_model
    leave_inference_mode(unet)
    wanted = [parameter for parameter in unet.parameters() if parameter.requires_grad]
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        yield model
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)


def leave_inference_mode(network: nn.Module) -> None:
    """Replaces the tensors that nodes made under torch.inference_mode, which autograd refuses, by equal ones."""
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and parameter.is_inference():
                module._parameters[name] = nn.Parameter(parameter.detach().clone(), parameter.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer.is_inference():
                module._buffers[name] = buffer.clone()
