"""What a pickle contains other than tensors, for the message that refuses it. It is looked through, never executed."""

import pickletools
import re
from collections.abc import Iterator

from .stored import NotReadable, damaged, shown

TENSORS = re.compile(
    r"torch\.\w*Storage|torch\.storage\.\w+|torch\._utils\._rebuild_\w+|torch\._tensor\.\w+|collections\.OrderedDict"
)
"""The objects that tables of tensors are made of."""
TRAINING_OBJECTS = (
    "argparse.",
    "omegaconf.",
    "yacs.",
    "easydict.",
    "ml_collections.",
    "pytorch_lightning.",
    "numpy.",
    "pathlib.",
)
"""How the names of objects begin that training scripts keep as their settings."""


def refusal(pickled: bytes) -> NotReadable:
    """Why a pickle that torch does not read as tensors alone is refused."""
    names = list(dict.fromkeys(name for name in _objects(pickled) if not TENSORS.fullmatch(name)))
    if not names:
        return damaged("its table of tensors cannot be read")
    listed = ", ".join([*(shown(name) for name in names[:3]), *(["..."] if len(names) > 3 else [])])
    if all(name.startswith(TRAINING_OBJECTS) for name in names):
        return NotReadable(
            "is a checkpoint of a training script: in addition to the weights, it contains the script's settings "
            f"({listed}), which are Python objects that Kinema does not load. Save only its state_dict, or get the model as "
            ".safetensors."
        )
    return NotReadable(
        f"was refused: it contains code, not only tensors ({listed}). The code was not run. Get the model as "
        ".safetensors from a source you trust."
    )


def _objects(pickled: bytes) -> Iterator[str]:
    """The full names of the objects of Python that a pickle names, as far as it can be read."""
    texts: list[str] = []
    try:
        for operation, value, _ in pickletools.genops(pickled):
            if operation.name in ("GLOBAL", "INST"):
                yield str(value).replace(" ", ".", 1)
            elif operation.name == "STACK_GLOBAL":
                yield ".".join(texts[-2:])
            elif isinstance(value, str):
                texts = [*texts[-1:], value]
    except ValueError:
        return
