"""A video that is written frame by frame and can be played whenever writing stops."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
import torch

from ...motion.atomic import telling_of_full_disk

KEYFRAMES = 12
"""Frames from one that stands alone to the next. What was written up to the last of them survives a crash."""


class VideoFile:
    """An H.264 video in an MP4 file, open as a context manager.

    It is written beside `path` under a temporary name, in fragments, and gets its own name and an index when it is closed,
    also after an error. Without a frame there is no file. A full disk costs the index and the frames of the last fragment.
    """

    def __init__(self, path: Path, fps: float, crf: int, metadata: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.frames = 0  # written so far
        self._unfinished = path.with_name(f"{path.stem}.part{path.suffix}")
        self._rate = Fraction(round(fps * 1000), 1000)
        self._crf = crf
        self._metadata = dict(metadata or {})
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._container is None:
            return
        try:
            with telling_of_full_disk(self.path):
                self._finish()
        finally:
            if self._unfinished.exists():
                self._unfinished.replace(self.path)

    def _finish(self) -> None:
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def write(self, images: torch.Tensor) -> None:
        """Adds the frames of `images` (f, height, width, 3), 0 to 1; width and height are even."""
        with telling_of_full_disk(self.path):
            self._write(images)

    def _write(self, images: torch.Tensor) -> None:
        if self._container is None:
            self._open(images.shape[2], images.shape[1])
        for image in images:
            pixels = (image[..., :3] * 255).clamp(0, 255).to("cpu", torch.uint8).numpy()
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            self._container.mux(self._stream.encode(frame))
            self.frames += 1

    def _open(self, width: int, height: int) -> None:
        flags = {"movflags": "hybrid_fragmented+use_metadata_tags", "flush_packets": "1"}
        self._container = av.open(str(self._unfinished), mode="w", format="mp4", options=flags)
        for name, text in self._metadata.items():
            self._container.metadata[name] = text
        self._stream = self._container.add_stream("h264", rate=self._rate)
        self._stream.width = width
        self._stream.height = height
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.gop_size = KEYFRAMES
        # Else the encoder holds dozens of frames back, which a crash would lose
        self._stream.options = {"crf": str(self._crf), "tune": "zerolatency"}
