import comfy.samplers
import torch
from comfy_api.latest import io

from ..motion.host import HostLatent, HostModel
from ..sampling.plan.plan_picture import draw_plan
from ..sampling.plan.window_plan import plan_run
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.pictures import (
    LATENT_COUNTS,
    frame_count,
    length_inputs,
    plotted,
    scheduler_input,
    width_input,
)
from .inputs.sockets import CATEGORY
from .inputs.values import reads_numbers
from .inputs.without_effect import Idle

TITLED = 600
"""Width in pixels of the plan on the node, into which its title fits."""


class WindowPlanNode(io.ComfyNode):
    IDLE = (
        LATENT_COUNTS,
        Idle("steps", lambda values: values["sigmas"] is not None, ", because sigmas is connected."),
        Idle("scheduler", lambda values: values["sigmas"] is not None, ", because sigmas is connected."),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaWindowPlan",
            display_name="Window Plan",
            category=f"{CATEGORY}/windows",
            is_output_node=True,
            description="Draws a picture that shows which frames a run will compute together in each step, and how "
            "much weight each window has for each frame. Nothing is sampled.",
            search_aliases=[
                "visualize context options",
                "context windows",
                "debug",
                "plot windows",
                *EVOLVED_NAMES["Window Plan"],
            ],
            inputs=[
                io.Model.Input("model", tooltip="The model that you connect to the sampler."),
                *length_inputs(64),
                scheduler_input(
                    "Needed only if context windows use start_percent, end_percent or a fuse_method with sigma in its name."
                ),
                io.Sigmas.Input(
                    "sigmas",
                    optional=True,
                    tooltip="The noise levels (sigmas) of the run, instead of steps and scheduler.",
                ),
                width_input(1280, 8192),
            ],
            outputs=[io.Image.Output(display_name="plan", tooltip="The plan, for Preview Image or Save Image.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        frames: int,
        latent: HostLatent | None = None,
        steps: int = 20,
        scheduler: str = "normal",
        sigmas: torch.Tensor | None = None,
        width: int = 1280,
    ) -> io.NodeOutput:
        count = frame_count(frames, latent)
        if sigmas is None:
            sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), scheduler, steps)
        plan = plan_run(model, count, sigmas.tolist())
        return plotted(cls, draw_plan(plan, count, width), draw_plan(plan, count, TITLED))
