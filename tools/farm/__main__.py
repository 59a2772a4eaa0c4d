"""`dev.py farm-check scale|simulate|kill|canvas`: the figures of docs/farm.md, measured again."""

import importlib

CHECKS = {
    "scale": "tools.farm.scale",
    "simulate": "tools.farm.simulate",
    "kill": "tools.farm.kill",
    "canvas": "tools.farm.canvas",
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in CHECKS:
        print(__doc__)
        return 2
    return int(importlib.import_module(CHECKS[arguments[0]]).main(arguments[1:]))
