"""docs/architecture.md shows the house that there is. What it says of seams and the order of nodes: test_order.py."""

import ast
import re
from pathlib import Path

import pytest

from tools.environment import REPOSITORY

PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
LAYERS = ("motion", "sampling", "training", "evaluation", "drawing", "miniature", "convert", "doors", "nodes", "farm")


def table(title: str) -> dict[str, str]:
    """{first cell, which is code: second cell} of the first table below the heading `title`."""
    (section,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"^\| `(\S+)` \| (.*) \|$", section, re.MULTILINE))


def first_line(package: Path) -> str:
    """Of the docstring of a package."""
    told = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
    assert told, f"{package} needs a docstring"
    return told.splitlines()[0]


def test_the_rooms_are_the_folders_with_files_and_what_their_packages_say() -> None:
    folders = {
        file.parent for layer in LAYERS for file in (REPOSITORY / layer).rglob("*.py") if file.stem != "__init__"
    }
    rooms = {f"{folder.relative_to(REPOSITORY).as_posix()}/": first_line(folder) for folder in folders}
    assert table("Rooms") == rooms


@pytest.mark.parametrize("layer", LAYERS)
def test_no_other_file_installs_functions_at_the_host(layer: str) -> None:
    installs = re.compile(r"\.(add_wrapper\w*|set_model_(?!options)\w+|add_callback\w*|set_injections)\(")
    files = {file for file in (REPOSITORY / layer).rglob("*.py") if installs.search(file.read_text(encoding="utf-8"))}
    assert files <= {REPOSITORY / "sampling" / "run" / "seams.py"}


SEAMS = re.compile(
    r"class \w+\((?:Sampler|KSAMPLER|ControlNet|ContextHandlerABC)\)|\.set_additional_models\(|\.add_object_patch\("
    r"|set_model_options_patch_replace\(|register_forward_hook\(|\.weight_function = |CONDNoiseShape\(|comfy_extras\.nodes"
    r"|\"sampler_\w+_function\":|= \"sampler_\w+_function\"|\"patches_replace\":|getclosurevars\("
    r"|\"optimized_attention_override\":|\"comfy_cast_weights\""
    r"|\.get_custom_node_subgraphs\("
    r"|\.prepare_timesteps\(|\.pool\.submit\(|\.cond_hint_original = |\.routes\.\w+\(|add_on_prompt_handler\("
)
"""How other files than seams.py reach into the host."""


def test_every_file_that_reaches_into_the_host_is_in_the_table() -> None:
    (rows,) = re.findall(r"^\| what Kinema gives the host \|.*\n\| --- .*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    listed = set(re.findall(r"`([\w/]+\.py)`", rows))
    files = (file for layer in LAYERS for file in (REPOSITORY / layer).rglob("*.py"))
    reaching = {
        file.relative_to(REPOSITORY).as_posix() for file in files if SEAMS.search(file.read_text(encoding="utf-8"))
    }
    assert listed == reaching - {"sampling/run/seams.py"}
