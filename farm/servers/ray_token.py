"""The token that lets processes into a Ray of this machine. Ray reads it when it is imported, so this comes first."""

import os
import secrets

LOCAL = "local"  # the address of a Ray that the farm starts, and that ends with it


def set_token(address: str) -> None:
    """For a Ray of its own, a random token that only its processes have; a cluster's token is the user's to set."""
    if address == LOCAL:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
