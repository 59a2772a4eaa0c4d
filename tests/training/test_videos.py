"""Clips from real video files, image sequences and IMAGE batches; broken ones are named and left out."""

import os
import struct

import comfy.model_management
import comfy.utils
import numpy as np
import pytest
import torch
from PIL import Image
from training.video_files import pictures, write_video

from kinema.training.captions import CaptionEncoder, encode_captions
from kinema.training.clip_encoder import Encoder
from kinema.training.on_disk import StoredCaption
from kinema.training.prepare_clips import encode_sources, prepare_clips, with_captions
from kinema.training.videos import ClipSource, Cut, SourceError, cut_clips, find_sources, read_clips
from training import encoders

CUT = Cut(frames=4, stride=2, width=32, height=32)


def write_images(folder, frames):
    folder.mkdir()
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{i:03d}.png")
    return folder


def test_the_right_frames_are_read(tmp_path):
    path = write_video(tmp_path / "a.mp4", pictures())
    first, second = read_clips(ClipSource(path, None), CUT)
    assert first.shape == second.shape == (4, 32, 32, 3)
    for clip, indices in ((first, [0, 2, 4, 6]), (second, [7, 9, 11, 13])):
        expected = pictures()[indices][:, :, 20:].mean(axis=(1, 2, 3)) / 255
        assert np.allclose(clip[:, :, 20:].mean(dim=(1, 2, 3)), expected, atol=0.01)
    assert len(list(read_clips(ClipSource(path, None), Cut(4, 2, 32, 32, clips=1)))) == 1


def test_images_of_a_folder_are_a_clip(tmp_path):
    write_images(tmp_path / "sequence", pictures(7))
    (clip,) = read_clips(ClipSource(tmp_path / "sequence", None), CUT)
    assert np.allclose(clip.numpy(), pictures(7)[::2] / 255, atol=1e-6)


def test_crop_keeps_proportions_and_stretch_does_not(tmp_path):
    frames = pictures(7, 32, 96)
    frames[:, :, :32] = 255  # outside the middle square
    source = ClipSource(write_images(tmp_path / "wide", frames), None)
    (cropped,) = read_clips(source, CUT)
    (stretched,) = read_clips(source, Cut(4, 2, 32, 32, crop=False))
    assert cropped.max() < 0.6 and stretched[:, :, :8].min() > 0.95


def test_a_phones_rotation_is_followed(tmp_path):
    path = write_video(tmp_path / "a.mp4", pictures(7, 32, 64))
    content = path.read_bytes()
    where = content.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes of the track header
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content[:where] + quarter + content[where + 36 :])
    (clip,) = read_clips(ClipSource(path, None), Cut(4, 2, 32, 64))
    assert clip.shape == (4, 64, 32, 3)
    top, bottom = clip[-1, :24].mean(), clip[-1, 40:].mean()
    assert bottom - top > 0.05  # the dark left half is now on top: a quarter turn to the right


