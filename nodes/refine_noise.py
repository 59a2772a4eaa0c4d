from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.noise.frequency import FILTERS, FilterKind, LowPass
from ..sampling.noise.refine_noise import METHODS, Method, NoiseRefinement
from ..sampling.run.attach import changed
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY
from .inputs.values import OpenInt, Told, reads_numbers
from .inputs.without_effect import Idle, replaced


class RefineNoiseNode(io.ComfyNode):
    IDLE = (
        Idle("order", lambda values: values["filter"] != "butterworth", ' with the filter "{filter}".'),
        *(
            Idle(name, lambda values: values["iterations"] == 1, ", because iterations is 1.")
            for name in ("method", "filter", "space", "time", "coarse_to_fine", "until", "new_noise", "order")
        ),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaRefineNoise",
            display_name="Refine Noise",
            category=f"{CATEGORY}/noise",
            description="Samples several times, each time starting from noise that keeps the low frequencies of "
            "the previous result (FreeInit or FreqPrior). Makes animations more consistent; sampling time "
            "grows with the number of iterations.",
            search_aliases=["freeinit", "freqprior", "resample", *EVOLVED_NAMES["Refine Noise"]],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The model, with or without a motion model. This node can go anywhere before the sampler.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default="FreeInit",
                    tooltip="FreeInit: the original method. FreqPrior: keeps the variance of the noise, which "
                    "preserves contrast and detail.",
                ),
                OpenInt(
                    "iterations",
                    default=3,
                    min=1,
                    max=20,
                    tooltip="How many times to sample in total. 3 to 5 is usual; 1 changes nothing. If you cancel, "
                    "the result of the last finished iteration is kept and the workflow continues with it.",
                ),
                io.Combo.Input(
                    "filter",
                    options=list(FILTERS),
                    default="butterworth",
                    tooltip="The low-pass filter. butterworth: keeps a small, clean range of low frequencies. "
                    "gaussian: keeps a larger range, with a soft edge. ideal: keeps the largest range, with a hard "
                    "edge. box: keeps a box-shaped range with hard edges.",
                ),
                _cutoff_input("space", "Spatial"),
                _cutoff_input("time", "Temporal"),
                *_iteration_inputs(),
                OpenInt(
                    "order",
                    default=4,
                    min=1,
                    max=100,
                    optional=True,
                    advanced=True,
                    tooltip="Order of the Butterworth filter: the higher it is, the steeper the cutoff.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="The model, set up so that any sampler refines the noise.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        method: Method,
        iterations: int,
        filter: FilterKind,
        space: float = 0.25,
        time: float = 0.25,
        coarse_to_fine: bool = False,
        until: float = 1.0,
        new_noise: bool = False,
        order: int = 4,
    ) -> io.NodeOutput | Told:
        low_pass = LowPass(filter, space, time, order)
        refinement = NoiseRefinement(method, iterations, low_pass, coarse_to_fine, until, new_noise)
        return Told(io.NodeOutput(changed(model, refinement=refinement)), replaced(model, cls, "refinement"))


def _iteration_inputs() -> list[io.Input]:
    return [
        io.Boolean.Input(
            "coarse_to_fine",
            default=False,
            optional=True,
            tooltip="Earlier iterations use fewer steps: with 3 iterations, the first uses a third of the steps "
            "and the second two thirds. This is faster, and the result is almost as good as with all steps.",
        ),
        io.Float.Input(
            "until",
            default=1.0,
            min=0.05,
            max=1.0,
            step=0.01,
            optional=True,
            advanced=True,
            tooltip="All iterations except the last one stop at this fraction of the run, which saves time. The "
            "authors of FreqPrior use 0.68; at 1, all iterations run to the end.",
        ),
        io.Boolean.Input(
            "new_noise",
            default=False,
            optional=True,
            advanced=True,
            tooltip="On: adds different noise to the result in each iteration. Off: always adds the initial noise "
            "of the run, as the authors of FreeInit do.",
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
        tooltip=f"{kind} cutoff frequency. Higher values keep more of the previous result; 0 keeps none of it.",
    )
