"""Mixing two motion models weight by weight."""

from .adjust import check_own_positions
from .camera_load import CAMERA
from .host import HostMotion
from .load import FILE
from .lora_branches import check_no_branches
from .picture_parts import PICTURE_ATTACHMENT
from .spec import MotionSpec

_OF_THE_FIRST = {PICTURE_ATTACHMENT: ("picture", "Animate Picture"), CAMERA: ("camera", "Load CameraCtrl")}
"""What a mix takes from the first motion model only, by the attachment, and the node that attaches it."""


def merge_motion_models(first: HostMotion, second: HostMotion, down: float, mid: float, up: float) -> HostMotion:
    """A MOTION_MODEL of (1 - w)·first + w·second, with a weight w (0..1) for each group of blocks; both stay unchanged.

    LoRAs that either one has are part of it. The family, and with it norms, positions, schedule and how it takes a
    picture, is the first's. Raises ValueError where the two do not have the same modules, or the second has a picture, a
    camera or adjusted positions.
    """
    check_no_branches(first)
    check_no_branches(second)
    check_own_positions(second, "a merge")
    for attachment, (what, node) in _OF_THE_FIRST.items():
        if second.get_attachment(attachment) is not None:
            raise ValueError(
                f'"{second.get_attachment(FILE)}" has a {what}, but a merge takes everything except the weights from '
                f"the first motion model. Put {node} after Merge Motion Models."
            )
    check_same_modules(first.model.spec, second.model.spec, first.get_attachment(FILE), second.get_attachment(FILE))
    merged = first.clone()
    patches = second.get_key_patches()  # also of what takes pictures, which is the first's, like its family
    for block, weight in {"down_blocks": down, "mid_block": mid, "up_blocks": up}.items():
        merged.add_patches(
            {key: patch for key, patch in patches.items() if key.split(".")[0] == block}, weight, 1.0 - weight
        )
    return merged


def check_same_modules(first: MotionSpec, second: MotionSpec, first_file: str, second_file: str) -> None:
    if first.modules == second.modules and first.attentions == second.attentions:
        return
    detail = f"{len(first.modules)} and {len(second.modules)} motion modules"
    if len(first.modules) == len(second.modules) and first.attentions != second.attentions:
        detail = f"{first.attentions} and {second.attentions} temporal attentions in each motion module"
    elif len(first.modules) == len(second.modules):
        place = next(place for place, width in first.modules if dict(second.modules).get(place) != width)
        detail = f'different widths, first at "{place}"'
    raise ValueError(
        f'"{first_file}" ({first.family.label}) and "{second_file}" ({second.family.label}) cannot be merged: they '
        f"have {detail}. Pick two motion models of the same version, such as two finetunes of v3."
    )
