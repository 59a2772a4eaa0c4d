"""Addresses: what lets one in never gets into a name or a message."""

from pathlib import Path

import pytest

from kinema.farm.graph.refused import Refused
from kinema.farm.servers.address import parse, read_addresses


def test_secrets_are_not_in_the_name() -> None:
    address = parse("https://me:pass%20word@host:8443/comfy/?token=abc")
    assert (address.user, address.password, address.query) == ("me", "pass word", (("token", "abc"),))
    assert address.url == address.name == "https://host:8443/comfy"
    assert not any(secret in repr(address) for secret in ("pass", "abc"))
    assert address.without_secrets("GET /?token=abc by pass word, pass%20word") == "GET /?token=*** by ***, ***"


def test_short_forms() -> None:
    assert parse("10.0.0.5:8188").url == "http://10.0.0.5:8188"
    assert parse("http://[::1]:8188/").url == "http://[::1]:8188"


def test_every_address_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_addresses("ftp://me:secret@x, http://a, http://a, http://host:port")
    assert "secret" not in str(refused.value)
    assert [error.split(":")[0] for error in refused.value.errors] == [
        "server 1",
        "server 3 is http",
        "server 4",
    ]
    with pytest.raises(Refused, match="there is no file .*none: --servers @FILE names"):
        read_addresses(f"@{tmp_path / 'none'}")
    (tmp_path / "servers").write_text("# ours\nhttp://a\n\nhttp://b\n")
    assert [address.url for address in read_addresses(f"@{tmp_path / 'servers'}")] == ["http://a", "http://b"]
