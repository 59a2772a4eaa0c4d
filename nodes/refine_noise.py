from typing import Any

from comfy_api.latest import io

from ..sampling.noise.frequency import FILTERS, FilterKind, LowPass
from ..sampling.noise.refine_noise import METHODS, Method, NoiseRefinement
from ..sampling.run.attach import changed
from .inputs.sockets import CATEGORY


class RefineNoiseNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaRefineNoise",
            display_name="Refine Noise",
            category=CATEGORY,
            description="FreeInit and FreqPrior: samples several times, each time with noise that holds the slow, coarse part "
            "of the result before. Animations get more consistent; it takes as many times as long.",
            search_aliases=[
                "freeinit",
                "freqprior",
                "default iteration options",
                "freeinit iteration options",
                "resample",
            ],
            inputs=[
                io.Model.Input("model", tooltip="The model, before or after Apply Motion Model and all other nodes."),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default="FreeInit",
                    tooltip="FreeInit: the original. FreqPrior: keeps the variance of the noise, so contrast and detail stay.",
                ),
                io.Int.Input(
                    "iterations",
                    default=3,
                    min=1,
                    max=20,
                    tooltip="How often it samples in all. 3 to 5 is usual; 1 changes nothing. When you cancel, the last "
                    "finished iteration is kept and the workflow goes on with it.",
                ),
                io.Combo.Input(
                    "filter",
                    options=list(FILTERS),
                    default="butterworth",
                    tooltip="How the coarse part is cut out. butterworth: keeps a small, clean part. gaussian: keeps more and "
                    "softly. ideal: keeps most, with a hard edge. box: a hard box.",
                ),
                _stop_frequency("space", "within the picture"),
                _stop_frequency("time", "from frame to frame"),
                *_iteration_inputs(),
                io.Int.Input(
                    "order",
                    default=4,
                    min=1,
                    max=100,
                    optional=True,
                    advanced=True,
                    tooltip="How steep the edge of the butterworth filter is.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="The model, whose sampling is refined with any sampler.")],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        method: Method,
        iterations: int,
        filter: FilterKind,
        space: float = 0.25,
        time: float = 0.25,
        coarse_to_fine: bool = False,
        until: float = 1.0,
        new_noise: bool = False,
        order: int = 4,
    ) -> io.NodeOutput:
        low_pass = LowPass(filter, space, time, order)
        refinement = NoiseRefinement(method, iterations, low_pass, coarse_to_fine, until, new_noise)
        return io.NodeOutput(changed(model, refinement=refinement))


def _iteration_inputs() -> list[io.Input]:
    return [
        io.Boolean.Input(
            "coarse_to_fine",
            default=False,
            optional=True,
            tooltip="Earlier iterations get fewer steps: of 3 iterations the first a third, the second two thirds. "
            "Faster, almost as good.",
        ),
        io.Float.Input(
            "until",
            default=1.0,
            min=0.05,
            max=1.0,
            step=0.01,
            optional=True,
            advanced=True,
            tooltip="All iterations but the last end at this part of the run, which saves time. FreqPrior's authors "
            "use 0.68; 1 samples to the end.",
        ),
        io.Boolean.Input(
            "new_noise",
            default=False,
            optional=True,
            advanced=True,
            tooltip="Results are diffused with other noise each time. Off: always with the noise that the run began "
            "with, as FreeInit's authors do.",
        ),
    ]


def _stop_frequency(name: str, where: str) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=0.25,
        min=0.0,
        max=1.0,
        step=0.01,
        optional=True,
        advanced=True,
        tooltip=f"Stop frequency {where}: more keeps finer parts of the result and varies less. 0 begins with new noise.",
    )
