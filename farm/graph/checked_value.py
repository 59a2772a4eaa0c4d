"""One value for one input: the right type, within its range and among its choices."""

import math
from typing import Any

from .node_inputs import NodeInput

YES, NO = {"true", "yes", "1"}, {"false", "no", "0"}
UPLOADS = ("image_upload", "video_upload", "audio_upload", "mesh_upload", "file_upload")  # options of combos of files
FILE_ENDINGS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft", ".onnx")


def checked(part: NodeInput, value: Any, is_text: bool) -> Any:
    """`value` as the server takes it; a text of a CSV file is converted to the input's type.

    Raises ValueError with what is wrong, for which the caller names the place.
    """
    if not part.is_widget:
        raise ValueError(f"the input takes its {part.kind} from another node, so a job cannot set it")
    if part.kind == "INT":
        return _in_range(part, _whole(value, is_text))
    if part.kind == "FLOAT":
        return _in_range(part, _number(value, is_text))
    if part.kind == "BOOLEAN":
        return _boolean(value, is_text)
    if part.choices is not None:
        return _choice(part, part.choices, value, is_text)
    if part.kind == "STRING" and not isinstance(value, str):
        raise ValueError(f"the input takes text, but the value is {value!r}")
    return value


def _whole(value: Any, is_text: bool) -> int:
    if is_text:
        value = int(value) if value.strip().lstrip("+-").isdecimal() else value
    if type(value) is not int:
        raise ValueError(f"the input takes a whole number, but the value is {value!r}")
    return value


def _number(value: Any, is_text: bool) -> float:
    if is_text:
        try:
            value = float(value)
        except ValueError:
            raise ValueError(f"the input takes a number, but the value is {value!r}") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"the input takes a number, but the value is {value!r}")
    return value


def _boolean(value: Any, is_text: bool) -> bool:
    if is_text and value.lower() in YES | NO:
        return value.lower() in YES
    if not isinstance(value, bool):
        raise ValueError(f"the input takes true or false, but the value is {value!r}")
    return value


def _in_range(part: NodeInput, value: Any) -> Any:
    low = part.options.get("min", -math.inf)
    high = part.options.get("max", math.inf)
    if not low <= value <= high:
        raise ValueError(f"the input takes {low} to {high}, but the value is {value}")
    return value


def _choice(part: NodeInput, choices: list[Any], value: Any, is_text: bool) -> Any:
    if is_text and value not in choices:
        value = next((choice for choice in choices if str(choice) == value), value)
    if value in choices or part.options.get("remote") or _is_in_a_folder(part, value):
        return value
    offered = ", ".join(map(str, choices[:12])) + (f" and {len(choices) - 12} more" if len(choices) > 12 else "")
    what = "a file that the server lacks" if str(value).lower().endswith(FILE_ENDINGS) else "which is not a choice"
    raise ValueError(f'the value is "{value}", {what}; the choices are: {offered or "none"}')


def _is_in_a_folder(part: NodeInput, value: Any) -> bool:
    """Whether a value names an input file that such combos do not list: in a folder, or of another kind ("a.png [output]")."""
    is_file = any(part.options.get(upload) for upload in UPLOADS)
    return is_file and isinstance(value, str) and ("/" in value or value.endswith("]"))


def takes_files(part: NodeInput) -> bool:
    """Whether an input names a file that can be uploaded to the server."""
    return any(part.options.get(upload) for upload in UPLOADS) or part.kind == "STRING"
