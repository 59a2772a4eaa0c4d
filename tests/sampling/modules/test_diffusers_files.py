"""Motion adapters as diffusers itself writes them, against its own UNet."""

import diffusers
import exact
import oracle
import pytest
import tiny
from authors import AUTHORS, FRAMES, TIMESTEP, original, run, videos_and_contexts
from compare import ONE_CALL, assert_alike

from kinema.motion.load import load_motion_model
from kinema.motion.spec import NormPolicy
from kinema.sampling.modules.hooks import plain_motion


@pytest.mark.parametrize("base", ["sd15", "sdxl"])
def test_a_file_that_diffusers_wrote(base, tmp_path):
    family, widths = {"sd15": ("v3", tiny.SD15_WIDTHS), "sdxl": ("sdxl", tiny.SDXL_WIDTHS)}[base]
    weights = original(family)
    adapter = diffusers.MotionAdapter(block_out_channels=widths, use_motion_mid_block=False)
    adapter.load_state_dict(
        {oracle.to_diffusers(k): v for k, v in weights.items() if not k.endswith(".pe")}, strict=False
    )
    adapter.save_pretrained(tmp_path)
    model = load_motion_model(tmp_path / "diffusion_pytorch_model.safetensors").model
    assert model.spec.family.name == family
    image_model = exact.image_model(base, seed=7)
    theirs = oracle.build(image_model, weights, AUTHORS.get(family, NormPolicy()), frames=FRAMES)
    (video, _), (context, _) = videos_and_contexts()
    expected = oracle.predict(theirs, video, TIMESTEP, context)
    ours = run(image_model, plain_motion(model), [video], [context])
    assert_alike(ours, expected, within=ONE_CALL)
