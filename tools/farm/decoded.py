"""The frames in result files. Files of equal frames may differ: the saved prompt has the times of model files in it."""

import hashlib
from pathlib import Path

import av
from PIL import Image, ImageSequence


def frames_hash(file: Path) -> str:
    """sha256 of the decoded frames of a video or picture, with their size."""
    digest = hashlib.sha256()
    if file.suffix == ".mp4":
        with av.open(str(file)) as container:
            for frame in container.decode(video=0):
                array = frame.to_ndarray(format="rgb24")
                digest.update(str(array.shape).encode() + array.tobytes())
    else:
        with Image.open(file) as opened:
            for picture in ImageSequence.Iterator(opened):
                made = picture.convert("RGBA")
                digest.update(str(made.size).encode() + made.tobytes())
    return digest.hexdigest()


def results_of(out: Path) -> dict[str, list[str]]:
    """{job: hashes of its files' frames} of an output folder."""
    return {
        folder.name: [frames_hash(file) for file in sorted(folder.iterdir())]
        for folder in sorted((out / "results").iterdir())
    }
