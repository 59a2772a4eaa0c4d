from typing import Any

from comfy_api.latest import io

from ..evaluation.metrics import Measurement
from ..evaluation.plot import plot
from .inputs.pictures import ON_NODE, plotted
from .inputs.sockets import CATEGORY
from .inputs.values import Told, reads_numbers


class MetricsPlotNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        result = io.String.Input(
            "metrics", force_input=True, tooltip="The metrics output of Animation Metrics, or its saved text."
        )
        return io.Schema(
            node_id="KinemaMetricsPlot",
            display_name="Metrics Plot",
            category=f"{CATEGORY}/metrics",
            is_output_node=True,
            description="Shows the results of Animation Metrics for one animation, or for several side by side, as "
            "a table of values and as curves over the frames.",
            search_aliases=["plot", "chart", "graph", "compare", "flicker", "evaluate", "benchmark"],
            inputs=[
                io.Autogrow.Input(
                    "results",
                    template=io.Autogrow.TemplatePrefix(result, prefix="metrics", min=1, max=10),
                    tooltip="The metrics output of Animation Metrics, one for each animation to be compared.",
                ),
                io.String.Input(
                    "labels",
                    default="",
                    multiline=True,
                    tooltip="Names for the animations, one per line. Animations without a name are numbered.",
                ),
                io.Int.Input("width", default=1024, min=384, max=4096, step=8, tooltip="Width of the plot in pixels."),
            ],
            outputs=[io.Image.Output(display_name="plot", tooltip="The plot, for Preview Image or Save Image.")],
        )

    @classmethod
    @reads_numbers
    def execute(cls, results: dict[str, str | None], labels: str, width: int) -> io.NodeOutput | Told:
        measured = [Measurement.from_json(text) for text in results.values() if text is not None]
        named = dict(zip(_labels(labels, len(measured)), measured, strict=True))
        names = labels.rstrip().count("\n") + 1
        count = len(measured)
        few = f"labels has {names} lines, but the number of animations is {count}: the surplus lines are not used."
        return Told(plotted(cls, plot(named, width), plot(named, ON_NODE)), [few] if names > count else [])


def _labels(text: str, count: int) -> list[str]:
    """A name for each of `count` animations, all different: the lines of `text`, and numbers where they lack."""
    lines: list[Any] = [*map(str.strip, text.splitlines()), *[""] * count][:count]
    names: list[str] = []
    for number, line in enumerate(lines, start=1):
        name = line or f"animation {number}"
        names.append(name if name not in names else f"{name} ({number})")
    return names
