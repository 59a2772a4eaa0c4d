"""Recognising a motion model from its keys and shapes alone."""

from collections.abc import Iterable, Mapping

from .files import MotionFileError, TensorInfo
from .keys import POSITIONS, Layout, canonical, module_template, place_of, places, read_layout
from .spec import BASE_NAMES, FAMILIES, Family, Looks, MotionSpec


def detect(header: Mapping[str, TensorInfo], name: str, family: str | None = None) -> tuple[MotionSpec, Layout]:
    """The spec of the motion model with this `header`, and where it keeps its weights.

    `name` is the file's: for messages, and to tell families whose files look the same. `family` (a key of FAMILIES)
    overrides what was recognised. Raises MotionFileError for anything that is no complete motion model.
    """
    try:
        layout = read_layout(header)
    except ValueError as error:
        raise MotionFileError(f'"{name}" is not a motion model that Kinema can read: {error}.') from None
    if not layout.keys or any("lora" in key for key in layout.keys):
        raise MotionFileError(_not_a_motion_model(header, name))
    shapes = {key: header[file_key].shape for key, file_key in layout.keys.items()}
    spec = _spec(layout, shapes, name, family)
    beside = tuple(sign.beside for sign in spec.family.signs if sign.beside)
    if unknown := [key for key in layout.other if not key.startswith(beside)]:
        raise MotionFileError(f'"{name}" has keys that no known motion model has: {_some(unknown)}. {_ADVICE}')
    _check_complete(spec, shapes, name)
    _check_dtypes(header, layout, name)
    return spec, layout


def _check_places(places: list[str], name: str) -> None:
    """Raises MotionFileError unless blocks, and modules in each, are numbered without a gap on both sides of the UNet."""
    numbered: dict[str, list[int]] = {"down_blocks": [], "up_blocks": []}
    for place in places:
        block, index = place.split(".motion_modules.")
        side, _, level = block.partition(".")
        levels = numbered.setdefault(block, [])
        if int(index) != len(levels):
            raise MotionFileError(
                f'"{name}" is not complete, it lacks "{block}.motion_modules.{len(levels)}". {_ADVICE}'
            )
        levels.append(int(index))
        if level and int(level) not in numbered[side]:
            numbered[side].append(int(level))
    for side in ("down_blocks", "up_blocks"):
        if missing := set(range(max(numbered[side], default=0) + 1)) - set(numbered[side]):
            raise MotionFileError(f'"{name}" is not complete, it lacks "{side}.{min(missing)}". {_ADVICE}')


def _spec(layout: Layout, shapes: Mapping[str, tuple[int, ...]], name: str, override: str | None) -> MotionSpec:
    modules = []
    for place in places(shapes):
        norm = shapes.get(f"{place}.norm.weight", ())
        if len(norm) != 1 or norm[0] == 0 or norm[0] % 32:
            raise MotionFileError(
                f'"{name}" lacks a usable "{place}.norm.weight" (its shape is {list(norm)}). {_ADVICE}'
            )
        modules.append((place, norm[0]))
    _check_places([place for place, _ in modules], name)
    tables = {shape[1] for key, shape in shapes.items() if key.endswith(POSITIONS) and len(shape) == 3}
    if any(length < 2 for length in tables):
        raise MotionFileError(f'"{name}" has position tables for {min(tables)} frames, it takes 2 at least. {_ADVICE}')
    family = _recognise(_looks(layout, [place for place, _ in modules], max(tables, default=0), name))
    if override is not None:
        family = _override(family, FAMILIES[override], name)
    attentions = {key.split(".attention_blocks.")[1].split(".")[0] for key in shapes if ".attention_blocks." in key}
    return MotionSpec(family, tuple(modules), max(tables, default=family.max_frames), len(attentions))


