"""Reuse of the first window's prediction for later windows, early in the run when the layout is decided."""

import torch


def reused(
    first: torch.Tensor, own: torch.Tensor | None, sources: torch.Tensor, strength: float | torch.Tensor
) -> torch.Tensor:
    """The prediction of later windows (f, c, h, w): a share `strength`, a number or (f, 1, h, w), of what the `first`
    window predicted for its frames `sources` (f,), the rest their `own`, which is not needed at strength 1."""
    taken = first[sources]
    if own is None:
        return taken
    share = strength.to(own) if isinstance(strength, torch.Tensor) else strength
    return own + (taken - own) * share
