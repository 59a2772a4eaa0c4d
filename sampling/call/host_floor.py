"""The oldest ComfyUI that has everything Kinema uses, and what is said on one that lacks something.

What the host has decides, never its version: that is only named.
"""

OLDEST = (0, 15, 1)


def what_is_missing(error: ImportError | AttributeError) -> str | None:
    """The name that the host lacks, for an `error` raised while Kinema was imported; None where it has another cause."""
    module = error.name if isinstance(error, ImportError) else getattr(error.obj, "__name__", None)
    if module is None or module.split(".")[0] not in _HOST:
        return None
    lacking = getattr(error, "name_from", None) if isinstance(error, ImportError) else error.name
    return f"{module}.{lacking}" if lacking else module


_HOST = ("comfy", "comfy_api", "comfy_execution", "comfy_extras", "folder_paths", "latent_preview", "nodes")


def message(missing: str, doing: str = "") -> str:
    """The sentence for a host without `missing`, which `doing` something needs; what to do depends on whether it is older
    or newer than Kinema."""
    if _version() < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return f"Kinema needs ComfyUI {oldest} or newer{doing}, but this is {host_version()}. Update ComfyUI."
    return f"This ComfyUI ({host_version()}) lacks {missing}, which Kinema needs{doing}. Update Kinema."


def host_version() -> str:
    """The host's version, such as 0.16.3; "an older version" where it has no such number."""
    try:
        from comfyui_version import __version__
    except ImportError:
        return "an older version"
    return str(__version__)


def _version() -> tuple[int, ...]:
    numbers = host_version().split("+")[0].split(".")
    return tuple(int(number) for number in numbers) if all(number.isdigit() for number in numbers) else (0,)
