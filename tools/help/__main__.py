"""Writes what is derived from the nodes: node_list.json, the lists of all help pages, and English words into the locale
files where a translation is missing. Then it lists what is left for people to make."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from .. import in_host
from . import hero, screenshot
from .converter import CONVERTER_NODES, converter_text
from .lists import HEADS, pages, with_lists
from .missing import NODE_LIST, missing
from .pictures import make
from .scenes import SCENES
from .seeds import BASES, search
from .words import LANGUAGES, locale_file, locale_text, option_file, option_text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dev.py docs", description=__doc__)
    parser.add_argument("--missing", action="store_true", help="only list what the nodes still lack for a release")
    parser.add_argument("--pictures", nargs="*", metavar="NODE_ID", help="make pictures: of these nodes, or all")
    parser.add_argument("--seeds", choices=[*BASES], help="search the seed of a base scene of the pictures")
    parser.add_argument("--readme", action="store_true", help="make the animation and the screenshot in the README")
    options = parser.parse_args(arguments)
    if options.readme:
        hero.make()
        screenshot.make()
        return 0
    if options.seeds:
        search(options.seeds)
        return 0
    if options.pictures is not None:
        return 0 if make(options.pictures or list(SCENES)) else 1
    schemas = _schemas()
    if not options.missing:
        write(schemas)
    for schema in schemas:
        for thing in missing(schema):
            print(f"{schema.node_id} lacks {thing}")
    return 0


def _schemas() -> list[Any]:
    """Those of all nodes, by node id."""
    in_host.enter(1, cpu=True)
    from kinema.nodes import NODES  # the host must be there first
    from kinema.nodes.inputs.motion_files import register_folders

    register_folders()
    return sorted((node.define_schema() for node in NODES), key=lambda schema: str(schema.node_id))


def write(schemas: Sequence[Any]) -> None:
    """All that can be generated. Raises ValueError for a help page with no place for its lists."""
    names = {schema.node_id: schema.display_name for schema in schemas}
    NODE_LIST.write_text(json.dumps(names, indent=2) + "\n", encoding="utf-8")
    CONVERTER_NODES.write_text(converter_text(schemas), encoding="utf-8")
    for language in LANGUAGES:
        locale_file(language).write_text(locale_text(language, schemas), encoding="utf-8")
    for language in HEADS:
        if language != "en":
            option_file(language).write_text(option_text(language, schemas), encoding="utf-8")
    for schema in schemas:
        for language, page in pages(schema.node_id).items():
            if page.exists():
                page.write_text(with_lists(page.read_text(encoding="utf-8"), schema, language), encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
