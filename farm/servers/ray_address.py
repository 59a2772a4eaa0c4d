"""The address of a Ray cluster, the token that lets processes in, and why a cluster cannot be used."""

import os
import secrets

from ..graph.refused import Refused

LOCAL = "local"  # the address of a Ray that the farm starts, and that ends with it


def set_token(address: str) -> None:
    """For a Ray of its own, a random token that only its processes have; a cluster's token is the user's to set.

    Ray reads the token when it is imported, so this comes first. Raises Refused for the address of a Ray Client.
    """
    if "://" in address:
        todo = "run this command on a node of the cluster, with --ray auto"
        raise Refused([f"--ray {address} connects from outside the cluster: {todo}"])
    if address == LOCAL:
        os.environ |= {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
        }


def refusal(address: str, said: str) -> str:
    """What the user can do when Ray does not connect. `said`: Ray's own message, which names differing versions."""
    if "Version mismatch" in said:
        todo = "Run this command with the Python of the cluster, after you have installed aiohttp there"
    else:
        todo = "Check that the cluster is running, and that RAY_AUTH_MODE and RAY_AUTH_TOKEN are set as on its nodes"
    return f"--ray {address}: {said.strip()}\n{todo}"
