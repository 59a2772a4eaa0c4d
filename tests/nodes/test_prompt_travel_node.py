import json

import pytest
import text
import torch

from kinema.nodes.prompt_travel import PromptTravelNode


@pytest.fixture(scope="module")
def clip():
    return text.clip()


def test_frames_from_a_number_or_a_latent(clip):
    ((rows, extra),) = PromptTravelNode.execute(clip, "0: sea\n4: storm", 5)[0]
    assert rows.shape[0] == extra["pooled_output"].shape[0] == 5
    latent = {"samples": torch.zeros(9, 4, 8, 8)}
    ((longer, _),) = PromptTravelNode.execute(clip, "0: sea\n4: storm", 5, latent)[0]
    assert longer.shape[0] == 9 and torch.equal(longer[:5], rows)


def test_inputs_change_what_they_say(clip):
    def rows(**more):
        return PromptTravelNode.execute(clip, "0: sea\n4: storm", 8, **more)[0][0][0]

    plain = rows()
    for more in ({"text_before": "film"}, {"text_after": "night"}, {"easing": "ease in"}, {"blend": "spherical"}):
        assert not torch.equal(rows(**more), plain)
    assert torch.equal(rows(closed_loop=True)[6], torch.lerp(plain[4], plain[0], 0.5))


def test_errors_are_said_before_the_run():
    assert PromptTravelNode.validate_inputs("0: sea") is True and PromptTravelNode.validate_inputs(None) is True
    assert PromptTravelNode.validate_inputs("0: a\n8:").startswith(
        "Prompt Travel, line 2, column 1: the prompt for 8 is empty"
    )
    assert PromptTravelNode.validate_inputs("0: a\n" * 20_001).endswith(
        "the text has 100,005 characters, but at most 100,000 are read. Write a shorter one."
    )
    with pytest.raises(ValueError, match="The checkpoint has no text encoder"):
        PromptTravelNode.execute(None, "0: sea", 8)


def test_workflows_of_older_tools(clip):
    old = json.dumps({"0": "sea", "4": "storm"})
    assert torch.equal(
        PromptTravelNode.execute(clip, old, 5)[0][0][0], PromptTravelNode.execute(clip, "0: sea\n4: storm", 5)[0][0][0]
    )
