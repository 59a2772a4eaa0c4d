"""How packs batch what the host asks for."""

import torch


def one_by_one(apply_model, params):
    """A model_function_wrapper as packs write it: one conditioning at a time."""
    parts = len(params["cond_or_uncond"])
    rows = params["input"].shape[0] // parts
    out = []
    for i in range(parts):
        part = slice(i * rows, (i + 1) * rows)
        c = {k: v[part] if isinstance(v, torch.Tensor) else v for k, v in params["c"].items()}
        out.append(apply_model(params["input"][part], params["timestep"][part], **c))
    return torch.cat(out)
