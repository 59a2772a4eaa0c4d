"""`dev.py convert-check FOLDER`: converts all workflows of AnimateDiff-Evolved in a folder, checks the results on every host,
and prints a table.

A result is valid if a second conversion changes nothing, if each new node and link is valid by the host's /object_info
(apart from file names), and if no other node or link changed. Nothing is written.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .. import environment, in_host, server
from ..client import Client

in_host.import_extension()  # which needs no host for the converter

from kinema.convert.definitions.node_definitions import TargetNode  # noqa: E402

from .described import described_nodes  # noqa: E402
from .table import convert_all, table  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dev.py convert-check", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of workflows; its subfolders are read too")
    parser.add_argument("--accept", action="store_true", help="also convert nodes that lose something")
    parser.add_argument("--core", action="store_true", help="also replace other packs' nodes with ComfyUI's own")
    options = parser.parse_args(arguments)
    hosts = {host.name: _nodes(host) for host in environment.find().hosts}
    rows = convert_all(options.folder, hosts, options.accept, options.core)
    print("\n".join(table(rows)))
    return 1 if any(row.problems for row in rows) else 0


def _nodes(host: Path) -> Mapping[str, TargetNode]:
    """All nodes of a host, as its server describes them."""
    with (
        tempfile.TemporaryDirectory(prefix="kinema-conversions-") as base,
        server.running(host, Path(base), threads=1) as running,
        Client(running.url) as client,
    ):
        return described_nodes(client.object_info())


if __name__ == "__main__":
    sys.exit(main())
