"""Kinema: AnimateDiff for ComfyUI."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():  # type: ignore[no-untyped-def]
    """What the host calls to get the nodes. Imported here, so that importing the package alone costs nothing.

    Raises RuntimeError, which the host logs, where the host lacks what the nodes use.
    """
    try:
        from .nodes import Kinema
    except (ImportError, AttributeError) as error:
        from .sampling.call.host_floor import message, what_is_missing

        missing = what_is_missing(error)
        if missing is None:
            raise
        raise RuntimeError(message(missing)) from error
    return Kinema()


__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
