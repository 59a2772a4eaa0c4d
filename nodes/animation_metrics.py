from typing import Any

import comfy.model_management
import comfy.utils
from comfy_api.latest import io

from ..evaluation.measure import Judge, measure, steps
from ..evaluation.metrics import METRICS
from .inputs.sockets import CATEGORY


class AnimationMetricsNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaAnimationMetrics",
            display_name="Animation Metrics",
            category=CATEGORY,
            description="Measures an animation: flicker, motion and loop seam from its pixels; with a CLIP vision "
            "model also the smoothness, text similarity and domain similarity of the AnimateDiff paper.",
            search_aliases=["flicker", "consistency", "smoothness", "clip score", "evaluate", "benchmark", "loop seam"],
            inputs=[
                io.Image.Input("images", tooltip="The frames of the animation as one batch, e.g. from VAE Decode."),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="Measures smoothness, text similarity and domain similarity. For smoothness and domain "
                    "similarity, any CLIP vision model works.",
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="For text similarity: the text encoder of the same CLIP, e.g. that of an SDXL checkpoint "
                    "with CLIP-ViT-bigG as clip_vision. The text encoder of SD1.5 checkpoints cannot be "
                    "compared with images.",
                ),
                io.String.Input(
                    "prompt",
                    default="",
                    optional=True,
                    multiline=True,
                    tooltip="For text similarity: what the frames should show. Requires clip.",
                ),
                io.Image.Input(
                    "reference",
                    optional=True,
                    tooltip="For domain similarity: 8 or more images made by the same model for the same prompt, "
                    "without motion. Any size.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="metrics",
                    tooltip="All results as JSON, with a curve over the frames for each metric. For Metrics Plot.",
                ),
                *(io.Float.Output(display_name=m.name, tooltip=m.meaning) for m in METRICS),
            ],
        )

    @classmethod
    def execute(
        cls, images: Any, clip_vision: Any = None, clip: Any = None, prompt: str = "", reference: Any = None
    ) -> io.NodeOutput:
        judge = Judge(clip_vision, clip, prompt, reference)
        progress = comfy.utils.ProgressBar(steps(len(images), judge))

        def tick() -> None:
            comfy.model_management.throw_exception_if_processing_interrupted()
            progress.update(1)

        measurement = measure(images, judge, comfy.model_management.get_torch_device(), tick)
        return io.NodeOutput(measurement.to_json(), *(measurement.value(m.name) for m in METRICS))
