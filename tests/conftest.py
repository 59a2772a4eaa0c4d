"""Every test runs inside a real ComfyUI: the one COMFYUI_PATH names, else the newest that dev.py uses."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).resolve().parent.parent


def _import_package(name: str, folder: Path) -> ModuleType:
    """Import `folder` as the package `name`, whatever the folder is called, and without the repository on sys.path,
    where its `nodes` would hide the host's module of that name."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _enter_host() -> Path:
    _import_package("tools", REPOSITORY / "tools")
    from tools import environment

    host = Path(os.environ.get("COMFYUI_PATH") or environment.find().hosts[0])
    sys.path.insert(0, str(host))

    import comfy.cli_args

    comfy.cli_args.args.cpu = True  # read once, when comfy.model_management is imported

    import torch

    torch.set_num_threads(1)
    return host


HOST = _enter_host()
_import_package("kinema", REPOSITORY)


def pytest_report_header() -> str:
    return f"ComfyUI: {HOST}"
