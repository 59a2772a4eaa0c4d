"""Video files of which every frame is known."""

from fractions import Fraction

import av
import numpy as np


def pictures(count=16, height=32, width=32):
    """Frame i is grey of brightness 10·i, its left half darker."""
    frames = np.full((count, height, width, 3), 10, dtype=np.uint8)
    frames[:] = (np.arange(count) * 10 + 20).astype(np.uint8)[:, None, None, None]
    frames[:, :, : width // 2] -= 20
    return frames


def write_video(path, frames, codec="libx264"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(8))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path
