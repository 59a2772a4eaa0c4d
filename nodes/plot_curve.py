from typing import Any

import comfy.model_sampling
import comfy.samplers
from comfy_api.latest import io

from ..sampling.call.moment import Curve
from ..sampling.curves.curve import as_curve
from ..sampling.curves.curve_picture import draw_curve
from ..sampling.curves.curve_samples import sample_curve
from .inputs.pictures import frame_count, image_of, length_inputs, scheduler_input, width_input
from .inputs.sockets import CATEGORY, number_or_curve
from .inputs.values import reads_numbers


class PlotCurveNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaPlotCurve",
            display_name="Plot Curve",
            category=f"{CATEGORY}/curves",
            description="Draws a curve over the frames and steps of a run, with one line for each group of blocks "
            "that have the same values.",
            search_aliases=["show curve", "preview curve", "graph", "value schedule plot", "debug"],
            inputs=[
                number_or_curve("curve", "The value to draw.", default=1.0, min=-1000.0, max=1000.0, step=0.01),
                *length_inputs(32),
                scheduler_input("It determines at which percentage of the run each step occurs.", advanced=True),
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
        latent: Any = None,
        steps: int = 20,
        scheduler: str = "normal",
        model: Any = None,
        width: int = 960,
    ) -> io.NodeOutput:
        count = frame_count(frames, latent)
        sampling = (
            comfy.model_sampling.ModelSamplingDiscrete() if model is None else model.get_model_object("model_sampling")
        )
        sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, steps)
        picture = draw_curve(sample_curve(as_curve(curve), count, sigmas, sampling), width, max(320, width * 3 // 8))
        return io.NodeOutput(image_of(picture))
