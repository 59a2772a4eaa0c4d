"""Servers that would make other results than the others are found."""

from pathlib import Path

from kinema.farm.servers.facts import Facts, ServedModel, difference, missing_model


def facts(version: str = "1", size: int = 10, high: int = 5) -> Facts:
    info = {"A": {"input": {"required": {"n": ["INT", {"max": high}]}}}}
    return Facts(version, info, {"loras": {"a.safetensors": ServedModel(size, Path("a"))}}, 100, 1, ())


def test_versions_nodes_and_models_are_compared() -> None:
    kinds = {"A"}
    first = facts().common(kinds)
    assert difference(facts().common(kinds), first) is None
    said = "it has ComfyUI 2, but the other servers have 1 (--mixed allows this)"
    assert difference(facts(version="2").common(kinds), first) == said
    assert "its nodes differ from those of the other servers" in str(difference(facts(high=6).common(kinds), first))
    assert missing_model(facts(), {"loras/a.safetensors": 10}) is None
    assert "has 9 bytes, but on the other servers this file has 10 bytes" in str(
        missing_model(facts(size=9), {"loras/a.safetensors": 10})
    )
    assert "its loras/b.safetensors is missing" in str(missing_model(facts(), {"loras/b.safetensors": 10}))
