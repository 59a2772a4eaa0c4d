"""Every template that ships."""

from __future__ import annotations

from . import animations, guided, studies
from .board import Template

TEMPLATES: tuple[Template, ...] = (
    animations.text_to_animation(),
    animations.long_animation(),
    animations.prompt_travel(),
    animations.loop(),
    animations.motion_lora(),
    animations.fast_lightning(),
    animations.fast_animatelcm(),
    animations.upscale(),
    animations.controlnet_over_time(),
    guided.picture_to_animation(),
    guided.first_and_last_frame(),
    guided.sketch_to_animation(),
    guided.camera_path(),
    guided.video_to_video(),
    guided.unsample(),
    studies.train_motion_lora(),
    studies.measure_and_compare(),
    studies.miniature(),
)
