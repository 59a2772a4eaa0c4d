"""The route that the canvas asks while one types into a curve or into Prompt Travel: what is wrong, and what the curve is."""

import asyncio
import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import torch
from aiohttp import web

from ...sampling.call.frames import Frames
from ...sampling.call.moment import Moment
from ...sampling.curves.curve_keys import Key, OverFrames
from ...sampling.curves.curve_text import Written, read_blocks, read_keys, where_written
from ...sampling.curves.easings import WAYS
from ...sampling.curves.timeline import TextError
from ...sampling.prompts.prompt_text import read_prompts

TIMELINE_PATH = "/kinema/timeline"
TEXT_READERS: dict[str, Callable[[str], object]] = {
    "KinemaCurve": read_keys,
    "KinemaCurveOverSteps": read_keys,
    "KinemaCurveOverBlocks": read_blocks,
    "KinemaPromptTravel": read_prompts,
}
"""What reads the text of each node that has one."""

FEWEST_FRAMES = 16  # of a plot
MOST_VALUES = 256  # of a plot: more frames share a point


def add_timeline_route(host: Any) -> None:
    """Adds the route to `host`, a PromptServer."""

    async def answer(request: web.Request) -> web.Response:
        asked = await request.json()
        if asked.get("node") not in TEXT_READERS or not isinstance(asked.get("text"), str):
            return web.json_response(
                {"error": "The request must contain the type of a node and the text to read."}, status=400
            )
        easing = asked.get("easing")
        known = easing if easing in WAYS else "linear"
        return web.json_response(await asyncio.to_thread(read_timeline, asked["node"], asked["text"], known))

    host.routes.post(TIMELINE_PATH)(answer)


def read_timeline(node: str, text: str, easing: str) -> dict[str, Any]:
    """What the canvas shows below the `text` of a `node`: `problem`, or for a Curve its plot; {} where nothing is to show."""
    try:
        if text.strip():  # so that nobody is blamed before the first letter
            TEXT_READERS[node](text)
    except TextError as error:
        return {"problem": str(error)}
    return plotted(text, easing) if node == "KinemaCurve" and text.strip() else {}


def plotted(text: str, easing: str) -> dict[str, Any]:
    """The curve that `text` describes: `values` at every `stride`-th of `frames` frames, and `keys`: for each its frame `at`,
    its `value`, and the first character and the one after the last of both in the text (`frameText` None: not to be moved,
    because it is a share, counted from the end, or a range)."""
    keys = read_keys(text, easing)
    if not all(math.isfinite(number) for key in keys for number in (key.at, key.value)):
        return {}  # JSON has no infinity, and neither has a plot
    frames = max(
        (FEWEST_FRAMES, *(int(key.at) + 1 if key.at >= 0 else -int(key.at) for key in keys if not key.is_share))
    )
    stride = -(-frames // MOST_VALUES)
    indices = tuple(range(0, frames, stride))
    values = torch.as_tensor(OverFrames(keys).at(Moment(Frames(frames, indices, frames))))
    return {
        "frames": frames,
        "stride": stride,
        "values": values.flatten().expand(len(indices)).tolist(),
        "keys": _movable(keys, where_written(text), frames),
    }


def _movable(keys: Sequence[Key], places: Sequence[Written], frames: int) -> list[dict[str, Any]]:
    """The first key of each entry of a text."""
    remaining = iter(keys)
    found = []
    for place in places:
        key, *_ = islice(remaining, place.keys)
        is_movable = not key.is_share and key.at >= 0 and place.keys == 1
        found.append(
            {
                "at": key.frame(frames),
                "value": key.value,
                "frameText": place.frame if is_movable else None,
                "valueText": place.value,
            }
        )
    return found
