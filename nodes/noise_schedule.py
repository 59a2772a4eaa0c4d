from typing import Any

from comfy_api.latest import io

from ..motion.spec import Schedule
from ..sampling.schedules import EXPLANATION, SCHEDULES, set_schedule
from .sockets import CATEGORY

CUSTOM = "custom"


class NoiseSchedule(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaNoiseSchedule",
            display_name="Noise Schedule",
            category=CATEGORY,
            description="Gives a model another noise schedule, a named one or one of your own. Put it after Apply Motion "
            "Model to override what that chose.",
            search_aliases=["beta schedule", "sigma schedule", "create raw sigma schedule", "sqrt_linear"],
            inputs=[
                io.Model.Input("model", tooltip="The model whose schedule changes. What it predicts stays."),
                io.Combo.Input(
                    "schedule",
                    options=[*SCHEDULES, CUSTOM],
                    default="AnimateDiff",
                    tooltip=f"{EXPLANATION} custom: the three advanced inputs.",
                ),
                io.Combo.Input(
                    "betas",
                    options=["sqrt_linear", "linear", "cosine", "sqrt"],
                    default="sqrt_linear",
                    optional=True,
                    advanced=True,
                    tooltip="custom: ComfyUI's name of the curve. sqrt_linear rises linearly; linear rises linearly in its "
                    "square root; cosine ignores first and last; sqrt is almost all noise.",
                ),
                _beta("first_beta", 0.0001, "The first beta: how much noise the first timestep adds."),
                _beta("last_beta", 0.02, "The last beta: how much noise the last timestep adds."),
            ],
            outputs=[io.Model.Output(tooltip="The model with the schedule.")],
        )

    @classmethod
    def execute(
        cls, model: Any, schedule: str, betas: str = "sqrt_linear", first_beta: float = 0.0001, last_beta: float = 0.02
    ) -> io.NodeOutput:
        changed = model.clone()
        set_schedule(changed, Schedule(betas, first_beta, last_beta) if schedule == CUSTOM else SCHEDULES[schedule])
        return io.NodeOutput(changed)


def _beta(name: str, default: float, tooltip: str) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=default,
        min=1e-6,
        max=0.999,
        step=1e-6,
        round=False,
        optional=True,
        advanced=True,
        tooltip=f"custom: {tooltip}",
    )
