import comfy.latent_formats
import pytest
import tiny

from kinema.nodes.context_windows import ContextWindowsNode
from kinema.nodes.motion_windows import MotionWindowsNode
from kinema.sampling.run.animation import Animation, animation_of
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.motion_windows import MotionWindows


def animation(model):
    return animation_of(model.model_options)


def test_windows_are_noted_on_a_clone_in_the_order_of_the_nodes():
    model = tiny.image_model()
    first = ContextWindowsNode.execute(model, 16, 4, "static")[0]
    more = {
        "closed_loop": True, "freenoise": True, "fuse_method": "flat", "stride": 2, "windows_at_once": 3,
        "start_percent": 0.5,
    }  # fmt: skip
    second = ContextWindowsNode.execute(first, 8, 2, "looped", **more)[0]
    automatic = ContextWindows(WindowSpec(16, 4))
    assert animation(first) == Animation(windows=(automatic,))
    assert animation(second).windows == (
        automatic, ContextWindows(WindowSpec(8, 2, "looped", 2, True), "flat", 0.5, 1.0, 3, True)
    )  # fmt: skip
    assert animation(model) == Animation()


def test_a_second_motion_windows_replaces_the_first():
    model = tiny.image_model()
    first = MotionWindowsNode.execute(model, 16, 4)[0]
    second = MotionWindowsNode.execute(first, 8, 6, True, True, "flat")[0]
    assert animation(first) == Animation(motion_windows=MotionWindows(16, 4))
    assert animation(second) == Animation(motion_windows=MotionWindows(8, 6, "flat", True, True))
    assert animation(model) == Animation()


@pytest.mark.parametrize("node", [ContextWindowsNode, MotionWindowsNode])
def test_an_overlap_that_cannot_be_is_said_before_the_run(node):
    assert node.validate_inputs(16, 4) is True and node.validate_inputs(None, 40) is True
    assert node.validate_inputs(16, 16) == (
        "An overlap of 16 is not smaller than the window of 16 frames, so the windows would never advance. "
        "Set overlap to a quarter of the length: 4."
    )


def test_video_models_are_refused():
    model = tiny.image_model()
    model.model.latent_format = comfy.latent_formats.Wan21()
    with pytest.raises(ValueError, match=r"are for image models.*MODEL \(BaseModel\) is a video model"):
        ContextWindowsNode.execute(model, 16, 4, "static")
