"""Enters the host in this process: its modules importable, the repository importable as the package `kinema`."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from tools import environment
from tools.environment import REPOSITORY


def enter(threads: int, cpu: bool | None = None, torch_attention: bool = False) -> Path:
    """Makes `comfy` and `kinema` importable, with `threads` threads for torch; `cpu` None uses a GPU where there is one.
    `torch_attention` computes attention as on GPUs, which is faster than the host's default for CPUs and in training far
    faster.

    Call it before anything of the host is imported: the host reads its settings only then.
    """
    host = environment.find().hosts[0]
    sys.path[:] = [str(host), *(entry for entry in sys.path if Path(entry or ".").resolve() != REPOSITORY.resolve())]
    import torch
    from comfy.cli_args import args

    args.cpu = not torch.cuda.is_available() if cpu is None else cpu
    args.use_pytorch_cross_attention = torch_attention
    torch.set_num_threads(threads)
    # As the host's main.py does: later its nodes.py puts the folder comfy, with a utils.py of its own, on the path.
    importlib.import_module("utils.extra_config")
    import_extension()
    return host


def nodes() -> ModuleType:
    """The host's module `nodes`, also where that is what pytest calls the folder of the tests of our nodes."""
    if not hasattr(sys.modules.get("nodes"), "NODE_CLASS_MAPPINGS"):
        sys.modules.pop("nodes", None)
    return importlib.import_module("nodes")


def import_extension() -> None:
    """Makes the repository importable as `kinema`; without a host only those of its modules that need none."""
    if "kinema" not in sys.modules:
        import_package("kinema", REPOSITORY)


def import_package(name: str, folder: Path) -> ModuleType:
    """Imports `folder` as the package `name`, whatever the folder is called."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