def test_sources_and_captions_are_found(tmp_path):
    write_video(tmp_path / "b.mp4", pictures(2))
    write_video(tmp_path / "a.webm", pictures(2), "libvpx-vp9")
    write_images(tmp_path / "c", pictures(2))
    (tmp_path / "b.txt").write_text(" a fish\n", encoding="utf-8")
    (tmp_path / "c.txt").write_text("a bird", encoding="utf-8-sig")
    (tmp_path / "notes.pdf").write_text("nothing to see")
    found = find_sources(tmp_path)
    assert [(source.path.name, source.caption) for source in found] == [
        ("a.webm", None),
        ("b.mp4", "a fish"),
        ("c", "a bird"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_captions_may_come_from_windows(encoding, tmp_path):
    write_images(tmp_path / "clip", pictures(2))
    (tmp_path / "clip.txt").write_text("Vögel über dem Meer\r\n", encoding=encoding)
    assert [source.caption for source in find_sources(tmp_path)] == ["Vögel über dem Meer"]


def test_a_caption_in_another_encoding_is_named(tmp_path):
    write_images(tmp_path / "clip", pictures(2))
    (tmp_path / "clip.txt").write_bytes("Vögel".encode("cp1252"))
    with pytest.raises(ValueError, match='"clip.txt" is not encoded in UTF-8: .* at byte 1. Save it again with'):
        find_sources(tmp_path)


def test_hidden_files_are_no_pictures(tmp_path):
    write_images(tmp_path / "clip", pictures(2))
    (tmp_path / "clip" / "._0000.png").write_bytes(b"\0\5\x16\7")
    (source,) = find_sources(tmp_path)
    assert len(source.files) == 2


def test_a_folder_without_videos_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"contains no videos .* Put .mp4 files"):
        find_sources(tmp_path)


def test_broken_and_short_files_are_named_and_left_out(tmp_path, caplog):
    write_video(tmp_path / "good.mp4", pictures())
    write_video(tmp_path / "short.mp4", pictures(5))
    (tmp_path / "text.mp4").write_text("This is a letter. " * 50)
    whole = write_video(tmp_path / "cut.mp4", pictures()).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    write_images(tmp_path / "pictures", pictures(7))
    (tmp_path / "pictures" / "003.png").write_bytes(b"\x89PNG broken")
    used, skipped = encode_sources(Encoder(encoders.vae(), CUT), find_sources(tmp_path))
    assert [latents.name for latents in used] == ["good.mp4"]
    assert [sentence.split('"')[1] for sentence in skipped] == ["cut.mp4", "short.mp4", "text.mp4", "pictures"]
    assert skipped[1] == '"short.mp4" was skipped: it has 5 frames, but a clip needs 7 (4 with stride 2).'
    assert all("cannot be decoded" in skipped[i] for i in (0, 2, 3))
    assert all(sentence in caplog.text for sentence in skipped)
    assert str(tmp_path) not in "".join(skipped)


def test_an_image_batch_is_cut_like_a_video():
    images = torch.from_numpy(pictures()).float() / 255
    latents = Encoder(encoders.vae(), CUT).images(images)
    assert len(latents.clips) == 2 and latents.clips[0].shape == (4, 4, 4, 4)
    with pytest.raises(SourceError, match="it has 3 frames, but a clip needs 7"):
        list(cut_clips(iter(images[:3]), CUT))


def test_latents_are_encoded_once(tmp_path):
    write_video(tmp_path / "a.mp4", pictures())
    (source,) = find_sources(tmp_path)
    vae, calls = encoders.vae(), []
    encode = vae.encode
    vae.encode = lambda images: calls.append(len(images)) or encode(images)
    first = Encoder(vae, CUT, cache=tmp_path / "cache").source(source)
    again = Encoder(vae, CUT, cache=tmp_path / "cache").source(source)
    assert len(calls) == 2 and first == again
    uncached = Encoder(vae, CUT).source(source)
    assert all(torch.equal(a.read(), b) for a, b in zip(again.clips, uncached.clips, strict=True))
    for changed in (
        Encoder(vae, CUT, True, tmp_path / "cache"),
        Encoder(vae, Cut(4, 1, 32, 32), cache=tmp_path / "cache"),
    ):
        before = len(calls)
        changed.source(source)
        assert len(calls) > before
    write_video(tmp_path / "a.mp4", pictures()[::-1])
    before = len(calls)
    Encoder(vae, CUT, cache=tmp_path / "cache").source(source)
    assert len(calls) > before


def test_prepared_videos_are_not_read_again(tmp_path):
    """Their notes are enough, until their files change."""
    video = write_video(tmp_path / "a.mp4", pictures())
    short = write_video(tmp_path / "short.mp4", pictures(5))
    encoder, times = Encoder(encoders.vae(), CUT, cache=tmp_path / "cache"), []
    for path in (video, short):
        times.append((path.stat().st_atime_ns, path.stat().st_mtime_ns))
    used, skipped = encode_sources(encoder, find_sources(tmp_path))
    for path, before in zip((video, short), times, strict=True):
        path.write_bytes(b"\0" * path.stat().st_size)
        os.utime(path, ns=before)  # as if it had not changed
    assert encode_sources(encoder, find_sources(tmp_path)) == (used, skipped)
    assert skipped == ['"short.mp4" was skipped: it has 5 frames, but a clip needs 7 (4 with stride 2).']
    video.touch()
    assert "a.mp4" in encode_sources(encoder, find_sources(tmp_path))[1][0]


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"too_short": "", "clips": [1]}', b"\xff"])
def test_a_damaged_note_is_written_anew(tmp_path, damage):
    write_video(tmp_path / "a.mp4", pictures())
    encoder, (source,) = Encoder(encoders.vae(), CUT, cache=tmp_path / "cache"), find_sources(tmp_path)
    used = encoder.source(source)
    (note,) = (tmp_path / "cache").glob("*.json")
    told = note.read_bytes()
    note.write_bytes(damage)
    assert encoder.source(source) == used and note.read_bytes() == told


def test_deleted_and_damaged_latents(tmp_path):
    write_video(tmp_path / "a.mp4", pictures())
    encoder, (source,) = Encoder(encoders.vae(), CUT, cache=tmp_path / "cache"), find_sources(tmp_path)
    clip = encoder.source(source).clips[0]
    file = clip.file
    content = file.read_bytes()
    file.write_bytes(content[:-4])
    with pytest.raises(ValueError, match=f'"{file.name}" in the folder "cache" is damaged. Delete it'):
        clip.read()
    assert encoder.source(source).clips[0].read().shape == clip.shape  # encoded anew
    file.unlink()
    with pytest.raises(
        ValueError, match=f'"{file.name}", .* was deleted from the folder "cache". Load the clips again'
    ):
        clip.read()
    assert encoder.source(source).clips[0].hash == clip.hash


