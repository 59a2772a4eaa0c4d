import errno
import json
import shutil
from pathlib import Path
from typing import Any

import av
import comfy.model_management
import folder_paths
import pytest
import tiny
import torch
from screen import Screen

from kinema.miniature.models import FOLDER, VAE, load_vae
from kinema.motion.load import load_motion_model
from kinema.nodes.endless_animation import EndlessAnimationNode
from kinema.sampling.endless.video_file import VideoFile
from kinema.sampling.guidance.animation_guidance import Guidance
from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import attach, changed


def pictures_in(path: Path) -> torch.Tensor:
    with av.open(str(path)) as file:
        return torch.stack([torch.tensor(frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)])


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path / "output"))
    motion = load_motion_model(tiny.save(tiny.motion_weights(seed=8), tmp_path / "v3_mm.safetensors"))
    return {
        "model": attach(tiny.image_model(), motion, Applied()),
        "positive": tiny.conditioning(3),
        "negative": tiny.conditioning(4),
        "vae": load_vae(str(FOLDER / VAE)),
        "latent": {"samples": torch.zeros(1, 4, 8, 8)},
        "seed": 1,
        "cfg": 4.0,
        "scheduler": "simple",
        "window_length": 4,
        "steps": 4,
        "lookahead": False,
        "fps": 12.5,
        "filename_prefix": "video/sea",
    }


def test_a_video_and_one_that_is_interrupted(
    values: dict[str, Any], tmp_path: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = changed(values["model"], guidance=Guidance(4.0))
    output = EndlessAnimationNode.execute(frames=5, **values | {"model": model})
    file = tmp_path / "output" / "video" / "sea_00001_.mp4"
    whole = pictures_in(file)
    assert whole.shape == (5, 64, 64, 3)
    assert output[0].get_dimensions() == (64, 64)
    assert output.ui.as_dict()["images"][0]["filename"] == file.name
    assert (
        screen.text
        == "5 frames, 0.4 s, saved as sea_00001_.mp4. cfg has no effect: Animation Guidance takes its place."
    )
    with av.open(str(file)) as video:
        assert video.streams.video[0].average_rate == 12.5

    add = VideoFile.write

    def and_interrupt(self: VideoFile, images: torch.Tensor) -> None:
        add(self, images)
        comfy.model_management.interrupt_current_processing()

    monkeypatch.setattr(VideoFile, "write", and_interrupt)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        EndlessAnimationNode.execute(frames=1_000_000, **values)
    comfy.model_management.interrupt_current_processing(False)
    cut = tmp_path / "output" / "video" / "sea_00002_.mp4"
    assert screen.text == "Stopped after 4 of 1000000 frames. They are saved in video/sea_00002_.mp4."
    torch.testing.assert_close(pictures_in(cut).float(), whole[:4].float(), rtol=0, atol=3)
    assert {one.name for one in cut.parent.iterdir()} == {"sea_00001_.mp4", "sea_00002_.mp4"}
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        EndlessAnimationNode.execute(frames=1_000_000, **values | {"filename_prefix": "sea"})
    comfy.model_management.interrupt_current_processing(False)
    assert screen.text.endswith("They are saved in sea_00001_.mp4.")


def test_a_full_disk_keeps_the_frames_before_it(
    values: dict[str, Any], tmp_path: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = VideoFile._finish

    def on_a_full_disk(self: VideoFile) -> None:
        finish(self)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(VideoFile, "_finish", on_a_full_disk)
    with pytest.raises(OSError, match='sea_00001_.mp4" cannot be written: No space left on device. Delete files'):
        EndlessAnimationNode.execute(frames=5, **values)
    assert screen.text == (
        "Stopped after 5 of 5 frames. They are saved in video/sea_00001_.mp4, except for the last few (up to 12)."
    )
    assert [one.name for one in (tmp_path / "output" / "video").iterdir()] == ["sea_00001_.mp4"]


def test_a_name_that_cannot_be_written_is_said_before_the_run(values: dict[str, Any]) -> None:
    with pytest.raises(OSError, match="cannot be written: .*too long.* Choose another name"):
        EndlessAnimationNode.execute(frames=5, **values | {"filename_prefix": "a" * 300, "model": None})


def test_what_the_run_says_stays_when_the_video_is_saved(values: dict[str, Any], screen: Screen) -> None:
    values["model"].model.model_config.__class__ = type(
        "Sized", (type(values["model"].model.model_config),), {"picture_side": 512}
    )
    EndlessAnimationNode.execute(frames=5, **values)
    sizes = "The pictures have 64 x 64 pixels, but the model is made for about 512 x 512."
    assert screen.text == f"{sizes} 5 frames, 0.4 s, saved as sea_00001_.mp4."


def test_a_file_can_be_played_while_it_is_written(tmp_path: Path) -> None:
    images = torch.rand(30, 16, 16, 3, generator=tiny.generator(1))
    with (
        pytest.raises(RuntimeError, match="power"),
        VideoFile(tmp_path / "a.mp4", 8.0, 18, {"prompt": json.dumps({})}) as file,
    ):
        file.write(images)
        shutil.copy(tmp_path / "a.part.mp4", tmp_path / "killed.mp4")
        raise RuntimeError("power")
    assert len(pictures_in(tmp_path / "killed.mp4")) >= 24
    assert len(pictures_in(tmp_path / "a.mp4")) == 30
    with av.open(str(tmp_path / "a.mp4")) as video:
        assert video.metadata["prompt"] == "{}"
    with VideoFile(tmp_path / "none.mp4", 8.0, 18):
        pass
    assert not (tmp_path / "none.mp4").exists()


def test_numbers_are_checked_before_a_run() -> None:
    told = EndlessAnimationNode.validate_inputs(frames=8, steps=16, window_length=16, lookahead=True)
    assert "Set frames to 16 or more" in str(told)
    assert EndlessAnimationNode.validate_inputs(frames=64, steps=32, window_length=16, lookahead=True) is True
    assert EndlessAnimationNode.validate_inputs(frames=8, steps=None, window_length=16, lookahead=True) is True
