from typing import Any

import comfy.model_sampling
import comfy.samplers
import numpy as np
import torch
from comfy_api.latest import io

from ..sampling.curve import Curve, as_curve
from ..sampling.curve_picture import draw_curve
from ..sampling.curve_plot import sample_curve
from .sockets import CATEGORY, number_or_curve


class PlotCurve(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaPlotCurve",
            display_name="Plot Curve",
            category=CATEGORY,
            description="Draws a curve over the frames and the steps of a run; a line for each group of blocks that differ.",
            search_aliases=["show curve", "preview curve", "graph", "value schedule plot", "debug"],
            inputs=[
                number_or_curve("curve", "What to draw.", default=1.0, min=-1000.0, max=1000.0, step=0.01),
                io.Int.Input("frames", default=32, min=1, max=10000, tooltip="How many frames the video has."),
                io.Latent.Input(
                    "latent", optional=True, tooltip="The number of frames is taken from here when connected."
                ),
                io.Int.Input("steps", default=20, min=1, max=1000, optional=True, tooltip="Steps of the sampler."),
                io.Combo.Input(
                    "scheduler",
                    options=comfy.samplers.KSampler.SCHEDULERS,
                    default="normal",
                    optional=True,
                    advanced=True,
                    tooltip="The sampler's scheduler. It says at which percent of the run each step is.",
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    advanced=True,
                    tooltip="The model as it goes into the sampler, when its noise schedule matters.",
                ),
                io.Int.Input(
                    "width",
                    default=960,
                    min=320,
                    max=4096,
                    optional=True,
                    advanced=True,
                    tooltip="Width of the picture in pixels.",
                ),
            ],
            outputs=[io.Image.Output(display_name="plot", tooltip="The picture, for Preview Image or Save Image.")],
        )

    @classmethod
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
        count = frames if latent is None else latent["samples"].shape[0]
        sampling = (
            comfy.model_sampling.ModelSamplingDiscrete() if model is None else model.get_model_object("model_sampling")
        )
        sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, steps)
        picture = draw_curve(sample_curve(as_curve(curve), count, sigmas, sampling), width, max(320, width * 3 // 8))
        return io.NodeOutput(torch.from_numpy(np.array(picture, dtype=np.float32) / 255)[None])
