"""A plain workflow of AnimateDiff-Evolved for the server of these tests, and what the canvas says of it."""

from evolved_graphs import Out, Sketch

from .conftest import JOB

LOADER = "ADE_AnimateDiffLoaderGen1"
TOAST = "document.getElementById('kinema-toast')?.innerText ?? ''"


def sketch(motion_model: str = JOB.motion_model) -> Sketch:
    """A plain workflow. The sampler's latents are saved."""
    drawn = Sketch()
    checkpoint = drawn.add("CheckpointLoaderSimple", JOB.checkpoint)
    sampled = drawn.sample(drawn.add(LOADER, motion_model, "autoselect", model=checkpoint), checkpoint, JOB.frames)
    drawn.add("VAEDecode", samples=sampled, vae=Out(checkpoint.node, 2))
    return drawn
