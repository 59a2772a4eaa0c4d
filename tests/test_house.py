"""The rules that keep the house in order, read from the sources: layers, sizes, what nobody may touch."""

import ast
import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from comfy_api.latest import io

import kinema

REPOSITORY = Path(__file__).resolve().parent.parent
LAYERS = {  # folder: the folders of the extension it may import
    "motion": {"motion"},
    "drawing": {"drawing"},
    "sampling": {"sampling", "motion", "drawing"},
    "training": {"training", "sampling", "motion", "drawing"},
    "evaluation": {"evaluation", "drawing"},
    "miniature": {"miniature"},
    "nodes": {"nodes", "sampling", "motion", "training", "evaluation", "miniature", "drawing"},
}
NODES_ONLY = ("comfy_api", "folder_paths")
MOTION_MAY_IMPORT = (
    *("torch", "einops", "safetensors", "comfy.ops", "comfy.utils", "comfy.model_management"),
    *("comfy.ldm.modules.attention", "comfy.lora", "comfy.weight_adapter"),
)
LOADER = REPOSITORY / "motion" / "load.py"
MAX_LINES = 250


def extension_files() -> list[Path]:
    folders = [REPOSITORY / layer for layer in LAYERS]
    return [REPOSITORY / "__init__.py", *(file for folder in folders for file in sorted(folder.rglob("*.py")))]


def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def imports(file: Path) -> Iterator[str]:
    """Dotted names of what `file` imports: "comfy.utils.load_torch_file"; its own with a dot: ".motion.spec.Family"."""
    package = file.relative_to(REPOSITORY).parts[:-1]
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                parents = package[: len(package) - node.level + 1]
                module = "." + ".".join([*parents, *filter(None, [module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_below(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_the_layers_below_it(layer: str) -> None:
    for file in (REPOSITORY / layer).rglob("*.py"):
        own = {name.split(".")[1] for name in imports(file) if name.startswith(".")}
        assert own <= LAYERS[layer], f"{file} imports {own - LAYERS[layer]}"


def test_the_extension_imports_itself_relatively_and_no_tools() -> None:
    for file in extension_files():
        for name in imports(file):
            assert name.split(".")[0] not in {"kinema", "tools", "tests", *LAYERS}, f"{file} imports {name}"


def test_only_nodes_know_the_node_api() -> None:
    for file in extension_files():
        if REPOSITORY / "nodes" in file.parents:
            continue
        for name in imports(file):
            assert not any(is_below(name, module) for module in NODES_ONLY), f"{file} imports {name}"


def test_motion_imports_no_more_than_it_may() -> None:
    for file in (REPOSITORY / "motion").rglob("*.py"):
        allowed = (*MOTION_MAY_IMPORT, *(["comfy.model_patcher"] if file == LOADER else []))
        for name in imports(file):
            if not name.startswith(".") and name.split(".")[0] not in sys.stdlib_module_names:
                assert any(is_below(name, module) for module in allowed), f"{file} imports {name}"


def host_names(tree: ast.Module) -> set[str]:
    """The names that a file gives to modules, classes and functions of comfy and torch."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias for alias in node.names if alias.name.split(".")[0] in ("comfy", "torch")]
            names |= {alias.asname or alias.name.split(".")[0] for alias in modules}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("comfy", "torch"):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def assigned(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.Delete):
            yield from node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            yield node.target
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr"):
            yield ast.Attribute(node.args[0], "")


def root(expression: ast.expr) -> str | None:
    while isinstance(expression, ast.Attribute | ast.Subscript | ast.Starred):
        expression = expression.value
    return expression.id if isinstance(expression, ast.Name) else None


def test_nothing_assigns_into_the_host_or_torch() -> None:
    for file in extension_files():
        tree = parse(file)
        for target in assigned(tree):
            for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                if not isinstance(part, ast.Name):
                    assert root(part) not in host_names(tree), f"{file}:{part.lineno} assigns into the host"


def test_files_are_short() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in extension_files()}
    assert not {file: lines for file, lines in lengths.items() if lines > MAX_LINES}


def test_tests_share_only_what_is_no_test() -> None:
    """What several test files use is in tests/support, or in a file of their folder without tests."""
    for file in (REPOSITORY / "tests").rglob("*.py"):
        for name in imports(file):
            assert not any(part.startswith("test_") for part in name.split(".")), f"{file} imports {name}"


def test_the_node_list_is_what_is_registered() -> None:
    listed = json.loads((REPOSITORY / "node_list.json").read_text(encoding="utf-8"))
    assert listed == {schema.node_id: schema.display_name for schema in asyncio.run(registered_schemas())}


async def registered_schemas() -> list[io.Schema]:
    extension = await kinema.comfy_entrypoint()
    await extension.on_load()
    return [node.define_schema() for node in await extension.get_node_list()]


def test_no_paths_of_a_machine_are_in_the_repository() -> None:
    names = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    machine_path = re.compile(rb"(?<![\w./])/(work|root|home/\w+|Users/\w+)/")
    for name in names.splitlines():
        file = REPOSITORY / name
        if file != Path(__file__) and file.is_file():
            assert not machine_path.search(file.read_bytes()), f"{name} names a path of somebody's machine"
