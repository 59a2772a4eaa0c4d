"""Every node has all that a release needs. With `--draft`, for a node in the making, what it lacks is listed instead."""

import pytest

from kinema.nodes import NODES
from tools.help.missing import missing

SCHEMAS = {schema.node_id: schema for schema in (node.define_schema() for node in NODES)}


@pytest.mark.parametrize("node_id", SCHEMAS)
def test_nothing_is_missing(node_id: str, draft: bool) -> None:
    things = missing(SCHEMAS[node_id])
    if things and draft:
        pytest.skip(f"{node_id} lacks " + "; ".join(things))
    assert not things, "\n".join(things)
