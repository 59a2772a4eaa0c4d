"""The links of the registry's page: they need the repository's public address, which a checkout does not know."""

from __future__ import annotations

import re

from .environment import REPOSITORY

PROJECT = REPOSITORY / "pyproject.toml"
ICON, BANNER = "docs/images/icon.svg", "docs/images/banner.svg"  # square of at most 400 pixels, and 21:9
OURS = re.compile(
    r'^(?:\[project\.urls\]|(?:Repository|Documentation|"Bug Tracker"|Issues|Icon|Banner) = .*)\n', re.MULTILINE
)
EMPTY = re.compile(r"\n{3,}")


def write(address: str) -> None:
    """Puts the links into pyproject.toml, where comfy-cli and the registry read them."""
    PROJECT.write_text(with_links(PROJECT.read_text(encoding="utf-8"), address), encoding="utf-8")


def with_links(project: str, address: str) -> str:
    """The text of pyproject.toml with the links to a GitHub repository. Raises ValueError for another address."""
    repository = address.rstrip("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", repository):
        raise ValueError(f'"{address}" is not the address of a GitHub repository. Give https://github.com/OWNER/NAME')
    urls = (
        "[project.urls]",
        f'Repository = "{repository}"',
        f'Documentation = "{repository}/tree/HEAD/docs"',
        f'"Bug Tracker" = "{repository}/issues"',
        f'Issues = "{repository}/issues"',
    )
    pictures = (f'Icon = "{repository}/raw/HEAD/{ICON}"', f'Banner = "{repository}/raw/HEAD/{BANNER}"')
    before, section, after = EMPTY.sub("\n\n", OURS.sub("", project)).partition("[tool.comfy]\n")
    return "\n".join((before + urls[0], *urls[1:], "", section + pictures[0], pictures[1], after))
