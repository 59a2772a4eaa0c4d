"""The training nodes as the host calls them, under inference mode, from a folder of videos to the files they save."""

import json

import comfy.model_management
import comfy.utils
import folder_paths
import pytest
import safetensors
import tiny
import torch
from PIL import Image
from training.video_files import pictures, write_video

from kinema.motion.families import FAMILIES
from kinema.motion.files import read_header
from kinema.motion.load import load_motion_model
from kinema.motion.spec import IMAGE_SCHEDULE, PAPER_SCHEDULE, NoiseSchedule
from kinema.nodes.inputs.motion_files import LORA_FOLDER, MODEL_FOLDER
from kinema.nodes.inputs.training_inputs import check_name
from kinema.nodes.load_clips import LoadClipsNode
from kinema.nodes.train_motion_lora import TrainMotionLoraNode
from kinema.nodes.train_motion_model import TrainMotionModelNode
from kinema.training.config import SETTINGS, Range, TrainSettings
from training import encoders


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    return folders_in(tmp_path, monkeypatch)


def folders_in(folder, monkeypatch):
    for name in ("input", "temp", "user"):
        (folder / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(folder / name))
    for key in (MODEL_FOLDER, LORA_FOLDER):
        monkeypatch.setitem(folder_paths.folder_names_and_paths, key, ([str(folder / key)], {".safetensors"}))
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The two clips of one video, loaded once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return load(folders_in(tmp_path_factory.mktemp("clips"), monkeypatch))[0]


def defaults(node):
    inputs = node.define_schema().inputs
    return {i.id: i.default for i in inputs if getattr(i, "default", None) is not None}


def load(folders, **changes):
    (folders / "input" / "fish").mkdir(exist_ok=True)
    write_video(folders / "input" / "fish" / "a.mp4", pictures())
    values = defaults(LoadClipsNode) | {"folder": "fish", "frames": 4, "stride": 2, "width": 64, "height": 64} | changes
    with torch.inference_mode():
        return LoadClipsNode.execute(vae=encoders.vae(), clip=encoders.clip(), **values).result


def test_clips_are_loaded_with_a_report(folders):
    (folders / "input" / "fish").mkdir()
    (folders / "input" / "fish" / "broken.mp4").write_text("no video")
    clips, report = load(folders)
    assert clips.shape == (4, 4, 8, 8) and len(clips.clips) == 2
    assert report.startswith("Clips: 2, with 4 frames each. Videos: 1.\n") and '"broken.mp4" was skipped' in report
    kept = [file.suffixes for file in (folders / "user" / "kinema" / "latents").iterdir()]
    assert sorted(kept) == [[".caption", ".safetensors"], [".note", ".json"], [".safetensors"]]
    assert LoadClipsNode.validate_inputs("fish") is True
    assert "is not a folder" in LoadClipsNode.validate_inputs("no fish")


def test_changed_files_are_noticed(folders):
    load(folders)
    before = LoadClipsNode.fingerprint_inputs("fish")
    assert before == LoadClipsNode.fingerprint_inputs("fish")
    (folders / "input" / "fish" / "a.txt").write_text("a fish")
    assert before != LoadClipsNode.fingerprint_inputs("fish")


@pytest.mark.parametrize(
    "changes, words",
    [({"folder": "none"}, "There is nothing to load"), ({"frames": 100}, "None of the videos .* it has 16 frames"),
     ({"folder": "none", "images": torch.zeros(3, 8, 8, 3)}, "it has 3 frames, but a clip needs 7")],
)  # fmt: skip
def test_nothing_to_load_is_said(folders, changes, words):
    with pytest.raises(ValueError, match=words):
        load(folders, **changes)


QUICK = {"steps": 2, "sample_every": 2, "accumulation": 1, "automatic_checkpointing": False}


def train(node, **inputs):
    with torch.inference_mode():
        return node.execute(**(defaults(node) | QUICK | inputs))


