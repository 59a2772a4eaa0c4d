"""Where a prompt ends: the host's samplers and outputs, and a sampler for what has none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..client import Prompt
from .stand_ins import LATENTS, MINIATURE, SAMPLING, TEXT, add, stand_in


@dataclass
class SamplingEnds:
    """The ends of a prompt that grows."""

    prompt: Prompt  # nodes that can run
    info: Mapping[str, Any]  # the server's description of its nodes

    def sources(self, number: str) -> set[str]:
        """The node and all that it needs."""
        found: set[str] = set()
        waiting = [number]
        while waiting:
            now = waiting.pop()
            if now not in found:
                found.add(now)
                waiting += [value[0] for value in self.prompt[now]["inputs"].values() if isinstance(value, list)]
        return found

    def behind(self, ours: set[str]) -> set[str]:
        """All that must run for the outputs of the workflow that need one of `ours`, and for samplers that do."""
        ends = [
            number
            for number, node in self.prompt.items()
            if self.samples(node) or self.info[node["class_type"]]["output_node"]
        ]
        needed = [self.sources(number) for number in ends]
        return set().union(*(sources for sources in needed if sources & ours))

    def samples(self, node: Mapping[str, Any]) -> bool:
        described = self.info[node["class_type"]]
        inputs = {**described["input"].get("required", {})}
        return described["output"][:1] == ["LATENT"] and bool({"model", "guider"} & inputs.keys())

    def add_samplers(self, loose: list[str], needed: list[str]) -> None:
        """Adds a sampler for each MODEL of `loose`, Kinema's nodes that nothing needs, with what else they give. `needed`
        are those that the workflow's own samplers need."""
        fed = {source for number in loose for source in self.sources(number) - {number}}
        ends = [number for number in loose if number not in fed]
        models = [number for number in ends if self._gives(number, "MODEL")]
        texts = [number for number in ends if self._gives(number, "CONDITIONING")]
        controls = [number for number in ends if self._gives(number, "CONTROL_NET")]
        if (texts or controls) and not models:
            models = [number for number in needed if self._gives(number, "MODEL")][-1:] or [MINIATURE]
        if not models:
            return
        for kind in ("MODEL", "LATENT", "CONDITIONING"):
            add(self.prompt, stand_in(kind))
        positive, negative = [texts[0] if texts else TEXT, 0], [TEXT, 0]
        for number in controls:
            image = add(self.prompt, stand_in("IMAGE"))
            vae = add(self.prompt, stand_in("VAE"))
            links = {"positive": positive, "negative": negative, "control_net": [number, 0], "image": image, "vae": vae}
            run = {"strength": 1.0, "start_percent": 0.0, "end_percent": 1.0}
            self.prompt[f"core use of {number}"] = {"class_type": "ControlNetApplyAdvanced", "inputs": {**links, **run}}
            positive, negative = [f"core use of {number}", 0], [f"core use of {number}", 1]
        for number in models:
            slot = self.info[self.prompt[number]["class_type"]]["output"].index("MODEL")
            links = {"model": [number, slot], "positive": positive, "negative": negative, "latent_image": [LATENTS, 0]}
            self.prompt[f"core sampling of {number}"] = {"class_type": "KSampler", "inputs": {**links, **SAMPLING}}

    def _gives(self, number: str, kind: str) -> bool:
        return kind in self.info[self.prompt[number]["class_type"]]["output"]
