import tiny
import torch

from kinema.nodes.context_windows import ContextWindowsNode
from kinema.nodes.window_plan import WindowPlanNode


def test_frames_from_a_number_or_a_latent_and_steps_or_sigmas():
    model = ContextWindowsNode.execute(tiny.image_model(), 8, 2, "uniform")[0]
    plan = WindowPlanNode.execute(model, 24, steps=4, width=640)[0]
    assert plan.shape[0] == 1 and plan.shape[2:] == (640, 3) and 0 <= plan.min() < plan.max() <= 1
    assert torch.equal(WindowPlanNode.execute(model, 5, {"samples": torch.zeros(24, 4, 8, 8)}, 4, width=640)[0], plan)
    sigmas = torch.tensor([14.0, 5.0, 1.0, 0.5, 0.0])
    assert torch.equal(WindowPlanNode.execute(model, 24, sigmas=sigmas, width=640)[0], plan)
    assert WindowPlanNode.execute(model, 24, steps=8, width=640)[0].shape[1] > plan.shape[1]
