"""From videos to clips that a model trains on: latents and captions, encoded once and kept on disk."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import comfy.model_management
import comfy.utils
import torch

from ..motion.host import HostCLIP
from .captions import CaptionEncoder, encode_captions
from .clip_encoder import Encoder, Latents
from .clips import Clip, Clips
from .on_disk import in_memory
from .processes import ALONE, Processes
from .videos import ClipSource, SourceError, find_sources


def prepare_clips(
    encoder: Encoder,
    clip: HostCLIP,
    prompt: str,
    folder: Path | None = None,
    images: torch.Tensor | None = None,
    processes: Processes = ALONE,
) -> tuple[Clips, list[str]]:
    """The clips of all sources in `folder` and of `images` (as in Encoder), and a report: how many clips there are, then a
    sentence for each source that was left out.

    `clip` (CLIP) encodes the captions; a source without one has `prompt`. Each of `processes` encodes a share, and all get
    all clips. Raises ValueError when there is no clip.
    """
    if folder is None and images is None:
        raise ValueError(
            "There is nothing to load: folder is set to none, and images is not connected. Choose a folder, or connect images."
        )
    sources = [] if folder is None else find_sources(folder)
    texts = {"", prompt, *(source.caption for source in sources if source.caption is not None)}
    bar = comfy.utils.ProgressBar(len(processes.share(sources)) + len(texts))  # one for all, so that it only rises
    latents, skipped = encode_sources(encoder, sources, processes, bar)
    if images is not None:
        try:
            latents.append(encoder.images(images))
        except SourceError as error:
            raise ValueError(
                f"The connected batch of images cannot be used: {error}. Lower frames or stride."
            ) from None
    if folder is not None and not latents:
        others = [f"Further videos that were skipped: {len(skipped) - 3}."] if len(skipped) > 3 else []
        raise ValueError(f'None of the videos in "{folder.name}" can be used. {" ".join([*skipped[:3], *others])}')
    clips = with_captions(latents, CaptionEncoder(clip, encoder.cache), prompt, processes, bar)
    bar.update_absolute(bar.total)  # also where a caption was not needed
    origins = [] if folder is None else [f'the folder "{folder.name}"']
    origins += [] if images is None else ["the connected images"]
    clips = replace(clips, origin=" and ".join(origins), vae=encoder.vae)
    found = f"Clips: {len(clips.clips)}, with {encoder.cut.frames} frames each. Videos: {len(latents)}."
    logging.info(found)
    return clips, [found, *skipped]


def encode_sources(
    encoder: Encoder,
    sources: Sequence[ClipSource],
    processes: Processes = ALONE,
    bar: comfy.utils.ProgressBar | None = None,
) -> tuple[list[Latents], list[str]]:
    """The latents of all sources that can be used, and a sentence for each that cannot, in the order of `sources`. `bar`
    shows each source of this process."""
    shares = processes.together(lambda: _encoded(encoder, processes.share(sources), bar))
    usable: list[Latents] = []
    skipped: list[str] = []
    for i in range(len(sources)):
        found = shares[i % processes.count][i // processes.count]
        if isinstance(found, str):
            skipped.append(found)
        else:
            usable.append(found)
    return usable, skipped


def _encoded(
    encoder: Encoder, sources: Sequence[ClipSource], bar: comfy.utils.ProgressBar | None
) -> list[Latents | str]:
    found: list[Latents | str] = []
    for source in sources:
        comfy.model_management.throw_exception_if_processing_interrupted()
        try:
            found.append(encoder.source(source))
        except SourceError as error:
            found.append(f'"{source.path.name}" was skipped: {error}.')
            logging.warning(found[-1])
        if bar is not None:
            bar.update(1)
    return found


def with_captions(
    latents: Sequence[Latents],
    encoder: CaptionEncoder,
    prompt: str,
    processes: Processes = ALONE,
    bar: comfy.utils.ProgressBar | None = None,
) -> Clips:
    """The clips of `latents` with their captions; those without one get `prompt`. `bar` shows each caption."""
    captions = [prompt if source.caption is None else source.caption for source in latents]
    encoded = encode_captions(["", *captions], encoder, processes, bar)
    clips = []
    for source, caption in zip(latents, captions, strict=True):
        for number, values in enumerate(source.clips, 1):
            clips.append(Clip(values, encoded[caption], caption, f"{source.name} #{number}"))
    return Clips(tuple(clips), in_memory(encoded[""]))
