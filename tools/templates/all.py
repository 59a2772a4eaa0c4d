"""Every template that ships, in the order of the gallery (A to Z)."""

from __future__ import annotations

from . import animations, filmed, guided, studies
from .board import Template

TEMPLATES: tuple[Template, ...] = (
    studies.miniature(),
    animations.text_to_animation(),
    animations.long_animation(),
    animations.prompt_travel(),
    animations.loop(),
    animations.motion_lora(),
    animations.fast_lightning(),
    animations.fast_animatelcm(),
    animations.upscale(),
    guided.picture_to_animation(),
    guided.first_and_last_frame(),
    guided.sketch_to_animation(),
    guided.camera_path(),
    filmed.video_to_video(),
    animations.controlnet_over_time(),
    filmed.unsample(),
    studies.train_motion_lora(),
    studies.measure_and_compare(),
)
STEMS: dict[str, Template] = {
    f"AnimateDiff {number:02} - {template.title}": template for number, template in enumerate(TEMPLATES, start=1)
}
"""By file name without its ending, which is the title that the gallery shows. Two digits: it sorts as text."""
