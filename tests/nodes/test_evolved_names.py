"""People who know AnimateDiff-Evolved find each node by the name that it has there, on the page and on the canvas."""

import re
from pathlib import Path

from kinema.nodes import NODES
from kinema.nodes.inputs.evolved_names import EVOLVED_NAMES

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "from-animatediff-evolved.md").read_text(encoding="utf-8")
SCHEMAS = {schema.display_name: schema for schema in (node.define_schema() for node in NODES)}
NODES_THERE = 145  # of AnimateDiff-Evolved 1.5.7, of which two are called Context Options Looped Uniform


def plain(name):
    """A name as people type it."""
    words = re.sub(r"[^a-z0-9.-]+", " ", re.sub(r"\[DEPR(?:ECATED)?\]", "", name).lower()).split()
    return " ".join(word.strip(".") for word in words)


def rows():
    """The names of nodes there and what the page says of Kinema, for each row of the tables of nodes."""
    tables = PAGE.partition("## Names of schedules")[0]
    lines = [line for line in tables.splitlines() if line.startswith("| ") and "---" not in line]
    cells = [line.strip("| ").split(" | ") for line in lines]
    return [(names.split("<br>"), kinema) for names, kinema, *_ in cells if names != "AnimateDiff-Evolved"]


def named():
    """{node here: what it is called there}, as the page says."""
    found = {}
    for names, kinema in rows():
        bold = re.search(r"\*\*(.+?)\*\*", kinema)
        assert bold or kinema.startswith("ComfyUI: "), names
        if bold:
            found.setdefault(bold[1], set()).update(map(plain, names))
    return found


def test_the_page_has_every_node():
    sparse = 2  # of Advanced-ControlNet
    assert sum(len(names) for names, _ in rows()) == NODES_THERE + sparse


def test_the_canvas_finds_what_the_page_names():
    assert {name: set(names) for name, names in EVOLVED_NAMES.items()} == named()
    for name, names in EVOLVED_NAMES.items():
        assert set(names) <= {*SCHEMAS[name].search_aliases}


def test_the_hosts_nodes_have_the_other_names():
    script = (REPOSITORY / "web" / "evolved_names.js").read_text(encoding="utf-8")
    names = {name for names in re.findall(r": \[(.+)\],", script) for name in re.findall(r'"(.+?)"', names)}
    assert names == {plain(name) for names, kinema in rows() if kinema.startswith("ComfyUI: ") for name in names}


def test_the_page_names_inputs_that_are_there():
    """Every word in italics that looks like an input is one of a node here."""
    inputs = {socket.id for schema in SCHEMAS.values() for socket in schema.inputs}
    assert set(re.findall(r"\*([a-z0-9]+(?:_[a-z0-9]+)+)\*", PAGE)) <= inputs


def test_the_readme_leads_to_the_page():
    assert "](docs/from-animatediff-evolved.md)" in (REPOSITORY / "README.md").read_text(encoding="utf-8")
