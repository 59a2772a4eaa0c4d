from typing import Any

import comfy.samplers
import numpy as np
import torch
from comfy_api.latest import io

from ..sampling.plan_picture import draw_plan
from ..sampling.window_plan import plan_run
from .sockets import CATEGORY


class WindowPlan(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaWindowPlan",
            display_name="Window Plan",
            category=CATEGORY,
            description="Draws which frames a run will compute together in each step, and how much each window decides "
            "about each frame. Nothing is sampled.",
            search_aliases=["visualize context options", "context windows", "debug", "plot windows"],
            inputs=[
                io.Model.Input("model", tooltip="The model as it goes into the sampler."),
                io.Int.Input(
                    "frames",
                    default=64,
                    min=1,
                    max=10000,
                    tooltip="How many frames the video has. Not needed when a latent is connected.",
                ),
                io.Latent.Input(
                    "latent", optional=True, tooltip="The number of frames is taken from here when connected."
                ),
                io.Int.Input("steps", default=20, min=1, max=1000, optional=True, tooltip="Steps of the sampler."),
                io.Combo.Input(
                    "scheduler",
                    options=comfy.samplers.KSampler.SCHEDULERS,
                    default="normal",
                    optional=True,
                    tooltip="The sampler's scheduler. It matters when windows have a start or end percent.",
                ),
                io.Sigmas.Input(
                    "sigmas", optional=True, tooltip="The noise levels themselves, instead of steps and scheduler."
                ),
                io.Int.Input(
                    "width",
                    default=1280,
                    min=320,
                    max=8192,
                    optional=True,
                    advanced=True,
                    tooltip="Width of the picture in pixels.",
                ),
            ],
            outputs=[io.Image.Output(display_name="plan", tooltip="The picture, for Preview Image or Save Image.")],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        frames: int,
        latent: Any = None,
        steps: int = 20,
        scheduler: str = "normal",
        sigmas: torch.Tensor | None = None,
        width: int = 1280,
    ) -> io.NodeOutput:
        count = frames if latent is None else latent["samples"].shape[0]
        if sigmas is None:
            sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), scheduler, steps)
        picture = draw_plan(plan_run(model, count, sigmas.tolist()), count, width)
        return io.NodeOutput(torch.from_numpy(np.array(picture, dtype=np.float32) / 255)[None])
