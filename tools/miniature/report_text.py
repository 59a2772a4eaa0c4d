"""The words around the figures of docs/development/miniature.md."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from ..environment import REPOSITORY
from .ablation import STEPS, TITLES
from .judge import CFG, CLIP_STEPS, FRAMES, SAMPLER, SCHEDULER, ClipScore, Score, table

FILE = REPOSITORY / "docs" / "development" / "miniature.md"
IMAGES = REPOSITORY / "docs" / "images"
PICTURES = {"still": "Without motion", "motion": "With the motion model", "finetune": "Neon finetune, same motion model",
            "lora": "Neon LoRA, same motion model", "zoom": "Zoom LoRA", "zero": "Text2Video-Zero"}  # fmt: skip

TEXT = """# The miniature

The miniature is a tiny image model and a tiny motion model. Both were trained from scratch with Kinema's own code, on
pictures and clips that are drawn by a program: fish of six colours, in front of four backgrounds, that face and swim
left or right. The miniature exists because full-size weights cannot be part of a repository, and random weights can
only test arithmetic. `python3 dev.py miniature` makes all files of the miniature again from seeds, and
`python3 dev.py miniature --stage report` writes this page. The tests in `tests/quality` check the results with other
seeds.

Stages that do not depend on one another run in parallel. On two CPU cores (AMD, AVX-512), making all files from scratch
took 117 minutes. Including the ablation and the reports, it took 139 minutes. Processors without AVX-512 are estimated
to need about twice as long. The SparseCtrl model is not included: it takes 2.3 hours on two cores without AVX-512.

Rounding differs between processors and training amplifies the difference, so files that you regenerate differ from the
shipped ones. A motion model that was trained again for the shipped image model, with the current recipe and on another
processor, moved the fish as the prompt says in 62 of 64 clips. With the shipped motion model, which was made with an
earlier recipe, this was the case in 97 % of the clips.

| file | content |
|---|---|
| `miniature.safetensors` | image model with SD1.5's architecture and 64 channels, and its text encoder |
| `miniature_vae.safetensors` | VAE with TAESD's layout |
| `miniature_neon.safetensors` | the image model finetuned to another style, like a DreamBooth checkpoint (float8) |
| `loras/miniature_neon_lora.safetensors` | the same style as a LoRA |
| `animatediff_models/miniature_mm.safetensors` | motion model with v3's layout, trained only with the ordinary style (*day*) |
| `animatediff_motion_lora/miniature_zoom.safetensors` | motion LoRA with which the camera zooms in |
| `controlnet/miniature_sparsectrl_rgb.safetensors` | SparseCtrl model for photographs ([measurements](pictures.md)) |

Every picture is evaluated by a detector (`tools/miniature/detector.py`), not by a person. The detector contains no
learned parts. It is itself tested on rendered pictures whose content is known. The seeds used here were not used in
training. The settings are {frames} frames, {steps} steps of {sampler} / {scheduler} and cfg {cfg:g}.

## The image model

{stills}

## With and without the motion model

{clips}

The columns of the table have the following meanings:

- Given as a fraction of the clips: the fish has the colour that the prompt says (*colour*), the fish faces in the
  direction that the prompt says in most frames (*facing*), the fish moves in that direction (*moving*), and the
  background is the one that the prompt says (*background*).
- Given as a fraction of the frames: exactly one fish is found (*found*), and the fish has the same colour (*same
  colour*) and about the same size (*same shape*) as in the rest of the clip.
- Given as a median: the deviation from a smooth path in pixels (*jitter*), the *speed* in pixels per frame, the fish's
  area in the last frames ÷ that in the first frames (*growth*), and the *flicker* and the *difference* between
  neighbouring frames as percentages of the value range.

The smoothness metric of the paper is missing because it needs a CLIP vision model, which cannot be shipped.

- **The motion model.** Without the motion model, every frame is a separate picture. The flicker of such a clip is
  {flicker:.1f} times and its jitter {jitter:.1f} times that of the animation.
- **Direction.** The fish swims in the direction that the prompt says in {moving:.0f} % of the clips; chance level
  is 50 %.
- **Another style.** The motion model was trained with neither the neon finetune nor the neon LoRA. The jitter is
  {tuned:.1f} pixels with the finetune and {lora:.1f} pixels with the LoRA, compared with {own:.1f} pixels with the
  style used in training.
- **The zoom LoRA.** The fish's area in the last frames is {growth:.2f} times that in the first frames; without the
  LoRA, it is {still_growth:.2f} times that area.
- **Text2Video-Zero** is the paper's baseline, which needs no training. Its flicker is {zero:.2f} %, compared with
  {motion:.2f} % with the motion model.
- **Noise schedules.** As in the paper's ablation, three motion models were trained in the same way for {steps_ablation}
  steps, but with different noise schedules: A (Stable Diffusion's), B (the paper's choice) and C (DDPM's). Each model
  is sampled with the schedule that it was trained with.
  {schedules}

{pictures}
"""


def write(stills: Score, clips: dict[str, ClipScore], folder: Path) -> None:
    """The page and its pictures. `clips` has the titles of report.series; `folder` the pictures of each."""
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
            f"{title}:\n\n![{title}](../images/miniature_{name}.png)" for name, title in PICTURES.items()
        ),
    )
    FILE.write_text(text, encoding="utf-8")


def _schedules(scores: dict[str, ClipScore]) -> str:
    """What each schedule came to, and which is best in what."""
    found = [f"{letter}: flicker {s.flicker:.2f} %, jitter {s.jitter:.1f}" for letter, s in scores.items()]
    least = {name: min(scores, key=lambda letter: getattr(scores[letter], name)) for name in ("flicker", "jitter")}
    return f"{'; '.join(found)}. Least flicker: {least['flicker']}; least jitter: {least['jitter']}."
