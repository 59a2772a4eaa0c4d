"""The settings files of `dev.py train`: what they mean, and what is wrong with them."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from kinema.motion.spec import NoiseSchedule
from kinema.training.config import LoraOptions, TrainSettings
from tools.train.job import Data, Run, prepare_paths, read_job

REPOSITORY = Path(__file__).resolve().parents[2]
SMALLEST = {"run": {"output": "mm.safetensors", "checkpoint": "sd15.safetensors"}, "clips": {"folder": "videos"}}


def job(tmp_path, **tables):
    file = tmp_path / "job.json"
    file.write_text(json.dumps(SMALLEST | tables))
    return read_job(file)


def test_paths_are_relative_to_the_file(tmp_path):
    read = job(tmp_path)
    assert read.run == Run(tmp_path / "mm.safetensors", tmp_path / "sd15.safetensors")
    assert read.clips == Data(tmp_path / "videos") and read.lora is None and read.settings == TrainSettings()
    assert job(tmp_path, clips={"folder": "/videos", "stride": 2}).clips == Data(Path("/videos"), stride=2)


@pytest.mark.parametrize(
    "tables, message",
    [
        ({"runs": {}}, 'there is no table "runs". The tables are run, clips, settings, lora and sparsectrl.'),
        ({"clips": {"folder": "v", "fps": 8}}, '[clips] has no setting "fps". It has folder, prompt, frames,'),
        ({"clips": {}}, "[clips] is not complete: 1 required positional argument: 'folder'."),
        (
            {"settings": {"momentum": 1}},
            '[settings] has no setting "momentum". It has steps, learning_rate, batch_size,',
        ),
        ({"settings": {"batch_size": 0}}, "batch_size is 0, but must be from 1 to 1024."),
        ({"settings": {"learning_rate": "1e-4"}}, "learning_rate is '1e-4', but must be from 1e-08 to 1.0."),
        ({"settings": {"noise_schedule": "D"}}, "noise_schedule is 'D', but must be one of automatic, A, B, C."),
        (
            {"settings": {"noise_schedule": {"first": 1}}},
            "If noise_schedule is a table, it needs betas, first and last.",
        ),
        ({"run": SMALLEST["run"] | {"kind": "v9"}}, 'kind is "v9", but must be one of v1, v2, v3,'),
        ({"lora": {}}, "[run] has no motion_model, which a motion LoRA needs. Set it to a file."),
        ({"sparsectrl": {}}, "[run] has no motion_model, which SparseCtrl needs. Set it to a file."),
        (
            {"sparsectrl": {"rank": 2}},
            "[sparsectrl] has no settings. Leave the table empty, and put settings in [settings].",
        ),
        (
            {"sparsectrl": {}, "lora": {}},
            "[lora] and [sparsectrl] train different files. Use one settings file for each.",
        ),
    ],
)
def test_mistakes_are_named(tmp_path, tables, message):
    with pytest.raises(ValueError) as error:
        job(tmp_path, **tables)
    assert str(error.value).startswith(message)


def test_every_path_is_checked_and_folders_are_made(tmp_path):
    """Before anything is loaded, each mistake by its name."""
    run, clips = {"output": "out/new/mm.safetensors", "motion_model": "mm.ckpt"}, {"cache": "a/cache"}

    def prepare():
        tables = {"run": SMALLEST["run"] | run, "clips": SMALLEST["clips"] | clips}
        prepare_paths(job(tmp_path, **tables))

    def refused():
        with pytest.raises(ValueError) as error:
            prepare()
        return str(error.value)

    relative = "Correct the path; it is relative to this settings file."
    assert (
        refused() == f'checkpoint in [run] is "{tmp_path / "sd15.safetensors"}", but there is no such file. {relative}'
    )
    (tmp_path / "sd15.safetensors").touch()
    assert refused() == f'motion_model in [run] is "{tmp_path / "mm.ckpt"}", but there is no such file. {relative}'
    (tmp_path / "mm.ckpt").touch()
    assert refused() == f'folder in [clips] is "{tmp_path / "videos"}", but there is no such folder. {relative}'
    (tmp_path / "videos").mkdir()
    prepare()
    assert (tmp_path / "out" / "new").is_dir() and (tmp_path / "a" / "cache").is_dir()
    (tmp_path / "file").touch()
    clips["cache"] = "file/cache"
    assert refused().startswith(f'the folder "{tmp_path / "file" / "cache"}" for cache cannot be made: ')
    (tmp_path / "mine.safetensors").touch()
    run["output"] = "mine.safetensors"
    assert refused().startswith('"mine.safetensors" already exists, but has no training state.')


def test_files_from_before_settings_had_the_names_of_the_inputs(tmp_path):
    before = {"batch": 2, "rate": "cosine", "schedule": "A", "checkpointing": True}
    now = TrainSettings(batch_size=2, learning_rate_curve="cosine", noise_schedule="A", gradient_checkpointing=True)
    assert job(tmp_path, settings=before).settings == now
    own = {"betas": "linear", "first": 0.001, "last": 0.02}
    assert job(tmp_path, settings={"schedule": own}).settings.noise_schedule == NoiseSchedule(**own)


def test_the_example_shows_every_setting_with_its_default(tmp_path):
    tomllib = pytest.importorskip("tomllib")  # Python 3.11 and newer
    text = (REPOSITORY / "tools" / "train" / "example.toml").read_text(encoding="utf-8")
    everything = tomllib.loads("\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines()
                                         if not line.startswith("# python3")).replace("# [lora]", "[lora]"))  # fmt: skip
    defaults = {"run": Run, "clips": Data, "settings": TrainSettings, "lora": LoraOptions}
    examples = {"motion_model", "kind", "cache", "steps"}
    for name, kind in defaults.items():
        assert everything[name].keys() == {field.name for field in fields(kind)}
        for field in fields(kind):
            if field.name not in examples and isinstance(field.default, (int, float, str)):
                assert everything[name][field.name] == field.default, field.name
    (tmp_path / "job.toml").write_text(text)
    assert read_job(tmp_path / "job.toml").settings == TrainSettings(steps=5000)
