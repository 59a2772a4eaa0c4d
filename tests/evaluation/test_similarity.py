"""CLIP similarities: the formulas on vectors, the embeddings on the host's own CLIP models."""

import pytest
import tiny
import torch

from evaluation import pictures, tiny_clip
from kinema.evaluation.similarity import (
    BATCH,
    domain_similarity,
    embed_pictures,
    embed_text,
    smoothness,
    text_similarity,
)


def directions(*degrees):
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
    return (
        torch.stack([angles.cos(), angles.sin()], dim=1) * torch.arange(1, len(degrees) + 1)[:, None]
    )  # of any length


def cosines(*degrees):
    return 100 * torch.deg2rad(torch.tensor(degrees, dtype=torch.float32)).cos()


def test_smoothness_is_the_cosine_of_consecutive_frames():
    torch.testing.assert_close(smoothness(directions(0, 60, 60, 150)), cosines(60, 0, 90), atol=1e-4, rtol=0)


def test_text_similarity_is_the_cosine_with_the_prompt():
    torch.testing.assert_close(
        text_similarity(directions(0, 60, 180), directions(0)), cosines(0, 60, 180), atol=1e-4, rtol=0
    )


def test_domain_similarity_is_the_mean_over_all_reference_pictures():
    result = domain_similarity(directions(0, 90), directions(0, 60, 90))
    expected = torch.stack([cosines(0, 60, 90).mean(), cosines(90, 30, 0).mean()])
    torch.testing.assert_close(result, expected, atol=1e-4, rtol=0)


def test_pictures_are_embedded_by_the_hosts_model_in_batches(tmp_path):
    clip_vision, ticks = tiny_clip.vision(tmp_path), []
    frames = pictures.pan(BATCH + 2)
    embeddings = embed_pictures(clip_vision, frames, lambda: ticks.append(1))
    assert embeddings.shape == (BATCH + 2, tiny_clip.WIDTH) and len(ticks) == 2
    alone = clip_vision.encode_image(frames[-1:]).image_embeds
    torch.testing.assert_close(embeddings[-1:], alone, atol=1e-4, rtol=1e-4)
    still = embed_pictures(clip_vision, frames[:1].expand(3, -1, -1, -1), lambda: None)
    torch.testing.assert_close(smoothness(still), torch.full((2,), 100.0))
    assert smoothness(embeddings).max() < 99.99


def test_siglip_gives_one_embedding_for_each_picture(tmp_path):
    siglip = tiny_clip.vision(tmp_path, model_type="siglip_vision_model")
    assert embed_pictures(siglip, pictures.pan(2), lambda: None).shape == (2, tiny_clip.WIDTH)


def test_text_is_embedded_with_the_projection():
    clip = tiny_clip.text("g")
    embedding = embed_text(clip, "a red fish")
    assert embedding.shape == (1, tiny_clip.WIDTH)
    unprojected = clip.encode_from_tokens(clip.tokenize("a red fish"), return_pooled="unprojected")[1]
    weight = clip.cond_stage_model.clip_g.transformer.text_projection.weight.float()
    torch.testing.assert_close(embedding, unprojected @ weight.T, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(embedding, embed_text(clip, "a blue car"), atol=1e-2)


def test_clip_l_uses_the_projection_of_its_file(tmp_path):
    projection = torch.randn(tiny_clip.WIDTH, tiny_clip.WIDTH, generator=tiny.generator(2))
    clip = tiny_clip.text_file(tmp_path, projection)
    unprojected = clip.encode_from_tokens(clip.tokenize("a red fish"), return_pooled="unprojected")[1]
    torch.testing.assert_close(
        embed_text(clip, "a red fish"), unprojected @ projection.half().float().T, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("projection", [None, torch.eye(tiny_clip.WIDTH)])
def test_clip_without_projection_is_refused(tmp_path, projection):
    """Nor is one that was made by another loader used: without its file nobody knows what its weights are."""
    message = (
        "like that of SD1\\.5 checkpoints, it lacks the projection .* or a CLIP-L file that contains text_projection"
    )
    for clip in (tiny_clip.text_file(tmp_path, projection), tiny_clip.text("l")):
        with pytest.raises(ValueError, match=message):
            embed_text(clip, "a red fish")


def test_models_of_different_width_are_refused():
    with pytest.raises(
        ValueError, match="embeddings of 24 dimensions, but the CLIP vision model gives 2, so they do not belong"
    ):
        text_similarity(directions(0), torch.ones(1, 24))
