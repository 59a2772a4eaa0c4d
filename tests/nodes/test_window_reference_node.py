import tiny

from kinema.nodes.window_reference import WindowReferenceNode
from kinema.sampling.run.animation import animation_of
from kinema.sampling.windows.window_reference import WindowReference


def test_references_are_noted_on_a_clone():
    model = tiny.image_model()
    attending = WindowReferenceNode.execute(model, "attend", 0.8)[0]
    both = WindowReferenceNode.execute(attending, "reuse", 1.0, 0.1, 0.15)[0]
    noted = animation_of(both.model_options).references
    assert noted == (WindowReference("attend", 0.8, 0.0, 0.25), WindowReference("reuse", 1.0, 0.1, 0.15))
    assert animation_of(model.model_options).references == ()
