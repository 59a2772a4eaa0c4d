"""Sinks of AnimateDiff-Evolved as a whole: one behind the other, with controls, with losses, and how exact they are."""

from chains import chain, loader
from evolved_graphs import Out, Sketch

from kinema.convert import convert
from kinema.convert.report import NOT_CONVERTED, SAME


def test_a_node_that_may_change_the_prediction_asks_for_the_checkpoints() -> None:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    changed = sketch.add("ModelSamplingDiscrete", "lcm", False, model=checkpoint)
    sink = sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "sqrt_linear (AnimateDiff)", model=changed)
    sketch.sample(sink, checkpoint)
    assert chain(sketch)["NoiseSchedule"]["prediction"] == "the checkpoint's"


def test_sinks_one_behind_the_other() -> None:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    first = sketch.add("ADE_AnimateDiffLoaderGen1", "one.ckpt", "linear (HotshotXL/default)", model=checkpoint)
    last = sketch.add("ADE_AnimateDiffLoaderGen1", "two.ckpt", "use existing", model=first)
    sketch.sample(last, checkpoint)
    found = chain(sketch)
    assert found["NoiseSchedule"]["schedule"] == "Stable Diffusion"
    assert found["LoadMotionModel"]["motion_model"] == "two.ckpt" and "LoadMotionModel'" not in found

    sketch.sample(first, checkpoint)  # now the first one is needed as well
    found = chain(sketch)
    assert {found[name]["motion_model"] for name in ("LoadMotionModel", "LoadMotionModel'")} == {"one.ckpt", "two.ckpt"}
    assert found["RemoveMotion"]["model"] == "KinemaApplyMotionModel"


def test_sparsectrl_and_its_picture() -> None:
    sketch = Sketch()
    checkpoint, sink = loader(sketch)
    picture, vae = sketch.add("LoadImage", "a.png"), Out(checkpoint.node, 2)
    latents = sketch.add("EmptyLatentImage", 64, 64, 16)
    text = sketch.add("CLIPTextEncode", "a fish", clip=Out(checkpoint.node, 1))
    method = sketch.add("ACN_SparseCtrlSpreadMethodNode", "starting")
    control = sketch.add("ACN_SparseCtrlLoaderAdvanced", "rgb.ckpt", False, 1.0, 1.0, sparse_method=method)
    shown = sketch.add("ACN_SparseCtrlRGBPreprocessor", image=picture, vae=vae, latent_size=latents)
    sketch.add("ACN_AdvancedControlNetApply", 0.7, 0, 1, positive=text, negative=text, control_net=control, image=shown)
    sketch.sample(sink, checkpoint)
    found = chain(sketch)
    sparse = found["LoadSparseCtrl"]
    assert (sparse["sparsectrl"], sparse["frames"], sparse["motion"]) == ("rgb.ckpt", "start", 0.0)
    apply = found["ControlNetApplyAdvanced"]
    assert (apply["strength"], apply["image"], apply["vae"]) == (0.7, "LoadImage", "CheckpointLoaderSimple")


def test_a_loss_leaves_the_sink_unless_it_is_accepted() -> None:
    sketch = Sketch()
    iterations = sketch.add("ADE_IterationOptsDefault", 2, 0, 0)
    settings = sketch.add("ADE_AnimateDiffSamplingSettings", 0, "default", "comfy", 0, False, iteration_opts=iterations)
    checkpoint, sink = loader(sketch, sample_settings=settings)
    sketch.sample(sink, checkpoint)
    left = convert(sketch.ui())
    assert left.workflow == sketch.ui() and left.report.result == NOT_CONVERTED
    assert left.report.units[0].can_be_accepted and "Iterations" in left.report.losses[0].text
    assert "ApplyMotionModel" in chain(sketch, accept=True)


def test_what_nothing_can_follow_leaves_the_sink_and_says_why() -> None:
    sketch = Sketch()
    other = sketch.add("OtherPackContext")
    checkpoint, sink = loader(sketch, context_options=other)
    sketch.sample(sink, checkpoint)
    report = convert(sketch.ui()).report
    assert report.result == NOT_CONVERTED and not report.converted
    assert report.units[0].refusal.startswith("context_options of ADE_AnimateDiffLoaderGen1")


def test_same_numbers_are_said_to_be_the_same() -> None:
    sketch = Sketch()
    checkpoint, sink = loader(sketch)
    sketch.sample(sink, checkpoint)
    assert convert(sketch.ui()).report.result == SAME
