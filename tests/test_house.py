"""The rules that keep the house in order, read from the sources: layers, sizes, what nobody may touch."""

import ast
import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from comfy_api.latest import io

import kinema
from kinema.nodes import node_of

REPOSITORY = Path(__file__).resolve().parent.parent
LAYERS = {  # folder: the folders of the extension it may import
    "motion": {"motion"},
    "drawing": {"drawing"},
    "sampling": {"sampling", "motion", "drawing"},
    "training": {"training", "sampling", "motion", "drawing"},
    "evaluation": {"evaluation", "drawing"},
    "miniature": {"miniature"},
    "convert": {"convert"},
    "doors": {"doors", "convert"},
    "farm": {"farm"},
    "nodes": {"nodes", "sampling", "motion", "training", "evaluation", "miniature", "drawing", "doors"},
}
ROOMS = (  # of sampling/: each may import those of the lines above it
    {"call"},
    {"curves"},
    {"pictures"},
    {"prompts", "windows", "noise"},
    {"camera"},
    {"modules"},
    {"sparsectrl"},
    {"guidance"},
    {"latents"},
    {"run"},
    {"endless", "plan"},
)
ROOM = 12  # files at most in a room, and in a room of its tests
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


def test_the_farm_needs_only_python_and_aiohttp() -> None:
    """So that a machine without torch can drive servers. Ray is needed by the engine for it alone."""
    for file in (REPOSITORY / "farm").rglob("*.py"):
        outside = {name.split(".")[0] for name in imports(file) if not name.startswith(".")} - sys.stdlib_module_names
        allowed = {"aiohttp", "ray"} if file.stem in ("ray_link", "ray_servers") else {"aiohttp"}
        assert outside <= allowed, f"{file} imports {outside}"


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


def test_rooms_of_sampling_import_only_the_rooms_above_them() -> None:
    line = {room: number for number, rooms in enumerate(ROOMS) for room in rooms}
    folders = {folder.name for folder in rooms_of(REPOSITORY / "sampling")}
    assert folders == line.keys()
    wrong = set()
    for room in folders:
        for file in (REPOSITORY / "sampling" / room).glob("*.py"):
            others = {name.split(".")[2] for name in imports(file) if name.startswith(".sampling.")} - {room}
            wrong |= {(room, other) for other in others if line[other] >= line[room]}
    assert not wrong


def test_tests_share_only_what_is_no_test() -> None:
    """What several test files use is in tests/support, or in a file of their folder without tests."""
    for file in (REPOSITORY / "tests").rglob("*.py"):
        for name in imports(file):
            assert not any(part.startswith("test_") for part in name.split(".")), f"{file} imports {name}"


def rooms_of(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if file.is_dir() and any(file.glob("*.py"))]


def test_rooms_and_the_rooms_of_their_tests_are_small() -> None:
    rooms = [*rooms_of(REPOSITORY / "sampling"), *rooms_of(REPOSITORY / "tests" / "sampling")]
    files = {room: [file for file in room.glob("*.py") if file.name != "__init__.py"] for room in rooms}
    assert not {room: len(files[room]) for room in rooms if len(files[room]) > ROOM}


def test_nodes_are_flat() -> None:
    assert [room.name for room in rooms_of(REPOSITORY / "nodes")] == ["inputs"]
    assert not rooms_of(REPOSITORY / "nodes" / "inputs")


def test_tests_are_in_the_room_of_what_they_test() -> None:
    for layer in LAYERS:
        tests = REPOSITORY / "tests" / layer
        assert tests.is_dir()
        assert {room.name for room in rooms_of(tests)} <= {room.name for room in rooms_of(REPOSITORY / layer)}
    nodes = {file.stem for file in (REPOSITORY / "nodes").glob("*.py")}
    tested = {file.stem for file in (REPOSITORY / "tests" / "nodes").glob("test_*_node.py")}
    assert tested <= {f"test_{node}_node" for node in nodes}


def test_a_file_name_is_that_of_one_file_or_of_a_node_and_its_feature() -> None:
    folders: dict[str, list[Path]] = {}
    for file in extension_files():
        if file.name != "__init__.py":
            folders.setdefault(file.stem, []).append(file.parent)
    repeated = {name for name, found in folders.items() if len(found) > 1}
    pairs = {name for name in repeated if len(folders[name]) == 2 and REPOSITORY / "nodes" in folders[name]}
    assert not {name: folders[name] for name in repeated - pairs}


def public_names(file: Path) -> Iterator[str]:
    """The classes, type aliases and constants that `file` defines for others: whatever begins with a capital."""
    for statement in parse(file).body:
        if isinstance(statement, ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and not is_type_variable(statement.value):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            parts = (part for target in targets for part in ast.walk(target))
            yield from (part.id for part in parts if isinstance(part, ast.Name) and part.id[0].isupper())


def is_type_variable(value: ast.expr | None) -> bool:
    return (
        isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("TypeVar", "ParamSpec")
    )


def test_a_public_name_is_defined_once_in_the_extension() -> None:
    files: dict[str, list[str]] = {}
    for file in extension_files():
        for name in public_names(file):
            files.setdefault(name, []).append(str(file.relative_to(REPOSITORY)))
    assert not {name: found for name, found in files.items() if len(found) > 1}


def test_each_file_of_nodes_is_one_registered_node() -> None:
    files = {file.stem for file in (REPOSITORY / "nodes").glob("*.py")} - {"__init__"}
    registered = asyncio.run(registered_nodes())
    assert sorted(node.__module__ for node in registered) == sorted(f"kinema.nodes.{name}" for name in files)
    assert all(issubclass(node, io.ComfyNode) and node.__name__.endswith("Node") for node in registered)


async def registered_nodes() -> list[type[io.ComfyNode]]:
    extension = await kinema.comfy_entrypoint()
    await extension.on_load()
    nodes: list[type[io.ComfyNode]] = await extension.get_node_list()
    return nodes


@pytest.mark.parametrize(
    ("source", "problem"), [("", "none"), ("class FirstNode: ...\nclass SecondNode: ...", "FirstNode and SecondNode")]
)
def test_a_file_of_nodes_without_its_one_class_is_refused(source: str, problem: str) -> None:
    module = ModuleType("new")
    module.__file__ = "nodes/new.py"
    exec(source, vars(module))
    with pytest.raises(
        TypeError, match=f"must define one class whose name ends in Node, but it defines {problem}. Give"
    ):
        node_of(module)


def test_no_paths_of_a_machine_are_in_the_repository() -> None:
    names = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    machine_path = re.compile(rb"(?<![\w./])/(work|root|home/\w+|Users/\w+)/")
    for name in names.splitlines():
        file = REPOSITORY / name
        if file != Path(__file__) and file.is_file():
            assert not machine_path.search(file.read_bytes()), f"{name} names a path of somebody's machine"
