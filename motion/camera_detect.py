"""Recognising a CameraCtrl model from its keys and shapes alone."""

import re
from collections.abc import Collection, Iterable, Mapping

from .camera_layers import FRAMES, PIXELS_A_SIDE, RAY, CameraSpec, merge_name
from .complete import ADVICE, check_dtypes, check_shapes, unknown_keys
from .conv_block import BLOCKS, block_template, convolution
from .file_kinds import CAMERACTRL_FILE, wrong_kind
from .files import MotionFileError, TensorInfo
from .keys import HEADS, POSITIONS, USUAL_HEADS, canonical, places
from .stored import shown

PREFIXES = re.compile(
    r"^(?:pose_encoder_state_dict\.|attention_processor_state_dict\.|pose_encoder\.|module\.|unet\.)+"
)
MERGE = ".transformer_blocks.0.attention_blocks.0.processor.qkv_merge."
ENCODER_KEY = re.compile(r"^encoder_(?:conv_in|down_conv_blocks|down_attention_blocks)\.")
_KIND = "CameraCtrl model"


def detect_camera(
    header: Mapping[str, TensorInfo], name: str, metadata: Mapping[str, str]
) -> tuple[CameraSpec, dict[str, str]]:
    """The spec of the CameraCtrl model with this `header`, and the key in the file of each weight by its name in a
    CameraCtrl. `name` is the file's. Raises MotionFileError for anything that is no complete CameraCtrl model."""
    keys: dict[str, str] = {}
    unknown = []
    for key in header:
        ours = _own_name(key)
        if ours is None:
            unknown.append(key)
        elif keys.setdefault(ours, key) != key:
            raise MotionFileError(
                f'"{name}": its keys "{shown(keys[ours])}" and "{shown(key)}" name the same weight. {ADVICE}'
            )
    if not keys:
        raise MotionFileError(wrong_kind(header, name, CAMERACTRL_FILE, "CameraCtrl_pruned.safetensors"))
    if unknown:
        raise unknown_keys(unknown, _KIND, name)
    shapes = {ours: header[key].shape for ours, key in keys.items()}
    widths = _widths(shapes, name)
    spec = CameraSpec(widths, _modules(shapes), _heads(metadata, widths, name))
    if not spec.modules:
        raise MotionFileError(f'"{name}" is incomplete: it lacks the layers "qkv_merge" for motion modules. {ADVICE}')
    check_shapes(template(spec) | _tables(shapes, template(spec)), shapes, _KIND, name)
    check_dtypes(header, keys, name)
    return spec, keys


def _own_name(key: str) -> str | None:
    """The name in a CameraCtrl of the weight that a file calls `key`; None for any other key."""
    inside = PREFIXES.sub("", key)
    if ENCODER_KEY.match(inside):
        return f"encoder.{inside}"
    name = canonical(inside)
    if name is None or MERGE not in name:
        return None
    place, part = name.split(MERGE)
    return f"merges.{merge_name(place)}.{part}"


def _widths(shapes: Mapping[str, tuple[int, ...]], name: str) -> tuple[int, ...]:
    """The channels of each level of the encoder."""
    widths: list[int] = []
    while shape := shapes.get(f"encoder.encoder_down_conv_blocks.{len(widths)}.0.block1.weight"):
        if len(shape) != 4 or not shape[0]:
            raise MotionFileError(
                f'"{name}" has a convolution of the unexpected shape {list(shape)} in its encoder. {ADVICE}'
            )
        widths.append(shape[0])
    if not widths:
        raise MotionFileError(
            f'"{name}" is incomplete: it lacks "encoder_down_conv_blocks.0.0.block1.weight". {ADVICE}'
        )
    return tuple(widths)


def _modules(shapes: Mapping[str, tuple[int, ...]]) -> tuple[tuple[str, int], ...]:
    found = {}
    for name, shape in shapes.items():
        if name.startswith("merges.") and name.endswith(".weight"):
            found[name.split(".")[1].replace("-", ".")] = shape[0] if shape else 0
    return tuple((place, found[place]) for place in places(f"{place}.x" for place in found))


def _heads(metadata: Mapping[str, str], widths: Collection[int], name: str) -> int:
    noted = metadata.get(HEADS, str(USUAL_HEADS))
    heads = int(noted) if re.fullmatch("[1-9][0-9]{0,2}", noted) else 0
    if heads == 0 or any(width % heads for width in widths):
        raise MotionFileError(
            f'"{name}" gives "{shown(noted)}" as its number of attention heads, but its widths {list(widths)} must be '
            f"divisible by this number. {ADVICE}"
        )
    return heads


def template(spec: CameraSpec) -> dict[str, tuple[int, ...]]:
    """The weights of a CameraCtrl of `spec` as a file has them, and their shapes."""
    widths = spec.widths
    shapes = convolution("encoder.encoder_conv_in", RAY * PIXELS_A_SIDE**2, widths[0], 3)
    for level, width in enumerate(widths):
        before = widths[max(level - 1, 0)]
        for block in range(BLOCKS):
            conv = f"encoder.encoder_down_conv_blocks.{level}.{block}"
            shapes |= block_template(conv, width if block else before, width)
            shapes |= _temporal(f"encoder.encoder_down_attention_blocks.{level}.{block}", width)
    for place, width in spec.modules:
        shapes |= _layer(f"merges.{merge_name(place)}", (width, width))
    return shapes


def _temporal(block: str, width: int) -> dict[str, tuple[int, ...]]:
    attention = f"{block}.attention_blocks.0"
    shapes: dict[str, tuple[int, ...]] = {f"{attention}.to_{part}.weight": (width, width) for part in "qkv"}
    shapes |= _layer(f"{attention}.to_out.0", (width, width))
    shapes |= _layer(f"{block}.norms.0", (width,)) | _layer(f"{block}.ff_norm", (width,))
    return (
        shapes | _layer(f"{block}.ff.net.0.proj", (8 * width, width)) | _layer(f"{block}.ff.net.2", (width, 4 * width))
    )


def _layer(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _tables(shapes: Iterable[str], expected: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the position tables among `shapes`, which a file may have or not."""
    queries = {key: key.replace(POSITIONS, ".to_q.weight") for key in shapes if key.endswith(POSITIONS)}
    return {key: (1, FRAMES, expected[query][0]) for key, query in queries.items() if query in expected}
