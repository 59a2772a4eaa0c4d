"""Names in every language fit the nodes at the width that the canvas gives them in English, so no label is cut."""

from typing import TYPE_CHECKING

import pytest

from tools.help.words import LANGUAGES, translated

if TYPE_CHECKING:
    from .browser import Canvas

# What the canvas draws of a node, in the web client's own font: rows of sockets, and widgets with their default values.
# Letters of Chinese, Japanese and Korean are as wide as the font is high, so that it needs no such font.
CUT = """words => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `${LiteGraph.NODE_SUBTEXT_SIZE}px ${LiteGraph.NODE_FONT}`;
    const width = text => [...text].reduce((sum, letter) => sum
        + (letter > "\\u2e80" ? LiteGraph.NODE_SUBTEXT_SIZE : pen.measureText(letter).width), 0);
    const [around_widget, around_sockets, file] = [90, 50, /\\.safetensors$/];
    return Object.entries(words).flatMap(([kind, {inputs, outputs}]) => {
        const node = LiteGraph.createNode(kind);
        const sockets = node.inputs.filter(socket => !socket.widget);
        const names = sockets.map(socket => inputs[socket.name.split(".")[0]].name);
        const rows = node.outputs.map((_, row) => [names[row] ?? "", outputs[row].name, around_sockets]);
        const widgets = (node.widgets ?? []).filter(widget => inputs[widget.name] && !widget.element
            && !file.test(widget.value));
        const shown = widgets.map(widget => [inputs[widget.name].name, widget._displayValue ?? String(widget.value),
            around_widget]);
        return [...rows, ...shown].filter(([left, right, around]) => width(left) + width(right) + around > node.size[0])
            .map(([left, right]) => `${kind}: ${left} ${right}`);
    });
}"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_is_cut(language: str, canvas: "Canvas") -> None:
    assert canvas.evaluate(CUT, translated(language)) == []
