"""The detector of the camera agrees with the rendered ground truth: offset to a pixel, magnification to 2 %."""

import numpy as np

from kinema.sampling.camera.path import CameraMove
from tools.miniature import world
from tools.miniature.camera_detector import film
from tools.miniature.filmed import FURTHEST, NEAREST, any_move, clip_by, filmed

SEEDS = range(910_000, 910_006)
PIXEL, MAGNIFICATION = 1.0, 0.02


def test_filmed_clips_are_measured() -> None:
    """Water without a rock or a plant in it has too little to see for one clip in twelve at most."""
    wrong = []
    for seed in SEEDS:
        shown = clip_by(seed, any_move(seed))
        found = film(world.draw(shown))
        pan = np.abs(found.pan - shown.pan).max()
        zoom = np.abs(found.zoom / shown.zoom - 1).max()
        if pan > PIXEL or zoom > MAGNIFICATION:
            wrong.append((seed, float(pan), float(zoom)))
    assert len(wrong) <= len(SEEDS) / 12, wrong


def test_a_camera_moves_the_world_the_other_way() -> None:
    still = world.scene(910_500)
    right = filmed(still, CameraMove(right=FURTHEST))
    closer = filmed(still, CameraMove(forward=NEAREST))
    assert right.seen()[0, 0] == still.seen()[0, 0]
    assert 20 < still.seen()[-1, 0] - right.seen()[-1, 0] < 24  # pixels
    assert closer.zoom[0] == 1 and 1.4 < closer.zoom[-1] < 1.5
