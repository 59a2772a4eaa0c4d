"""All measurements together, and as JSON."""

import json
import math

import pytest
import torch

from evaluation import pictures, tiny_clip
from kinema.evaluation.measure import Judge, measure, steps
from kinema.evaluation.metrics import METRICS, Measurement

WITHOUT_CLIP = {"flicker", "motion", "neighbour_difference", "seam"}


def run(frames, judge):
    ticks = []
    measurement = measure(frames, judge, torch.device("cpu"), lambda: ticks.append(1))
    assert len(ticks) == steps(len(frames), judge)
    return measurement


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    vision = tiny_clip.vision(tmp_path_factory.mktemp("clip"))
    return Judge(vision, tiny_clip.text("g"), "a red fish", pictures.pan(3, seed=4))


def test_without_clip_pixels_are_measured():
    result = run(pictures.pan(4), Judge())
    assert set(result.curves) == WITHOUT_CLIP
    assert all(math.isnan(result.value(m.name)) == (m.name not in WITHOUT_CLIP) for m in METRICS)


def test_with_clip_everything_is_measured(judge):
    result = run(pictures.pan(4), judge)
    assert list(result.curves) == [m.name for m in METRICS]
    for metric in METRICS:
        points = 4 if metric.name == "seam" or not metric.between else 3
        assert len(result.curves[metric.name]) == points
    assert result.value("flicker") == pytest.approx(sum(result.curves["flicker"]) / 3)
    assert result.value("seam") == result.curves["seam"][-1]


def test_identical_frames_are_perfect(judge):
    still = pictures.pan(1, seed=4).expand(3, -1, -1, -1)
    result = run(still, Judge(judge.vision, reference=still))
    assert result.value("smoothness") == pytest.approx(100, abs=1e-3)
    assert result.value("domain_similarity") == pytest.approx(100, abs=1e-3)
    assert result.value("flicker") < 1e-2 and result.value("motion") < 1e-3 and result.value("seam") == 1


def test_json_comes_back(judge):
    result = run(pictures.pan(3), judge)
    content = json.loads(result.to_json())
    assert content["frames"] == 3 and content["values"]["flicker"] == pytest.approx(result.value("flicker"), abs=1e-3)
    back = Measurement.from_json(result.to_json())
    assert (back.frames, list(back.curves)) == (3, list(result.curves))
    assert all(back.curves[name] == pytest.approx(curve, abs=1e-4) for name, curve in result.curves.items())


@pytest.mark.parametrize("text", ["", "hello", "[1, 2]", '{"frames": 3}', '{"frames": 3, "curves": {"flicker": []}}'])
def test_other_text_is_refused(text):
    with pytest.raises(ValueError, match="is not a result of Animation Metrics"):
        Measurement.from_json(text)


def test_what_lacks_its_counterpart_is_refused(judge):
    with pytest.raises(ValueError, match="measured by a CLIP vision model, but none is connected"):
        Judge(reference=judge.reference)
    with pytest.raises(ValueError, match="needs both clip and prompt, but only clip is given. Connect clip and enter"):
        Judge(judge.vision, clip=judge.clip, prompt="  ")
    with pytest.raises(
        ValueError, match="needs both clip and prompt, but only prompt is given. Connect clip and enter"
    ):
        Judge(judge.vision, prompt="a red fish")
    with pytest.raises(ValueError, match="needs at least 2 frames, but images has 1"):
        run(pictures.pan(1), Judge())
