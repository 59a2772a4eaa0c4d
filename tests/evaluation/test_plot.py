"""The plot, by the pixels that are drawn."""

from dataclasses import replace

import numpy as np
from PIL import ImageColor

from kinema.drawing.canvas import COLOURS, INK
from kinema.evaluation.metrics import METRICS, Measurement
from kinema.evaluation.plot import PANEL, ROW_HEIGHT, plot

WITHOUT_SEAM = tuple(metric.name for metric in METRICS if metric.name != "seam")


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


def test_a_seam_is_shown_for_loops_only():
    """The seam of what is no loop would look like a fault beside that of a loop."""
    cut = replace(result(), curves=result().curves | {"seam": [0.0, 14.8]})
    assert plot({"a": cut}, 800).size == plot({"a": result(names=WITHOUT_SEAM)}, 800).size
    both, alone = (plot({"a": result(), "b": other}, 800) for other in (cut, result(names=WITHOUT_SEAM)))
    assert np.array_equal(both, alone)


def test_arrows_say_which_values_are_better():
    """Beside the names in the table: up for smoothness, down for flicker, none for motion."""
    inks = {}
    for name in ("smoothness", "flicker", "motion"):
        names = drawn(plot({"a": result(names=(name,))}, 800), INK)[24 : 24 + ROW_HEIGHT]
        inks[name] = names.sum(axis=1)
    heads = {name: rows[:13].sum() - rows[13:].sum() for name, rows in inks.items()}
    assert heads["smoothness"] > 0 > heads["flicker"] and not inks["motion"].any()


def test_a_measurement_in_words():
    cut = Measurement(3, {"smoothness": [90.0, 92.0], "flicker": [1.25], "motion": [2.0], "seam": [0.0, 14.8]})
    assert cut.sentence == "Smoothness 91.00 (higher is better), Flicker 1.25 (lower is better), Motion 2.00."
    loop = replace(cut, curves={"flicker": [1.25], "seam": [0.0, 1.5]})
    assert loop.sentence == "Flicker 1.25 (lower is better), Seam 1.50 (lower is better)."


def test_long_labels_ten_results_and_one_pair_fit():
    results = {f"animation {i} " * 8: result(i, frames=2) for i in range(10)}
    picture = plot(results, 640)
    table = np.array(picture)[24 + ROW_HEIGHT : 24 + 11 * ROW_HEIGHT]
    beside = table[:, round(24 + (640 - 48) * 0.24) + 1 :][:, :4]
    assert (beside <= 0x55).all()  # labels end before the numbers
