"""Files with a workflow in them, as ComfyUI stores it in each kind."""

import json
from pathlib import Path
from typing import Any

import av
from PIL import Image, PngImagePlugin

ENDINGS = ("json", "png", "webp", "mp4", "webm")


def write_workflow(folder: Path, ending: str, workflow: dict[str, Any]) -> Path:
    """Writes `old.ENDING` with `workflow` in it."""
    file = folder / f"old.{ending}"
    text = json.dumps(workflow)
    picture = Image.new("RGB", (8, 8))
    if ending == "json":
        file.write_text(text, encoding="utf-8")
    elif ending == "png":
        info = PngImagePlugin.PngInfo()
        info.add_text("prompt", '{"1": {"class_type": "LoadImage", "inputs": {}}}')
        info.add_text("workflow", text)
        picture.save(file, pnginfo=info)
    elif ending == "webp":
        tags = Image.Exif()
        tags[0x010F] = f"workflow:{text}"
        picture.save(file, exif=tags)
    else:
        write_video(file, "libvpx" if ending == "webm" else "mpeg4", {"workflow": text})
    return file


def write_video(file: Path, codec: str, metadata: dict[str, str]) -> None:
    with av.open(str(file), "w", options={"movflags": "use_metadata_tags"}) as video:
        video.metadata.update(metadata)
        stream = video.add_stream(codec, rate=8)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for frame in (av.VideoFrame.from_image(Image.new("RGB", (32, 32))), None):
            video.mux(stream.encode(frame))
