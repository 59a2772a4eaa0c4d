"""CameraCtrl files in the layouts that people have, tiny."""

import golden
import tiny
import torch

Widths = tuple[int, ...]
MERGE = "temporal_transformer.transformer_blocks.0.attention_blocks.0.processor.qkv_merge"


def encoder_shapes(widths: Widths = tiny.SD15_WIDTHS) -> dict[str, tuple[int, ...]]:
    """The pose encoder's weights in the published names, written down here once more, apart from the code."""
    shapes: dict[str, tuple[int, ...]] = {}
    shapes |= {"encoder_conv_in.weight": (widths[0], 384, 3, 3), "encoder_conv_in.bias": (widths[0],)}
    for level, (before, c) in enumerate(zip((widths[0], *widths), widths, strict=False)):
        for block in range(2):
            conv = f"encoder_down_conv_blocks.{level}.{block}"
            if before != c and block == 0:
                shapes |= {f"{conv}.in_conv.weight": (c, before, 1, 1), f"{conv}.in_conv.bias": (c,)}
            shapes |= {f"{conv}.block1.weight": (c, c, 3, 3), f"{conv}.block1.bias": (c,)}
            shapes |= {f"{conv}.block2.weight": (c, c, 1, 1), f"{conv}.block2.bias": (c,)}
            block_name = f"encoder_down_attention_blocks.{level}.{block}"
            attention = f"{block_name}.attention_blocks.0"
            shapes |= {f"{attention}.{part}.weight": (c, c) for part in ("to_q", "to_k", "to_v", "to_out.0")}
            shapes |= {f"{attention}.to_out.0.bias": (c,)}
            shapes |= {
                f"{block_name}.{norm}.{part}": (c,) for norm in ("norms.0", "ff_norm") for part in ("weight", "bias")
            }
            shapes |= {f"{block_name}.ff.net.0.proj.weight": (8 * c, c), f"{block_name}.ff.net.0.proj.bias": (8 * c,)}
            shapes |= {f"{block_name}.ff.net.2.weight": (c, 4 * c), f"{block_name}.ff.net.2.bias": (c,)}
    return shapes


def merge_shapes(widths: Widths = tiny.SD15_WIDTHS) -> dict[str, tuple[int, ...]]:
    places = tiny.module_places(widths, False)
    weights = {f"{place}.{MERGE}.weight": (c, c) for place, c in places.items()}
    return weights | {f"{place}.{MERGE}.bias": (c,) for place, c in places.items()}


def _by_rule(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    return {name: golden.weight(name, shape) for name, shape in shapes.items()}


def encoder_weights(widths: Widths = tiny.SD15_WIDTHS) -> dict[str, torch.Tensor]:
    tables = {
        f"encoder_down_attention_blocks.{level}.{block}.attention_blocks.0.pos_encoder.pe": tiny.sinusoid(16, c)[None]
        for level, c in enumerate(widths)
        for block in range(2)
    }
    return {key: value.float() for key, value in _by_rule(encoder_shapes(widths)).items()} | tables


def merge_weights(widths: Widths = tiny.SD15_WIDTHS) -> dict[str, torch.Tensor]:
    return {key: value.float() for key, value in _by_rule(merge_shapes(widths)).items()}


def pruned(widths: Widths = tiny.SD15_WIDTHS) -> dict[str, torch.Tensor]:
    """As CameraCtrl_pruned.safetensors."""
    return encoder_weights(widths) | merge_weights(widths)


def checkpoint() -> dict[str, object]:
    """As CameraCtrl.ckpt: nested, from several GPUs, with the optimizer's state."""
    state = {number: {"exp_avg": torch.zeros(3)} for number in range(4)}
    return {
        "epoch": 3,
        "global_step": 50000,
        "pose_encoder_state_dict": {f"module.{key}": value for key, value in encoder_weights().items()},
        "attention_processor_state_dict": {f"module.{key}": value for key, value in merge_weights().items()},
        "optimizer_state_dict": {"state": state, "param_groups": [{"lr": 1e-4, "params": list(state)}]},
    }
