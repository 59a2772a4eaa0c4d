"""The words around the figures of docs/miniature.md."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from ..environment import REPOSITORY
from .ablation import STEPS, TITLES
from .judge import CFG, CLIP_STEPS, FRAMES, SAMPLER, SCHEDULER, ClipScore, Score, table

FILE = REPOSITORY / "docs" / "miniature.md"
IMAGES = REPOSITORY / "docs" / "images"
PICTURES = {"still": "Without motion", "motion": "With the motion model", "finetune": "Neon finetune, same motion model",
            "lora": "Neon LoRA, same motion model", "zoom": "Zoom LoRA", "zero": "Text2Video-Zero"}  # fmt: skip

TEXT = """# The miniature

A tiny image model and a tiny motion model, trained from scratch by Kinema's own code on a world that is drawn by code:
fish of six colours in front of four backgrounds, facing and swimming left or right. It exists because real weights cannot
be part of a repository, and random weights can only test arithmetic. `python3 dev.py miniature` makes all of it again from
seeds, and `python3 dev.py miniature --stage report` makes this page. The tests in `tests/quality` check the results, with
other seeds.

Stages that do not depend on one another run in parallel. From scratch on two CPU cores (AMD, AVX-512), all files were made
in 117 minutes, and everything, including the ablation and the reports, in 139. Cores without AVX-512 are estimated to need
about twice as long.
Rounding differs between processors and training amplifies the difference, so files made again differ from the shipped
ones. A motion model made again for the shipped image model, with today's recipe on another processor, moved the fish as
the prompt says in 62 of 64 clips (the shipped one, made with an earlier recipe: 97 %).

| file | content |
|---|---|
| `miniature.safetensors` | image model: SD1.5's structure, 64 channels, and its text encoder |
| `miniature_vae.safetensors` | VAE in TAESD's layout |
| `miniature_neon.safetensors` | the image model finetuned to another style, like a DreamBooth checkpoint (float8) |
| `loras/miniature_neon_lora.safetensors` | the same style as a LoRA |
| `animatediff_models/miniature_mm.safetensors` | motion model in v3's layout, trained on the day style only |
| `animatediff_motion_lora/miniature_zoom.safetensors` | motion LoRA: the camera zooms in |

Every picture is judged by a detector without learned parts (`tools/miniature/detector.py`, itself tested on rendered
ground truth), not by eye. Unseen seeds; {frames} frames, {steps} steps of {sampler} / {scheduler}, cfg {cfg:g}.

## The image model

{stills}

## With motion and without

{clips}

Shares of clips: colour, facing (most frames face as the prompt says), moving (the fish moves that way), background. Shares
of frames: found, same colour and same shape as in the rest of the clip. Medians: jitter (pixels off a smooth path), speed
(pixels per frame), growth (the fish's area in the last frames ÷ the first), flicker and difference of neighbouring frames
(% of the value range; the paper's smoothness needs a CLIP vision model, which cannot be shipped).

- **The motion model.** Without it, every frame is a separate picture: its flicker is {flicker:.1f} times and its jitter
  {jitter:.1f} times that of the animation.
- **Direction.** The fish swims the way its prompt says in {moving:.0f} % of the clips; chance is 50 %.
- **Another style.** The motion model was trained with neither the neon finetune nor the neon LoRA: jitter is {tuned:.1f}
  and {lora:.1f} pixels with them, and {own:.1f} with the style it was trained on.
- **The zoom LoRA.** The fish's area in the last frames is {growth:.2f} times that in the first; without it {still_growth:.2f}.
- **Text2Video-Zero**, the paper's baseline, which needs no training: flicker {zero:.2f} % against {motion:.2f} %.
- **Noise schedules**, the paper's ablation: three motion models, trained in the same way for {steps_ablation} steps but on
  A (Stable Diffusion's), B (the paper's choice) and C (DDPM's), each sampled with the schedule it was trained on.
  {schedules}

{pictures}
"""


def write(stills: Score, clips: dict[str, ClipScore], folder: Path) -> None:
    """docs/miniature.md and its pictures. `clips` has the titles of report.series; `folder` the pictures of each."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        with Image.open(folder / f"report_{name}.png") as picture:
            picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(IMAGES / f"miniature_{name}.png")
    without, with_motion = clips["without motion"], clips["with the motion model"]
    text = TEXT.format(
        frames=FRAMES,
        steps=CLIP_STEPS,
        sampler=SAMPLER,
        scheduler=SCHEDULER,
        cfg=CFG,
        stills=table({"image model": stills}),
        clips=table(clips),
        flicker=without.flicker / with_motion.flicker,
        jitter=without.jitter / with_motion.jitter,
        moving=100 * with_motion.moving,
        tuned=clips["style finetune"].jitter,
        lora=clips["style LoRA"].jitter,
        own=with_motion.jitter,
        growth=clips["zoom LoRA"].growth,
        still_growth=with_motion.growth,
        zero=clips["Text2Video-Zero"].flicker,
        motion=with_motion.flicker,
        steps_ablation=STEPS,
        schedules=_schedules({letter: clips[title] for letter, title in TITLES.items()}),
        pictures="\n\n".join(
            f"{title}:\n\n![{title}](images/miniature_{name}.png)" for name, title in PICTURES.items()
        ),
    )
    FILE.write_text(text, encoding="utf-8")


def _schedules(scores: dict[str, ClipScore]) -> str:
    """What each schedule came to, and which is best in what."""
    found = [f"{letter}: flicker {s.flicker:.2f} %, jitter {s.jitter:.1f}" for letter, s in scores.items()]
    least = {name: min(scores, key=lambda letter: getattr(scores[letter], name)) for name in ("flicker", "jitter")}
    return f"{'; '.join(found)}. Least flicker: {least['flicker']}; least jitter: {least['jitter']}."
