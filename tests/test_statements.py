"""One statement, one thought: several computed values are not packed into one assignment."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
COMPUTED = (ast.Call, ast.BinOp, ast.IfExp, ast.ListComp, ast.SetComp, ast.DictComp)


def source_files() -> Iterator[Path]:
    """Of all packages in the repository."""
    for package in sorted(REPOSITORY.glob("*/__init__.py")):
        yield from sorted(package.parent.rglob("*.py"))


def is_packed(node: ast.AST) -> bool:
    """Whether `node` gives several names the values of a generator, or of several computations."""
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and len(node.targets[0].elts) > 1):
        return False
    if isinstance(node.value, ast.GeneratorExp):
        return True
    return isinstance(node.value, ast.Tuple) and sum(isinstance(each, COMPUTED) for each in node.value.elts) > 1


def packed(source: str) -> list[int]:
    """The lines of packed assignments."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assign) and is_packed(node)]


def test_no_assignment_is_packed() -> None:
    found = {
        str(file.relative_to(REPOSITORY)): lines
        for file in source_files()
        if (lines := packed(file.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize("source", ["a, b = f(x), g(y)", "a, b = x + 1, y + 1", "a, b = (f(x) for x in xs)"])
def test_a_packed_assignment_is_found(source: str) -> None:
    assert packed(source) == [1]


@pytest.mark.parametrize("source", ["a, b = b, a", "a, b = 0, f(x)", "a, b = f(x)", "(a,) = (x for x in xs)"])
def test_other_assignments_are_left_alone(source: str) -> None:
    assert not packed(source)
