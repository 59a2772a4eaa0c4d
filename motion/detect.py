"""Recognising a motion model from its keys and shapes alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from .complete import ADVICE, check_dtypes, check_shapes, unknown_keys
from .families import FAMILIES
from .file_kinds import MOTION_MODEL, kind_of, wrong_kind
from .files import MotionFileError, TensorInfo
from .keys import (
    CONTAINERS,
    LEFTOVERS,
    POSITIONS,
    FileKeys,
    left_out,
    module_template,
    place_of,
    places,
    sort_keys,
    without_prefix,
)
from .picture_parts import CONV_IN, picture_template
from .spec import BASE_NAMES, Family, Looks, MotionSpec

IMAGE_CHANNELS = 4
"""Of the latents of SD1.5 and SDXL, which an ordinary UNet takes."""
FIRST_LAYER = f"{CONV_IN}.weight"


def detect(header: Mapping[str, TensorInfo], name: str, family: str | None = None) -> tuple[MotionSpec, FileKeys]:
    """The spec of the motion model with this `header`, and where it keeps its weights.

    `name` is the file's: for messages, and to tell families whose files look the same. `family` (a key of FAMILIES)
    overrides what was recognised. Raises MotionFileError for anything that is no complete motion model.
    """
    try:
        found = sort_keys(header)
    except ValueError as error:
        raise MotionFileError(f'"{name}" is not a motion model that Kinema can read: {error}.') from None
    if kind_of(header) is not MOTION_MODEL:
        raise MotionFileError(wrong_kind(header, name, MOTION_MODEL, "mm_sd15_v3"))
    shapes = {key: header[file_key].shape for key, file_key in found.keys.items()}
    parts = _extra_parts(found, header)
    spec = _spec(found, shapes, tuple(parts), name, family)
    found = _with_parts(found, {key: parts[key] for key in parts if key.startswith(spec.family.extra)})
    shapes = {key: header[file_key].shape for key, file_key in found.keys.items()}
    if unknown := [key for key in found.other if left_out(key) is None]:
        raise unknown_keys(unknown, "motion model", name)
    check_complete(spec, shapes, name)
    check_dtypes(header, found.keys, name)
    return spec, found


def _check_places(places: list[str], name: str, sides: Sequence[str]) -> None:
    """Raises MotionFileError unless blocks, and modules in each, are numbered without a gap on the `sides` of the UNet."""
    numbered: dict[str, list[int]] = {"down_blocks": [], "up_blocks": []}
    for place in places:
        block, index = place.split(".motion_modules.")
        side, _, level = block.partition(".")
        levels = numbered.setdefault(block, [])
        if int(index) != len(levels):
            raise MotionFileError(f'"{name}" is incomplete: it lacks "{block}.motion_modules.{len(levels)}". {ADVICE}')
        levels.append(int(index))
        if level and int(level) not in numbered[side]:
            numbered[side].append(int(level))
    for side in sides:
        if missing := set(range(max(numbered[side], default=0) + 1)) - set(numbered[side]):
            raise MotionFileError(f'"{name}" is incomplete: it lacks "{side}.{min(missing)}". {ADVICE}')


def _extra_parts(found: FileKeys, header: Mapping[str, TensorInfo]) -> dict[str, str]:
    """The file's keys that belong to no motion module, by their names without prefixes. The first layer of an ordinary
    UNet is left out: PIA's, by which its files are recognised, has the same name and more channels."""
    keys = {without_prefix(key): key for key in found.other if not LEFTOVERS.search(key)}
    first = keys.get(FIRST_LAYER)
    ordinary = first is not None and header[first].shape[1:2] == (IMAGE_CHANNELS,)
    return {name: key for name, key in keys.items() if not (ordinary and name.startswith(f"{CONV_IN}."))}


def _with_parts(found: FileKeys, parts: Mapping[str, str]) -> FileKeys:
    """`found` whose `parts` for pictures (file keys by name) are the motion model's. The bias of PIA's first layer is not:
    the image model has its own."""
    kept = {name: key for name, key in parts.items() if name != f"{CONV_IN}.bias"}
    other = tuple(key for key in found.other if key not in set(parts.values()))
    return replace(found, keys={**found.keys, **kept}, other=other)


