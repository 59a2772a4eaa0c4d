"""The words that people type into the search of the canvas find a node or a blueprint."""

import pytest

from kinema.nodes import NODES
from tools.templates.blueprints import BLUEPRINTS

SCHEMAS = [node.define_schema() for node in NODES]
NAMES = {schema.display_name: [schema.display_name, *schema.search_aliases] for schema in SCHEMAS} | {
    blueprint.name: [blueprint.name, *blueprint.aliases] for blueprint in BLUEPRINTS
}
WORDS = {
    "Load Motion Model": ("animatediff", "motion module", "lightning", "animatelcm", "lcm", "hotshot", "v3_sd15_mm"),
    "Apply Motion Model": ("strength", "motion scale", "scale multival", "effect multival"),
    "Adjust Motion Model": ("pe stretch",),
    "Text to Animation": ("animatediff", "gif", "save gif", "video combine", "txt2vid", "text to video"),
    "Try AnimateDiff": ("animatediff", "try it", "demo", "example"),
    "Picture to Animation": ("img2vid", "image to video", "i2v"),
    "Animate Longer": ("long video", "sliding window"),
    "Context Windows": ("loop", "seamless loop", "long video", "sliding window", "batched non ad"),
    "Curve": ("ease", "easing", "keyframe", "interpolate"),
    "Prompt Travel": ("prompt travel", "prompt schedule", "morph"),
    "Refine Noise": ("freeinit",),
    "Animation Noise": ("freenoise",),
    "Train Motion LoRA": ("train lora", "motion lora"),
    "Load Motion LoRA": ("motion lora", "zoom", "camera", "pan"),
    "Load Miniature": ("miniature",),
    "Animation Metrics": ("flicker",),
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_everyday_words_find(name: str) -> None:
    """The canvas looks for what was typed as a whole within names and aliases."""
    texts = [text.lower() for text in NAMES[name]]
    assert not [word for word in WORDS[name] if not any(word in text for text in texts)]
