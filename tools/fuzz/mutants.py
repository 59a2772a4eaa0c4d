"""Hostile files by seed: safetensors and pickles, damaged or made to harm a careless reader."""

import io
import json
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """One hostile file."""

    name: str  # of the file; its suffix tells the container
    how: str  # name of the way in which it was damaged
    content: bytes  # bytes of the file


def is_safetensors(mutant: Mutant) -> bool:
    return mutant.name.endswith(".safetensors")


class RunsCode:
    """Unpickled by a careless reader, this makes the file `proof`."""

    def __init__(self, proof: str) -> None:
        self.proof = proof

    def __reduce__(self) -> Any:
        return os.mkdir, (self.proof,)


def mutants(seed: int, count: int, proof: Path, make: Callable[[], dict[str, Any]]) -> Iterator[Mutant]:
    """`count` damaged copies of each container of the model that `make` gives."""
    import safetensors.torch
    import torch

    weights = make()
    good = safetensors.torch.save(weights)
    archive = io.BytesIO()
    torch.save({"state_dict": weights}, archive)
    for i in range(count):
        chance = random.Random(seed * 1_000_003 + i)
        for suffix, original, ways in (("safetensors", good, SAFETENSORS), ("ckpt", archive.getvalue(), PICKLES)):
            way = chance.choice(ways)
            yield Mutant(f"{i}.{suffix}", way.__name__, way(original, chance, str(proof)))


def flip_bytes(data: bytes, chance: random.Random, _proof: str) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 40)):
        changed[chance.randrange(min(len(data), 60_000))] = chance.randrange(256)
    return bytes(changed)


def truncate(data: bytes, chance: random.Random, _proof: str) -> bytes:
    return data[: chance.randrange(len(data))]


def append(data: bytes, chance: random.Random, _proof: str) -> bytes:
    return data + chance.randbytes(chance.randint(1, 5000))


def _header(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def _with_header(header: bytes, body: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + body


def wrong_entry(data: bytes, chance: random.Random, _proof: str) -> bytes:
    """A tensor with another type, shape or place than it has."""
    header, body = _header(data)
    entry = header[chance.choice([key for key in header if key != "__metadata__"])]
    huge: object = chance.choice([-1, 0, 1, 2**31, 2**63, 2**70, 1.5, "8", None, [], True])
    change = chance.randrange(4)
    if change == 0:
        entry["dtype"] = chance.choice(["F64", "I8", "F8_E4M3", "BOOL", "X", 3, None])
    elif change == 1:
        entry["shape"] = [huge, *entry["shape"][1:]]
    elif change == 2:
        entry["data_offsets"] = [entry["data_offsets"][0], huge]
    else:
        del entry[chance.choice(list(entry))]
    return _with_header(json.dumps(header).encode(), body)


def wrong_length(data: bytes, chance: random.Random, _proof: str) -> bytes:
    return struct.pack("<Q", chance.choice([0, 1, 7, len(data), 10**8 + 1, 2**40, 2**64 - 1])) + data[8:]


def odd_json(data: bytes, chance: random.Random, _proof: str) -> bytes:
    odd = [b"[" * 50_000, b'{"a":' * 50_000, b"null", b"[]", b'"x"', b"1e999", b'{"a": NaN}', b"\xff\xfe", b"", b"{}"]
    return _with_header(chance.choice(odd), _header(data)[1])


def twice(data: bytes, chance: random.Random, _proof: str) -> bytes:
    header, body = _header(data)
    key = chance.choice(list(header))
    text = json.dumps(header)
    return _with_header((text[:-1] + f", {json.dumps(key)}: {json.dumps(header[key])}" + "}").encode(), body)


def not_finite(data: bytes, chance: random.Random, _proof: str) -> bytes:
    header, body = _header(data)
    first, last = header[chance.choice([k for k in header if k.endswith("weight")])]["data_offsets"]
    damaged = bytearray(body)
    damaged[first:last] = struct.pack("<H", chance.choice([0x7C00, 0x7E00, 0xFC00, 0xFE00])) * ((last - first) // 2)
    return data[: len(data) - len(body)] + bytes(damaged)


def _rewritten(data: bytes, change: Callable[[dict[str, bytes]], None], compression: int = zipfile.ZIP_STORED) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    change(entries)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression, compresslevel=1) as new:
        for name, content in entries.items():
            new.writestr(name, content)
    return out.getvalue()


def _pickle_name(entries: dict[str, bytes]) -> str:
    return next(name for name in entries if name.endswith("data.pkl"))


def code_inside(data: bytes, chance: random.Random, proof: str) -> bytes:
    def change(entries: dict[str, bytes]) -> None:
        entries[_pickle_name(entries)] = pickle.dumps({"state_dict": {"x": RunsCode(proof)}}, chance.choice([0, 2, 4]))

    return _rewritten(data, change)


def code_alone(_data: bytes, chance: random.Random, proof: str) -> bytes:
    return pickle.dumps(RunsCode(proof), chance.choice([0, 1, 2, 3, 4]))


def bomb(data: bytes, chance: random.Random, _proof: str) -> bytes:
    def change(entries: dict[str, bytes]) -> None:
        entries[f"archive/data/{chance.randrange(10)}"] = bytes(5_000_000)

    return _rewritten(data, change, zipfile.ZIP_DEFLATED)


def missing_record(data: bytes, chance: random.Random, _proof: str) -> bytes:
    def change(entries: dict[str, bytes]) -> None:
        del entries[chance.choice(list(entries))]

    return _rewritten(data, change)


def mixed_opcodes(data: bytes, chance: random.Random, proof: str) -> bytes:
    def change(entries: dict[str, bytes]) -> None:
        name = _pickle_name(entries)
        entries[name] = flip_bytes(entries[name], chance, proof)

    return _rewritten(data, change)


def _saved(data: bytes, change: Callable[[dict[str, Any], str], None], chance: random.Random) -> bytes:
    """The archive with one of its tensors changed by torch itself, so that all else about it is right."""
    import torch

    weights = torch.load(io.BytesIO(data), weights_only=True)["state_dict"]
    change(weights, chance.choice(list(weights)))
    out = io.BytesIO()
    torch.save({"state_dict": weights}, out)
    return out.getvalue()


def wrong_tensor(data: bytes, chance: random.Random, _proof: str) -> bytes:
    """A tensor of another shape or type, one that claims more numbers than are stored, or no tensor at all."""
    import torch

    ways: tuple[Callable[[Any], Any], ...] = (
        lambda t: t.flatten()[:-1].clone(),
        lambda t: t[None].clone(),
        lambda t: torch.zeros(0),
        lambda t: t.to(torch.int8),
        lambda t: t.to(torch.complex64),
        lambda t: torch.zeros(1).expand(10**6, 10**6),
        lambda t: t.to_sparse(),
        lambda t: "a word",
    )

    def change(weights: dict[str, Any], key: str) -> None:
        weights[key] = chance.choice(ways)(weights[key])

    return _saved(data, change, chance)


def not_finite_tensor(data: bytes, chance: random.Random, _proof: str) -> bytes:
    def change(weights: dict[str, Any], key: str) -> None:
        weights[key] = weights[key].float() * float(chance.choice(["inf", "-inf", "nan"]))

    return _saved(data, change, chance)


SAFETENSORS = (flip_bytes, truncate, append, wrong_entry, wrong_length, odd_json, twice, not_finite, code_alone)
PICKLES = (
    *(flip_bytes, truncate, append, code_inside, code_alone, bomb, missing_record, mixed_opcodes),
    *(wrong_tensor, not_finite_tensor),
)
