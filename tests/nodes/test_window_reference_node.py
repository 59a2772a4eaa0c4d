import tiny

from kinema.nodes.window_reference import WindowReferenceNode
from kinema.sampling.windows.window_reference import WindowReference as Reference


def test_references_are_noted_on_a_clone():
    model = tiny.image_model()
    attending = WindowReferenceNode.execute(model, "attend", 0.8)[0]
    both = WindowReferenceNode.execute(attending, "reuse", 1.0, 0.1, 0.15)[0]
    noted = both.model_options["transformer_options"]["kinema_window_reference"]
    assert noted == (Reference("attend", 0.8, 0.0, 0.25), Reference("reuse", 1.0, 0.1, 0.15))
    assert "kinema_window_reference" not in model.model_options["transformer_options"]
