"""Prompts of this output folder that a server has from an earlier run. Prompts of others are never touched."""

from typing import TYPE_CHECKING

from ..servers.link import ServerLink, get_json, post
from .follower import Queue
from .ledger import Submission

if TYPE_CHECKING:
    from .dispatcher import Dispatcher

PROMPT_MARK = "kinema_farm"  # of our prompts, among the extra data that servers keep with them


async def unexpected(
    link: ServerLink, queue: Queue, farm: "Dispatcher", followed: set[str], is_first: bool
) -> list[Submission]:
    """What the server has of this folder, in its queue or, on the first connection, finished, and nobody follows."""
    found = {}
    for name, extra in queue.items():
        mark = extra.get(PROMPT_MARK)
        if isinstance(mark, dict) and mark.get("run") == str(farm.folder.run) and name not in followed:
            attempt = mark.get("attempt")
            attempt = attempt if isinstance(attempt, int) else 0
            found[name] = Submission(link.name, str(mark.get("id")), str(mark.get("key")), attempt, name)
    if is_first:
        for submission in farm.open_submissions(link.name):
            name = submission.prompt_id
            if name not in found and name not in followed and await get_json(link, f"/history/{name}"):
                found[name] = submission
    return list(found.values())


async def remove(link: ServerLink, prompt_id: str) -> None:
    """From wherever the server has it."""
    await post(link, "/queue", {"delete": [prompt_id]})
    await post(link, "/interrupt", {"prompt_id": prompt_id})
    await post(link, "/history", {"delete": [prompt_id]})