def test_a_motion_model_is_trained_shown_and_saved(folders, clips):
    previews = []
    comfy.utils.set_progress_bar_global_hook(lambda done, total, preview, **_: previews.append((done, total, preview)))
    try:
        with torch.inference_mode():
            model = tiny.image_model("small")
        output = train(TrainMotionModelNode, model=model, clips=clips, name="mine/fish")
    finally:
        comfy.utils.set_progress_bar_global_hook(None)
    motion, plot = output.result
    file = folders / MODEL_FOLDER / "mine" / "fish.safetensors"
    assert motion.model.spec == load_motion_model(file).model.spec and motion.model.spec.family.name == "v3"
    assert {info.dtype for info in read_header(file).values()} == {torch.float16}
    with safetensors.safe_open(file, "pt") as opened:
        about = json.loads(opened.metadata()["trained_with"])
    assert about["steps"] == 2 and about["clips"] == 2 and about["noise_schedule"]["betas"] == "sqrt_linear"
    assert (folders / MODEL_FOLDER / "mine" / "fish.training").exists()
    assert plot.shape == (1, 384, 768, 3) and plot.min() < 0.5
    assert [done for done, _, _ in previews] == [1, 2] and previews[-1][1] == 2
    first, last = (preview[1] for _, _, preview in (previews[0], previews[-1]))
    assert first.size == (768, 384) and last.size == (768, 384 + 384)  # with the sample animation below
    (shown,) = output.ui.as_dict()["images"]
    for sample in (folders / "temp" / shown["filename"], folders / MODEL_FOLDER / "mine" / "fish_000002.webp"):
        with Image.open(sample) as animation:
            assert (animation.format, animation.size, animation.n_frames) == ("WEBP", (64, 64), 4)


def test_an_interrupted_training_leaves_a_file_and_goes_on(folders, clips, screen):
    model = tiny.image_model("small")

    def interrupt(done, total, preview, **_):
        if done == 1:  # the host leaves out what follows the first within a tenth of a second
            comfy.model_management.interrupt_current_processing()

    comfy.utils.set_progress_bar_global_hook(interrupt)
    inputs = {"model": model, "clips": clips, "name": "fish", "sample_every": 0}
    try:
        with pytest.raises(comfy.model_management.InterruptProcessingException):
            train(TrainMotionModelNode, **inputs)
    finally:
        comfy.utils.set_progress_bar_global_hook(None)
    file = folders / MODEL_FOLDER / "fish.safetensors"
    assert json.loads(metadata(file)["trained_with"])["steps"] == 1
    assert screen.text.endswith("Stopped after 1 of 2 steps, which are saved. Run it again to continue.")
    continued = weights(train(TrainMotionModelNode, **inputs))
    assert json.loads(metadata(file)["trained_with"])["steps"] == 2
    at_once = weights(train(TrainMotionModelNode, **(inputs | {"name": "other"})))
    assert all(torch.equal(continued[name], at_once[name]) for name in at_once)
    again = weights(train(TrainMotionModelNode, **(inputs | {"steps": 1, "start_again": True})))
    assert any(not torch.equal(continued[name], again[name]) for name in again)


def metadata(file):
    with safetensors.safe_open(file, "pt") as opened:
        return opened.metadata()


def weights(output):
    return output.result[0].model.state_dict()


def test_somebody_elses_file_is_never_replaced(folders, clips):
    file = folders / MODEL_FOLDER / "v3_sd15_mm.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"precious")
    for again in (False, True):
        with pytest.raises(ValueError, match='"v3_sd15_mm.safetensors" already exists.* Pick another name'):
            train(
                TrainMotionModelNode, model=tiny.image_model("small"), clips=clips, name="v3_sd15_mm", start_again=again
            )
    assert file.read_bytes() == b"precious"


