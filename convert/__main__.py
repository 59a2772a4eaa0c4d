"""`python -m convert FILE...` in the pack's folder, with the Python of ComfyUI: the converter without `dev.py`."""

import sys

from .files.command import main

if __name__ == "__main__":
    sys.exit(main())
