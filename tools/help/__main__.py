"""Writes the tables of all help pages again: `python3 dev.py docs`; with `--pictures [NODE_ID ...]` pictures instead."""

from __future__ import annotations

import argparse

from .. import in_host


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dev.py docs", description=__doc__)
    parser.add_argument("--pictures", nargs="*", metavar="NODE_ID", help="make pictures: of these nodes, or all")
    wanted = parser.parse_args(arguments).pictures
    if wanted is None:
        write_tables()
    else:
        from .pictures import make
        from .scenes import SCENES

        make(wanted or list(SCENES))
    return 0


def write_tables() -> None:
    in_host.enter(1, cpu=True)
    from kinema.nodes import NODES  # the host must be there first
    from kinema.nodes.inputs.motion_files import register_folders

    from .tables import pages, with_tables

    register_folders()
    for schema in (node.define_schema() for node in NODES):
        for language, page in pages(schema.node_id).items():
            if page.exists():
                page.write_text(with_tables(page.read_text(encoding="utf-8"), schema, language), encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