def _looks(layout: Layout, modules: list[str], positions: int, name: str) -> Looks:
    fourth = any(place.startswith(("down_blocks.3.", "up_blocks.3.")) for place in modules)
    mid = any(place.startswith("mid_block.") for place in modules)
    return Looks("sd15" if fourth else "sdxl", mid, positions, layout.container, layout.other, name.lower())


def _recognise(looks: Looks) -> Family:
    """The family with the most particular of the signs that fit, the later row of two that are equally so."""
    fitting = [
        (sign.weight, row, family)
        for row, family in enumerate(FAMILIES.values())
        for sign in family.signs
        if family.base == looks.base and sign.fits(looks)
    ]
    return max(fitting, key=lambda fit: fit[:2])[2]


def _override(recognised: Family, wanted: Family, name: str) -> Family:
    if recognised.base != wanted.base:
        raise MotionFileError(
            f'"{name}" has the structure of {BASE_NAMES[recognised.base]}, so it cannot be {wanted.label}. '
            'Set the kind to "automatic".'
        )
    return wanted


def _check_complete(spec: MotionSpec, shapes: Mapping[str, tuple[int, ...]], name: str) -> None:
    expected = {
        f"{place}.{suffix}": shape
        for place, width in spec.modules
        for suffix, shape in module_template(width, spec.attentions).items()
    }
    widths = dict(spec.modules)
    tables = {key for key in shapes if key.endswith(POSITIONS)}
    expected |= {key: (1, spec.max_frames, widths[place_of(key)]) for key in tables}
    if missing := expected.keys() - shapes.keys():
        raise MotionFileError(f'"{name}" is not complete, it lacks {_some(sorted(missing))}. {_ADVICE}')
    if unexpected := shapes.keys() - expected.keys():
        raise MotionFileError(
            f'"{name}" has keys that no known motion model has: {_some(sorted(unexpected))}. {_ADVICE}'
        )
    for key, shape in expected.items():
        if shapes[key] != shape:
            raise MotionFileError(
                f'"{name}": "{key}" has shape {list(shapes[key])} where {list(shape)} is needed. {_ADVICE}'
            )


def _check_dtypes(header: Mapping[str, TensorInfo], layout: Layout, name: str) -> None:
    for key, file_key in layout.keys.items():
        dtype = header[file_key].dtype
        if dtype is None or not dtype.is_floating_point:
            raise MotionFileError(f'"{name}": "{key}" holds {dtype or "unknown"} numbers, not weights. {_ADVICE}')


_ADVICE = "Download it again, or pick another file."

_LOOKS_LIKE = (
    (("model.diffusion_model.",), "a whole checkpoint", "Load it with Load Checkpoint"),
    (
        ("control_model.", "controlnet_cond_embedding", "controlnet_down_blocks"),
        "a ControlNet",
        "Load it with Load ControlNet Model",
    ),
    (("first_stage_model.", "decoder.", "encoder."), "a VAE", "Load it with Load VAE"),
)


def _not_a_motion_model(header: Mapping[str, TensorInfo], name: str) -> str:
    kind, advice = "none", "Pick a motion model such as v3_sd15_mm"
    if any("lora" in key.lower() for key in header):
        motion = any(canonical(key) is not None for key in header)
        kind, advice = ("a motion LoRA", "Use Load Motion LoRA") if motion else ("a LoRA", "Use the node Load LoRA")
    for starts, looks_like, hint in _LOOKS_LIKE:
        if any(key.startswith(starts) for key in header):
            kind, advice = looks_like, hint
            break  # a checkpoint holds a VAE, too
    if kind == "none":
        return f'"{name}" is not a motion model: none of its {len(header)} keys belongs to a motion module. {advice}.'
    return f'"{name}" is {kind}, not a motion model. {advice}.'


def _some(keys: Iterable[str]) -> str:
    keys = list(keys)
    shown = ", ".join(f'"{key}"' for key in keys[:3])
    return shown if len(keys) <= 3 else f"{shown} and {len(keys) - 3} more"
