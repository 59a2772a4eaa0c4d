"""Captions, each encoded once and kept on disk."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.utils

from ..motion.host import HostCLIP
from .digest import digest, identity
from .on_disk import StoredCaption, can_be_stored, store_caption
from .processes import ALONE, Processes

FILE_IN_A_PROMPT = "embedding:"  # names a file that may change, so what it becomes is not kept


@dataclass(frozen=True)
class CaptionEncoder:
    """Encodes captions, and keeps them on disk."""

    clip: HostCLIP  # CLIP
    cache: Path | None = None  # folder of the encoded captions; None: they are not kept

    def encode(self, text: str) -> Any:
        """The host's CONDITIONING of `text`."""
        return self.clip.encode_from_tokens_scheduled(self.clip.tokenize(text))

    def caption(self, text: str) -> Any:
        """A StoredCaption of `text`, or its CONDITIONING if that is not kept."""
        if self.cache is None or FILE_IN_A_PROMPT in text.lower():
            return self.encode(text)
        key = hashlib.blake2b(repr((text, self._identity)).encode(), digest_size=16).hexdigest()
        file = self.cache / f"{key}.caption.safetensors"
        if file.exists():
            return StoredCaption(file)
        conditioning = self.encode(text)
        return store_caption(conditioning, file) if can_be_stored(conditioning) else conditioning

    @cached_property
    def _identity(self) -> str:
        """Differs between CLIPs, also if only a LoRA or the layer that is read differs."""
        weights = identity(self.clip.cond_stage_model.state_dict().items())
        return weights + "".join(digest([("", words)]) for words, _ in self.encode(""))


def encode_captions(
    texts: Iterable[str],
    encoder: CaptionEncoder,
    processes: Processes = ALONE,
    bar: comfy.utils.ProgressBar | None = None,
) -> dict[str, Any]:
    """What `encoder.caption` gives for each of `texts`, each shown on `bar`. Each process encodes a share of those that are
    to be kept."""
    different = sorted(set(texts))
    if processes.count > 1:
        processes.together(lambda: _encode(processes.share(different), encoder, None))
    return _encode(different, encoder, bar)


def _encode(texts: Sequence[str], encoder: CaptionEncoder, bar: comfy.utils.ProgressBar | None) -> dict[str, Any]:
    encoded = {}
    for text in texts:
        comfy.model_management.throw_exception_if_processing_interrupted()
        encoded[text] = encoder.caption(text)
        if bar is not None:
            bar.update(1)
    return encoded
