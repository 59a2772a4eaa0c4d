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
            description="FreeInit and FreqPrior: samples several times, each time starting from noise that keeps the "
            "low frequencies of the previous result. More consistent animations; time grows with the "
            "number of iterations.",
            search_aliases=[
                "freeinit",
                "freqprior",
                "default iteration options",
                "freeinit iteration options",
                "resample",
            ],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The model. This node can go before or after Apply Motion Model and all other nodes.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default="FreeInit",
                    tooltip="FreeInit: the original method. FreqPrior: keeps the variance of the noise, which "
                    "preserves contrast and detail.",
                ),
                io.Int.Input(
                    "iterations",
                    default=3,
                    min=1,
                    max=20,
                    tooltip="How many times to sample in total. 3 to 5 is usual; 1 changes nothing. If you cancel, "
                    "the last finished iteration is kept and the workflow continues with it.",
                ),
                io.Combo.Input(
                    "filter",
                    options=list(FILTERS),
                    default="butterworth",
                    tooltip="The low-pass filter. butterworth: keeps a small, clean range of low frequencies. "
                    "gaussian: keeps more, with a soft edge. ideal: keeps the most, with a hard edge. box: a "
                    "box with hard edges.",
                ),
                _cutoff_input("space", "Spatial"),
                _cutoff_input("time", "Temporal"),
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
            outputs=[io.Model.Output(tooltip="The model, whose sampling is refined. Works with any sampler.")],
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
            tooltip="Earlier iterations use fewer steps: with 3 iterations, the first uses a third and the second "
            "two thirds. Faster, and almost as good.",
        ),
        io.Float.Input(
            "until",
            default=1.0,
            min=0.05,
            max=1.0,
            step=0.01,
            optional=True,
            advanced=True,
            tooltip="All iterations except the last stop at this fraction of the run, which saves time. FreqPrior's "
            "authors use 0.68; 1 samples to the end.",
        ),
        io.Boolean.Input(
            "new_noise",
            default=False,
            optional=True,
            advanced=True,
            tooltip="Add different noise to the result in each iteration. Off: always add the initial noise of the "
            "run, as FreeInit's authors do.",
        ),
    ]


def _cutoff_input(name: str, kind: str) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=0.25,
        min=0.0,
        max=1.0,
        step=0.01,
        optional=True,
        advanced=True,
        tooltip=f"{kind} cutoff frequency: higher keeps more of the previous result. 0 keeps none of it.",
    )