def test_captions_are_kept(tmp_path):
    """Each by its text and by what the text encoder makes of the empty one."""
    clip, encoded = encoders.clip(), []
    encode = clip.encode_from_tokens_scheduled
    clip.encode_from_tokens_scheduled = lambda tokens: encoded.append(tokens) or encode(tokens)
    texts = ["a fish", "a bird", "a fish"]
    first = encode_captions(texts, CaptionEncoder(clip, tmp_path))
    assert len(encoded) == 3 and len(list(tmp_path.iterdir())) == 2
    for text in ("a fish", "a bird"):
        ((words, parts),) = first[text].read()
        ((own, own_parts),) = CaptionEncoder(clip).encode(text)
        assert torch.equal(words, own) and parts.keys() == own_parts.keys() == {"pooled_output"}
        assert torch.equal(parts["pooled_output"], own_parts["pooled_output"])
    encoded.clear()
    assert encode_captions(texts, CaptionEncoder(clip, tmp_path)) == first and len(encoded) == 1
    assert not isinstance(
        encode_captions(["embedding:x"], CaptionEncoder(clip, tmp_path))["embedding:x"], StoredCaption
    )
    with torch.no_grad():
        next(clip.cond_stage_model.parameters()).add_(0.1)
    encode_captions(texts, CaptionEncoder(clip, tmp_path))
    assert len(list(tmp_path.iterdir())) == 4


def test_one_progress_bar_shows_videos_and_captions(tmp_path):
    for name in ("a", "b", "c"):
        write_video(tmp_path / f"{name}.mp4", pictures(5 if name == "c" else 20))
        (tmp_path / f"{name}.txt").write_text(f"a fish {name}")
    seen = []
    comfy.utils.set_progress_bar_global_hook(lambda done, total, *_, **__: seen.append((done, total)))
    try:
        prepare_clips(Encoder(encoders.vae(), CUT), encoders.clip(), "a bird", tmp_path)
    finally:
        comfy.utils.set_progress_bar_global_hook(None)
    assert seen == sorted(seen) and seen[-1] == (8, 8) and {total for _, total in seen} == {8}


def test_another_vae_encodes_anew(tmp_path):
    images = torch.from_numpy(pictures()).float() / 255
    one, two = (Encoder(encoders.vae(seed), CUT, cache=tmp_path).images(images) for seed in (1, 2))
    assert not torch.allclose(one.clips[0].read(), two.clips[0].read())


def test_a_cache_that_cannot_be_written_is_said_before_anything_is_encoded(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    vae, clip, cache = encoders.vae(), encoders.clip(), tmp_path / "file" / "latents"
    monkeypatch.setattr(vae, "encode", pytest.fail)
    images = torch.from_numpy(pictures()).float() / 255
    for run in (
        lambda: Encoder(vae, CUT, cache=cache).images(images),
        lambda: CaptionEncoder(clip, cache).caption("a bird"),
    ):
        with pytest.raises(OSError, match="cannot be written: .*[.] Turn off cache of Load Clips, or see whether"):
            run()


def test_flip_adds_mirrored_clips():
    images = torch.from_numpy(pictures()).float() / 255
    vae = encoders.vae()
    plain, flipped = (Encoder(vae, CUT, flip).images(images).clips for flip in (False, True))
    assert len(flipped) == 2 * len(plain)
    assert all(torch.equal(a, b) for a, b in zip(plain, flipped, strict=False))
    mirrored = Encoder(vae, CUT).images(images.flip(2)).clips
    assert all(torch.equal(a, b) for a, b in zip(mirrored, flipped[len(plain) :], strict=True))


def test_captions_are_encoded_once_each(tmp_path):
    for name in ("a", "b", "c"):
        write_video(tmp_path / f"{name}.mp4", pictures())
    (tmp_path / "a.txt").write_text("a fish")
    used, _ = encode_sources(Encoder(encoders.vae(), CUT), find_sources(tmp_path))
    clips = with_captions(used, CaptionEncoder(encoders.clip()), "a bird")
    assert [clip.caption for clip in clips.clips] == ["a fish"] * 2 + ["a bird"] * 4
    assert clips.clips[2].conditioning is clips.clips[5].conditioning
    fish, bird, nothing = clips.clips[0].conditioning, clips.clips[2].conditioning, clips.empty
    assert fish[0][0].shape == (1, 77, 32)
    assert not torch.equal(fish[0][0], bird[0][0]) and not torch.equal(bird[0][0], nothing[0][0])
    assert clips.clips[0].name == "a.mp4 #1"


def test_an_interrupt_stops_encoding(tmp_path):
    write_video(tmp_path / "a.mp4", pictures())
    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        encode_sources(Encoder(encoders.vae(), CUT), find_sources(tmp_path))
