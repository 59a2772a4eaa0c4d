import comfy.model_sampling
import comfy.samplers
from comfy_api.latest import io

from ..motion.host import HostLatent, HostModel
from ..sampling.call.moment import Curve
from ..sampling.curves.curve import as_curve
from ..sampling.curves.curve_picture import draw_curve
from ..sampling.curves.curve_samples import sample_curve
from ..sampling.curves.outside_run import outside_run
from .inputs.pictures import (
    LATENT_COUNTS,
    ON_NODE,
    frame_count,
    length_inputs,
    plotted,
    scheduler_input,
    width_input,
)
from .inputs.sockets import CATEGORY, number_or_curve
from .inputs.values import Told, reads_numbers


class PlotCurveNode(io.ComfyNode):
    IDLE = (LATENT_COUNTS,)

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaPlotCurve",
            display_name="Plot Curve",
            category=f"{CATEGORY}/curves",
            is_output_node=True,
            description="Draws the values of a curve over the frames and steps of a run. A curve over blocks gets one "
            "line for each group of blocks with the same values.",
            search_aliases=["show curve", "preview curve", "graph", "value schedule plot", "debug"],
            inputs=[
                number_or_curve("curve", "The value to draw.", default=1.0, min=-1000.0, max=1000.0, step=0.01),
                *length_inputs(32),
                scheduler_input(
                    "The scheduler determines at which percentage of the run each step occurs.", advanced=True
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    advanced=True,
                    tooltip="The model that you connect to the sampler. Needed only if the result depends on the "
                    "model's noise schedule.",
                ),
                width_input(960, 4096),
            ],
            outputs=[io.Image.Output(display_name="plot", tooltip="The plot, for Preview Image or Save Image.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        curve: float | Curve,
        frames: int,
        latent: HostLatent | None = None,
        steps: int = 20,
        scheduler: str = "normal",
        model: HostModel | None = None,
        width: int = 960,
    ) -> io.NodeOutput | Told:
        count = frame_count(frames, latent)
        sampling = (
            comfy.model_sampling.ModelSamplingDiscrete() if model is None else model.get_model_object("model_sampling")
        )
        sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, steps)
        sampled = sample_curve(as_curve(curve), count, sigmas, sampling)
        picture = draw_curve(sampled, width, max(320, width * 3 // 8))
        on_node = draw_curve(sampled, ON_NODE, 320)
        return Told(plotted(cls, picture, on_node), outside_run(curve, count, steps))
