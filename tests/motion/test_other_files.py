"""What is no motion model is refused with what it is and what to do, in our words: those of libraries go to the log."""

import re

import other_files
import pytest
import tiny
import torch

from kinema.motion.files import MotionFileError
from kinema.motion.load import load_motion_model
from kinema.motion.lora import load_motion_lora

OF_LIBRARIES = re.compile(r"\x1b|\n|weights_only|torch\.load|GLOBAL|serialization|Errno|invalid|Expecting|0x|Traceback")


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    return load_motion_model(tiny.save(tiny.motion_weights(), tmp_path_factory.mktemp("good") / "good.safetensors"))


@pytest.mark.parametrize("kind", other_files.FILES)
def test_other_files_are_named(kind, motion, tmp_path):
    name, write, says = other_files.FILES[kind]
    path = tmp_path / name
    write(path)
    for load in (load_motion_model, lambda path: load_motion_lora(motion, path, 1.0)):
        with pytest.raises(MotionFileError, match=f'^"{re.escape(name)}" .*{says}') as error:
            load(path)
        assert not OF_LIBRARIES.search(str(error.value))
    torch.load(tiny.save(tiny.motion_weights(), tmp_path / "next.ckpt"), weights_only=True)  # torch keeps nothing of it


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
@pytest.mark.parametrize("at", [0.1, 0.5, 0.999])
def test_what_libraries_say_of_damage_goes_to_the_log(suffix, at, tmp_path, caplog):
    path = tiny.save(tiny.motion_weights(), tmp_path / f"mm{suffix}")
    content = bytearray(path.read_bytes())
    if suffix == ".ckpt":
        del content[int(at * len(content)) :]
    else:
        content[9 + int(at * 1000)] = 255  # a byte that no text has
    path.write_bytes(content)
    with pytest.raises(MotionFileError, match="is not a model file or is damaged: .* Download it again") as error:
        load_motion_model(path)
    assert not OF_LIBRARIES.search(str(error.value))
    assert "its table of tensors cannot be read" in str(error.value)
    assert ('"mm' in caplog.text and "Error" in caplog.text) or "BadZipFile" in caplog.text
