"""Writes the tables of all help pages again: `python3 dev.py docs`."""

from __future__ import annotations

from .. import in_host


def main(_: list[str] | None = None) -> int:
    in_host.enter(1, cpu=True)
    from kinema.nodes import NODES, register_folders  # the host must be there first

    from .tables import pages, with_tables

    register_folders()
    for schema in (node.define_schema() for node in NODES):
        for language, page in pages(schema.node_id).items():
            if page.exists():
                page.write_text(with_tables(page.read_text(encoding="utf-8"), schema, language), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
