"""Kinema: AnimateDiff for ComfyUI."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():  # type: ignore[no-untyped-def]
    """What the host calls to get the nodes. Imported here, so that importing the package alone costs nothing."""
    from .nodes import Kinema

    return Kinema()


__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
