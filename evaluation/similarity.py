"""Similarities of CLIP embeddings as the AnimateDiff paper measures them (Guo et al., ICLR 2024, table 1).

All are 100 times a cosine: 100 for the same direction, 0 for unrelated ones.
"""

from collections.abc import Callable
from typing import Any

import comfy.utils
import torch
import torch.nn.functional as F

PROJECTION = ("text_projection.weight", "text_projection")
"""How the key of a text projection ends in the files of CLIP."""

BATCH = 16
"""Pictures that are embedded at once, so that long videos fit and can be interrupted."""


def smoothness(frames: torch.Tensor) -> torch.Tensor:
    """Consecutive frames with each other: embeddings (f, c) to (f - 1,)."""
    return 100 * F.cosine_similarity(frames[:-1], frames[1:])


def text_similarity(frames: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """Each frame with the prompt: embeddings (f, c) and (1, c) to (f,). Raises ValueError when the widths differ."""
    if frames.shape[1] != text.shape[1]:
        raise ValueError(
            f"The CLIP gives embeddings of {text.shape[1]} dimensions, but the CLIP vision model gives "
            f"{frames.shape[1]}, so they do not belong together. With the CLIP of an SDXL checkpoint, use "
            "CLIP-ViT-bigG; with the CLIP of SD2, use CLIP-ViT-H; with a CLIP-L file, use CLIP-ViT-L."
        )
    return 100 * F.cosine_similarity(frames, text)


def domain_similarity(frames: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Each frame with all pictures that the image model makes by itself: (f, c) and (r, c) to their mean (f,)."""
    return 100 * (F.normalize(frames) @ F.normalize(reference).T).mean(dim=1)


def embed_pictures(clip_vision: Any, pictures: torch.Tensor, tick: Callable[[], None]) -> torch.Tensor:
    """Pictures (f, h, w, 3) from 0 to 1 as embeddings (f, c) of `clip_vision` (CLIP_VISION); `tick` after a batch."""
    embeddings = []
    for batch in torch.split(pictures, BATCH):
        embedding = clip_vision.encode_image(batch)["image_embeds"].float()
        embeddings.append(embedding if embedding.ndim == 2 else embedding.mean(dim=1))  # SigLIP keeps its tokens
        tick()
    return torch.cat(embeddings)


def embed_text(clip: Any, prompt: str) -> torch.Tensor:
    """`prompt` as the embedding (1, c) of `clip` (CLIP) that is comparable with pictures.

    Raises ValueError when the host has no projection into the space of pictures for it.
    """
    tokens = clip.tokenize(prompt)
    unprojected = clip.encode_from_tokens(tokens, return_pooled="unprojected")[1]
    projected = clip.encode_from_tokens(tokens, return_pooled=True)[1]
    if projected is not None and torch.equal(projected, unprojected) and _brings_projection(clip):
        projected = clip.cond_stage_model.clip_l.transformer.text_projection(unprojected.to(clip.patcher.load_device))
        projected = projected.to(unprojected)
    if projected is None or torch.equal(projected, unprojected):
        raise ValueError(
            "This CLIP cannot be compared with images: like that of SD1.5 checkpoints, it lacks the projection "
            "needed for that. Use the CLIP of an SDXL checkpoint, with CLIP-ViT-bigG as the CLIP vision model, or a "
            "CLIP-L file that contains text_projection, with CLIP-ViT-L."
        )
    return projected.float()  # type: ignore[no-any-return]


def _brings_projection(clip: Any) -> bool:
    """Whether `clip` is a CLIP-L whose file has a projection. The host loads it, but never applies it. Where the file has
    none the host leaves its memory as it was, so the weights themselves do not tell."""
    if getattr(clip.cond_stage_model, "clip", None) != "clip_l":
        return False
    reload = getattr(clip.patcher, "cached_patcher_init", None)  # the host's loader, and what it was called with
    if reload is None:
        return False
    paths = reload[1][0]
    files = [paths] if isinstance(paths, str) else paths
    return any(key.endswith(PROJECTION) for file in files for key in comfy.utils.load_torch_file(file, safe_load=True))