def test_a_file_that_cannot_be_written_is_refused_before_the_first_step(folders, clips):
    previews = []
    comfy.utils.set_progress_bar_global_hook(lambda *progress, **_: previews.append(progress))
    try:
        with pytest.raises(OSError, match="cannot be written: .*too long.* Choose another name"):
            train(TrainMotionModelNode, model=tiny.image_model("small"), clips=clips, name="x" * 300)
    finally:
        comfy.utils.set_progress_bar_global_hook(None)
    assert not previews


@pytest.mark.parametrize("apart", [False, True])
def test_a_motion_lora_is_trained_and_saved(folders, clips, apart):
    file = tiny.save(tiny.VERSIONS["v2"](), folders / "mm.safetensors")
    with torch.inference_mode():
        model, motion = tiny.image_model(), load_motion_model(file)
    inputs = {"rank": 2, "learn_looks_apart": apart, "sample_every": 2 * apart}
    output = train(TrainMotionLoraNode, model=model, motion_model=motion, clips=clips, name="zoom", **inputs)
    patched, _plot = output.result
    assert len(patched.patches) == 21 * 4 and not motion.patches  # to_qkv and to_out of two attentions
    stored = read_header(folders / LORA_FOLDER / "zoom.safetensors")
    assert len(stored) == 336 and metadata(folders / LORA_FOLDER / "zoom.safetensors")["rank"] == "2"


def test_an_animated_model_is_refused(folders, clips):
    from kinema.sampling.modules.applied import Applied
    from kinema.sampling.run.attach import attach

    motion = load_motion_model(tiny.save(tiny.VERSIONS["v3"](), folders / "mm.safetensors"))
    with pytest.raises(
        ValueError, match="already has a motion model. Connect the MODEL as it is before Apply Motion Model"
    ):
        train(TrainMotionModelNode, model=attach(tiny.image_model(), motion, Applied()), clips=clips, name="fish")


def test_file_names_stay_in_their_folder():
    assert all(check_name(name) is True for name in ("fish", "my fish/zoom-1_a", None))
    for name in ("", "../fish", "a//b", "/fish", "a/..", "a:b", "fish.", " fish"):
        assert "not a usable file name" in check_name(name), name


def test_schedules_and_their_betas():
    def schedule(name, **betas):
        return TrainSettings(noise_schedule=name, **betas).schedule(FAMILIES["v3"])

    own = NoiseSchedule(betas="cosine", first=0.1, last=0.2)
    assert schedule("automatic") == schedule("B") == PAPER_SCHEDULE
    assert schedule("A") == IMAGE_SCHEDULE and schedule(own) == own
    assert schedule("C", beta_start=0.001, beta_end=0.03) == NoiseSchedule(betas="sqrt_linear", first=0.001, last=0.03)
    assert TrainSettings().schedule(FAMILIES["animatelcm"]) == PAPER_SCHEDULE  # as it was before its distillation


@pytest.mark.parametrize("node", [TrainMotionModelNode, TrainMotionLoraNode])
def test_every_setting_is_an_input_with_the_same_limits(node):
    inputs = {each.id: each for each in node.define_schema().inputs}
    assert [name for name in inputs if name in SETTINGS] == list(SETTINGS)
    for name, limits in SETTINGS.items():
        if isinstance(limits, Range):
            assert (inputs[name].min, inputs[name].max) == (limits.least, limits.most)
        elif inputs[name].get_io_type() == "COMBO":
            assert inputs[name].options == list(limits.names)


def test_advanced_inputs_can_be_left_out(clips):
    basic = {
        i.id: i.default for i in TrainMotionModelNode.define_schema().inputs if not i.optional and hasattr(i, "default")
    }
    with torch.inference_mode():
        motion, _plot = TrainMotionModelNode.execute(
            **(basic | {"model": tiny.image_model("small"), "clips": clips, "name": "few", "steps": 1})
        ).result
    assert motion.model.spec.family.name == "v3"
