"""The plot, by the pixels that are drawn."""

import numpy as np
from PIL import ImageColor

from kinema.drawing.canvas import COLOURS
from kinema.evaluation.metrics import METRICS, Measurement
from kinema.evaluation.plot import PANEL, ROW_HEIGHT, plot


def result(level=1.0, names=tuple(m.name for m in METRICS), frames=6):
    return Measurement(frames, {name: [level + 0.1 * i for i in range(frames - 1)] for name in names})


def drawn(picture, colour):
    """Where `colour` is in the picture, as bool (h, w)."""
    return (np.array(picture) == ImageColor.getrgb(colour)).all(axis=-1)


def test_size_follows_what_was_measured():
    everything, one = plot({"a": result()}, 800), plot({"a": result(names=("flicker",))}, 800)
    assert everything.width == one.width == 800
    assert everything.height - one.height == 3 * PANEL  # seven panels in two columns, against one
    assert plot({"a": result()}, 384).height - everything.height == 3 * PANEL  # in one column, where it is narrow
    assert plot({"a": result(), "b": result()}, 800).height - everything.height == ROW_HEIGHT


def test_each_result_has_its_colour_in_every_panel():
    picture = plot({"a": result(1), "b": result(3)}, 800)
    for colour in COLOURS[:2]:
        ys, xs = np.nonzero(drawn(picture, colour))
        panels = {(y // PANEL, x >= 400) for y, x in zip(ys - 24 - 3 * ROW_HEIGHT - 12, xs, strict=True) if y > 0}
        assert len(panels) == len(METRICS)
    assert not drawn(picture, COLOURS[2]).any()


def test_a_higher_curve_is_drawn_higher():
    picture = plot({"a": result(1, ("flicker",)), "b": result(3, ("flicker",))}, 800)
    below = 24 + 3 * ROW_HEIGHT + 20  # the panel begins under the table
    low, high = (np.nonzero(drawn(picture, colour)[below:])[0].mean() for colour in COLOURS[:2])
    assert high < low


def test_a_rising_curve_goes_up_to_the_right():
    ys, xs = np.nonzero(drawn(plot({"a": result(1, ("smoothness",))}, 800), COLOURS[0])[24 + 2 * ROW_HEIGHT + 20 :])
    assert np.corrcoef(xs, ys)[0, 1] < -0.99


def test_what_was_not_measured_has_no_panel_and_no_number():
    with_gap = plot({"a": result(), "b": result(names=("flicker",))}, 800)
    assert with_gap.size == plot({"a": result(), "b": result()}, 800).size
    counts = [drawn(with_gap, colour).sum() for colour in COLOURS[:2]]
    assert counts[1] < counts[0] / 3


def test_long_labels_ten_results_and_one_pair_fit():
    results = {f"animation {i} " * 8: result(i, frames=2) for i in range(10)}
    picture = plot(results, 640)
    table = np.array(picture)[24 + ROW_HEIGHT : 24 + 11 * ROW_HEIGHT]
    beside = table[:, round(24 + (640 - 48) * 0.24) + 1 :][:, :4]
    assert (beside <= 0x55).all()  # labels end before the numbers
