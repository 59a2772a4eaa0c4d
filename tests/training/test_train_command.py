"""The settings files of `dev.py train`: what they mean, and what is wrong with them."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from kinema.training.config import TrainSettings
from tools.train.job import Data, Lora, Run, read_job

REPOSITORY = Path(__file__).resolve().parents[2]
SMALLEST = {"run": {"output": "mm.safetensors", "checkpoint": "sd15.safetensors"}, "clips": {"folder": "videos"}}


def job(tmp_path, **tables):
    file = tmp_path / "job.json"
    file.write_text(json.dumps(SMALLEST | tables))
    return read_job(file)


def test_paths_are_relative_to_the_file(tmp_path):
    read = job(tmp_path)
    assert read.run == Run(tmp_path / "mm.safetensors", tmp_path / "sd15.safetensors")
    assert read.clips == Data(tmp_path / "videos") and read.lora is None and read.settings == {}
    assert job(tmp_path, clips={"folder": "/videos", "stride": 2}).clips == Data(Path("/videos"), stride=2)


@pytest.mark.parametrize(
    "tables, message",
    [
        ({"runs": {}}, 'there is no table "runs". The tables are run, clips, settings and lora.'),
        ({"clips": {"folder": "v", "fps": 8}}, '[clips] has no setting "fps". It has folder, prompt, frames,'),
        ({"clips": {}}, "[clips] is not complete: 1 required positional argument: 'folder'."),
        ({"lora": {}}, "a motion LoRA is made for a motion model. Set motion_model in [run]."),
    ],
)
def test_mistakes_are_named(tmp_path, tables, message):
    with pytest.raises(ValueError) as error:
        job(tmp_path, **tables)
    assert str(error.value).startswith(message)


def test_the_example_shows_every_setting_with_its_default(tmp_path):
    tomllib = pytest.importorskip("tomllib")  # Python 3.11 and newer
    text = (REPOSITORY / "tools" / "train" / "example.toml").read_text(encoding="utf-8")
    everything = tomllib.loads("\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines()
                                         if not line.startswith("# python3")).replace("# [lora]", "[lora]"))  # fmt: skip
    defaults = {"run": Run, "clips": Data, "settings": TrainSettings, "lora": Lora}
    examples = {"motion_model", "kind", "cache", "steps", "schedule"}
    for name, kind in defaults.items():
        assert everything[name].keys() == {field.name for field in fields(kind)}
        for field in fields(kind):
            if field.name not in examples and isinstance(field.default, (int, float, str)):
                assert everything[name][field.name] == field.default, field.name
    (tmp_path / "job.toml").write_text(text)
    assert read_job(tmp_path / "job.toml").settings == {"steps": 5000}
