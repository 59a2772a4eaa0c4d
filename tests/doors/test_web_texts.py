"""The texts of the web client's extension are translated into every language of the nodes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kinema.doors.canvas_route import TITLES

REPOSITORY = Path(__file__).parents[2]
SCRIPT = (REPOSITORY / "web" / "convert.js").read_text(encoding="utf-8")
PREVIEW = (REPOSITORY / "web" / "preview.js").read_text(encoding="utf-8")
LOOK = (REPOSITORY / "web" / "canvas_look.js").read_text(encoding="utf-8")
LABELS = set(re.findall(r'label: "(.+?)"', SCRIPT))
OTHERS = {*re.findall(r'TITLE = "(.+?)"', PREVIEW), *re.findall(r'"((?:Show|Hide) .+?)"', LOOK)}
BUTTONS = {*re.findall(r'\["(\w[\w ]*)", (?:\(\) =>|turnOn)', SCRIPT + PREVIEW), "Close"}
COMMANDS = {name.replace(".", "_") for name in re.findall(r'id: "(Kinema\..+?)"', SCRIPT)}
LANGUAGES = sorted(folder.name for folder in (REPOSITORY / "locales").iterdir() if folder.is_dir())


def read(language: str, name: str) -> Any:
    return json.loads((REPOSITORY / "locales" / language / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_translated(language: str) -> None:
    commands, settings, menu = (read(language, name) for name in ("commands", "settings", "main"))
    assert len(LABELS) == len(COMMANDS) == 2
    assert commands.keys() == COMMANDS
    assert menu["menuLabels"].keys() == LABELS
    assert set(menu["menuLabels"].values()) == {entry["label"] for entry in commands.values()}
    assert settings.keys() == {"Kinema_ConvertWorkflows"}
    assert len(BUTTONS) == 4
    messages = {*TITLES, *BUTTONS, *OTHERS}
    assert len(OTHERS) == 3 and menu["kinemaMessages"].keys() == messages
    assert not set(menu["kinemaMessages"].items()) & {(text, text) for text in messages}
    texts = [*menu["menuLabels"].values(), *settings["Kinema_ConvertWorkflows"].values()]
    assert all("AnimateDiff-Evolved" in text for text in texts)
