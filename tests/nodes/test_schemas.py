"""What people see before they run anything: names, tooltips, aliases, defaults."""

import inspect
import json
import re

import pytest

from kinema.nodes import NODES
from tools.help.converter import CONVERTER_NODES, converter_text
from tools.help.missing import NODE_LIST

SCHEMAS = {node.define_schema().node_id: node.define_schema() for node in NODES}


def test_the_node_list_names_what_there_is():
    listed = json.loads(NODE_LIST.read_text(encoding="utf-8"))
    assert listed.items() <= {node_id: schema.display_name for node_id, schema in SCHEMAS.items()}.items()
    assert list(listed) == sorted(listed), "run python3 dev.py docs"


def test_the_converter_knows_the_nodes_that_there_are(draft):
    expected = converter_text([SCHEMAS[node_id] for node_id in sorted(SCHEMAS)])
    written = CONVERTER_NODES.read_text(encoding="utf-8")
    if draft and written != expected:
        pytest.skip(f"{CONVERTER_NODES.name} lacks what is new: run python3 dev.py docs")
    assert written == expected, "run python3 dev.py docs"


@pytest.mark.parametrize("node_id", SCHEMAS)
def test_every_input_and_output_explains_itself(node_id):
    schema = SCHEMAS[node_id]
    assert node_id.startswith("Kinema") and schema.category.split("/")[0] == "AnimateDiff"
    assert schema.description and schema.search_aliases
    for socket in (*schema.inputs, *schema.outputs):
        assert socket.tooltip and socket.tooltip[-1] in ".)?", (node_id, socket.id)
        assert len(socket.tooltip) > 15, (node_id, socket.id)
    assert re.fullmatch(r"[A-Za-z0-9 -]+", schema.display_name)
    with_default = [
        i for i in schema.inputs if hasattr(i, "default") and i.get_io_type() in ("FLOAT", "INT", "BOOLEAN")
    ]
    assert all(i.default is not None for i in with_default)


@pytest.mark.parametrize("node_id", SCHEMAS)
def test_advanced_inputs_can_be_left_out(node_id):
    """So that API prompts that were exported before an input was added go on working."""
    node = next(node for node in NODES if node.define_schema().node_id == node_id)
    parameters = inspect.signature(node.execute).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for socket in SCHEMAS[node_id].inputs:
        if socket.advanced or socket.optional:
            left_out = (
                parameters[socket.id].default is not inspect.Parameter.empty if socket.id in parameters else takes_any
            )
            assert socket.optional and left_out, socket.id


@pytest.mark.parametrize("node_id", SCHEMAS)
def test_host_accepts_the_schema(node_id):
    node = next(node for node in NODES if node.define_schema().node_id == node_id)
    node.GET_SCHEMA().validate()
    assert node.GET_NODE_INFO_V1()["input"]["required"]


@pytest.mark.parametrize("word", ["animatediff", "gif", "video", "motion", "animate"])
def test_the_way_in_is_found_by_everyday_words(word):
    found = [node_id for node_id, schema in SCHEMAS.items() if word in schema.search_aliases]
    assert {"KinemaApplyMotionModel", "KinemaAnimateDiff"} <= {*found}