def _spec(
    found: FileKeys, shapes: Mapping[str, tuple[int, ...]], other: tuple[str, ...], name: str, override: str | None
) -> MotionSpec:
    modules = modules_in(shapes, name)
    tables = position_tables(shapes, name)
    places_found = [place for place, _ in modules]
    family, note = _recognise(_looks(found.container, places_found, max(tables, default=0), other, name))
    if override is not None:
        family = _override(family, FAMILIES[override], name)
        note = family.note
    has_parts = any(key.startswith(family.extra) for key in other)
    return MotionSpec(
        family,
        modules,
        max(tables, default=family.max_frames),
        count_attentions(shapes),
        note=note,
        picture=family.picture if has_parts else "none",
        stores_positions=bool(tables),
    )


def modules_in(
    shapes: Mapping[str, tuple[int, ...]], name: str, sides: Sequence[str] = ("down_blocks", "up_blocks")
) -> tuple[tuple[str, int], ...]:
    """Places and widths of the motion modules with weights of these `shapes`. Raises MotionFileError where one is missing
    on one of the `sides` of the UNet."""
    modules = []
    for place in places(shapes):
        norm = shapes.get(f"{place}.norm.weight", ())
        if len(norm) != 1 or norm[0] == 0 or norm[0] % 32:
            raise MotionFileError(
                f'"{name}" lacks a usable "{place}.norm.weight" (its shape is {list(norm)}). {ADVICE}'
            )
        modules.append((place, norm[0]))
    _check_places([place for place, _ in modules], name, sides)
    return tuple(modules)


def position_tables(shapes: Mapping[str, tuple[int, ...]], name: str) -> set[int]:
    """The lengths of the position tables among weights of these `shapes`."""
    tables = {shape[1] for key, shape in shapes.items() if key.endswith(POSITIONS) and len(shape) == 3}
    if any(length < 2 for length in tables):
        raise MotionFileError(f'"{name}" has a position table of length {min(tables)}, but the minimum is 2. {ADVICE}')
    return tables


def count_attentions(shapes: Iterable[str]) -> int:
    """How many attentions each motion module has, by the canonical names of its weights."""
    return len({key.split(".attention_blocks.")[1].split(".")[0] for key in shapes if ".attention_blocks." in key})


def _looks(container: str, modules: list[str], positions: int, other: tuple[str, ...], name: str) -> Looks:
    fourth = any(place.startswith(("down_blocks.3.", "up_blocks.3.")) for place in modules)
    mid = any(place.startswith("mid_block.") for place in modules)
    return Looks(
        base="sd15" if fourth else "sdxl",
        mid=mid,
        positions=positions,
        container=container,
        other=other,
        name=name.lower(),
    )


def _recognise(looks: Looks) -> tuple[Family, str]:
    """The family of a file, by the strongest evidence that it gives, and what a user should know of the file."""
    families = [
        family for family in reversed(FAMILIES.values()) if family.base == looks.base
    ]  # of equals the later row
    strongest_first = (
        [(family, "") for family in families if any(key.startswith(family.extra) for key in looks.other)],
        [(family, "") for family in families if family.layout.container == looks.container != CONTAINERS[0]],
        _by_sign(families, looks, named=True),
        _by_sign(families, looks, named=False),
    )
    family, doubt = next(fit for fitting in strongest_first for fit in fitting)
    return family, doubt or family.note


def _by_sign(families: Sequence[Family], looks: Looks, named: bool) -> list[tuple[Family, str]]:
    """The families with a sign that fits, and the doubt that it leaves, those first whose sign is particular about more of
    the shapes; only signs that go by the file's name if `named`, else only those that do not."""
    fitting = [
        (sign, family)
        for family in families
        for sign in family.signs
        if (sign.name is not None) == named and sign.fits(looks)
    ]
    return [(family, sign.doubt) for sign, family in sorted(fitting, key=lambda fit: -fit[0].shapes)]


def _override(recognised: Family, wanted: Family, name: str) -> Family:
    if recognised.base != wanted.base:
        raise MotionFileError(
            f'"{name}" has the structure of an {BASE_NAMES[recognised.base]} motion model, so it cannot be {wanted.label}. '
            'Set kind of Load Motion Model to "automatic".'
        )
    return wanted


def check_complete(spec: MotionSpec, shapes: Mapping[str, tuple[int, ...]], name: str) -> None:
    """Raises MotionFileError unless the file `name` has the weights of `spec`, with these `shapes`."""
    expected = {
        f"{place}.{suffix}": shape
        for place, width in spec.modules
        for suffix, shape in module_template(width, spec.attentions).items()
    }
    expected |= picture_template(spec.picture, spec.level_widths)
    widths = dict(spec.modules)
    tables = {key for key in shapes if key.endswith(POSITIONS)}
    expected |= {key: (1, spec.max_frames, widths[place_of(key)]) for key in tables}
    check_shapes(expected, shapes, "motion model", name)
