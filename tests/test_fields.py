"""Each field of a dataclass has a comment on its line, which says what it is: its unit, range or shape."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def source_files() -> Iterator[Path]:
    """Of all packages in the repository."""
    for package in sorted(REPOSITORY.glob("*/__init__.py")):
        yield from sorted(package.parent.rglob("*.py"))


def is_dataclass(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list)


def commented_lines(source: str) -> set[int]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0] for token in tokens if token.type == tokenize.COMMENT}


def fields_without_comment(source: str) -> list[str]:
    """ "Class.field" for each that has no comment on one of its lines."""
    commented = commented_lines(source)
    return [
        f"{node.name}.{ast.unparse(field.target)}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and is_dataclass(node)
        for field in node.body
        if isinstance(field, ast.AnnAssign)
        if not commented & set(range(field.lineno, (field.end_lineno or field.lineno) + 1))
    ]


def test_each_field_of_a_dataclass_has_a_comment() -> None:
    without = {
        str(file.relative_to(REPOSITORY)): fields
        for file in source_files()
        if (fields := fields_without_comment(file.read_text(encoding="utf-8")))
    }
    assert not without


def test_a_field_without_a_comment_is_found() -> None:
    source = '@dataclass\nclass A:\n    x: int  # pixels\n    y: str = "#"\n    z: tuple[\n        int\n    ]  # all\n'
    assert fields_without_comment(source) == ["A.y"]
