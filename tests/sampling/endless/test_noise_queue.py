"""The queue against the authors' sampler, written down again from the paper in their own variables."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from kinema.sampling.endless.noise_queue import NoiseQueue, QueuePart, why_no_queue
from kinema.sampling.endless.queue_run import QueueRun

SHAPE = (2, 3, 3)
STEPS, LENGTH = 8, 4
ALPHAS = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)[1 + 125 * np.arange(STEPS)]
BEFORE = np.append(0.9991, ALPHAS[:-1])
"""The authors' last step leads to the first training timestep, not to a picture without noise."""


def sigma(alphas: np.ndarray) -> np.ndarray:
    return np.sqrt((1 - alphas) / alphas)


LEVELS = tuple(sigma(np.append(ALPHAS[::-1], BEFORE[0])).tolist())


def toy_noise(x: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    """The noise that a toy model predicts in latents of variance 1; frames of a window depend on each other."""
    return np.tanh(0.7 * x + 0.2 * x.mean(0) - 0.3 * alphas[:, None, None, None])


def noises(seed: int = 3) -> Iterator[np.ndarray]:
    random = np.random.default_rng(seed)
    while True:
        yield random.standard_normal(SHAPE)


def drawing() -> Callable[[int], torch.Tensor]:
    stream = noises()
    return lambda frames: torch.tensor(np.stack([next(stream) for _ in range(frames)]))


def denoised(x: torch.Tensor, part: QueuePart) -> torch.Tensor:
    levels = np.array(part.levels)
    alphas = 1 / (1 + levels**2)
    noise = [
        toy_noise(one, its)
        for one, its in zip(
            np.split((x.numpy() * np.sqrt(alphas)[:, None, None, None]), part.count),
            np.split(alphas, part.count),
            strict=True,
        )
    ]
    return x - torch.tensor(np.concatenate(noise) * levels[:, None, None, None])


def queue_run(queue: NoiseQueue, eta: float, at_once: int = 1) -> QueueRun:
    return QueueRun(queue, denoised, drawing(), lambda noise: noise * (1 + LEVELS[0] ** 2) ** 0.5, eta, at_once)


def authors_step(x: np.ndarray, noise: np.ndarray, i: int, eta: float, added: np.ndarray) -> np.ndarray:
    """DDIM, equation 12."""
    a, b = ALPHAS[i], BEFORE[i]
    s = eta * np.sqrt((1 - b) / (1 - a) * (1 - a / b))
    clean = (x - np.sqrt(1 - a) * noise) / np.sqrt(a)
    return np.sqrt(b) * clean + np.sqrt(1 - b - s**2) * noise + s * added


def authors(start: np.ndarray, frames: int, lookahead: bool, eta: float) -> list[np.ndarray]:
    """Algorithm 1 of the paper, with lookahead as in its section 4.3."""
    half = LENGTH // 2
    order = np.append(np.zeros(half, int), np.arange(STEPS)) if lookahead else np.arange(STEPS)
    first = half if lookahead else 0
    places = [max(0, i - first - (STEPS - LENGTH)) for i in range(len(order))]
    stream = noises()
    x = np.stack(
        [
            np.sqrt(ALPHAS[i]) * start[frame] + np.sqrt(1 - ALPHAS[i]) * next(stream)
            for i, frame in zip(order, places, strict=True)
        ]
    )
    video = []
    for _ in range(frames + STEPS - LENGTH):
        added = [next(stream) for _ in range(STEPS)]
        for rank in reversed(range(2 * STEPS // LENGTH if lookahead else STEPS // LENGTH)):
            begin = rank * (half if lookahead else LENGTH)
            window = x[begin : begin + LENGTH].copy()
            noise = toy_noise(window, ALPHAS[order[begin : begin + LENGTH]])
            for row in range(half if lookahead else 0, LENGTH):
                i = order[begin + row]
                x[begin + row] = authors_step(window[row], noise[row], i, eta, added[i])
        video.append(x[first] / np.sqrt(BEFORE[0]))
        x = np.concatenate([x[1:], next(stream)[None]])
    return video[STEPS - LENGTH :]


@pytest.mark.parametrize("lookahead", [True, False])
@pytest.mark.parametrize("eta", [1.0, 0.0])
def test_frames_are_those_of_the_authors(lookahead: bool, eta: float) -> None:
    start = np.random.default_rng(7).standard_normal((LENGTH, *SHAPE))
    expected = torch.tensor(np.stack(authors(start, 11, lookahead, eta)))
    for at_once in (1, 3):
        run = queue_run(NoiseQueue(LEVELS, LENGTH, 11, lookahead), eta, at_once)
        left = list(run.frames(torch.tensor(start)))
        assert [one.number for one in left] == list(range(LENGTH - STEPS, 11))
        video = torch.cat([one.latent for one in left if one.number >= 0])
        assert (video - expected).abs().max() < 1e-9
    assert expected[1:].sub(expected[:-1]).abs().max() > 0.1


def test_a_start_is_sampled_as_a_video_of_its_length() -> None:
    stream = noises()
    x = np.stack([next(stream) for _ in range(LENGTH)])
    expected = x
    for i in range(STEPS - 1, -1, -1):
        noise = toy_noise(expected, np.full(LENGTH, ALPHAS[i]))
        added = np.stack([next(stream) for _ in range(LENGTH)])
        expected = authors_step(expected, noise, i, 1.0, added)
    told: list[int] = []
    run = queue_run(NoiseQueue(LEVELS, LENGTH, 8), 1.0)
    start = run.sampled_start(run.draw(LENGTH), lambda step, *_: told.append(step))
    assert (start - torch.tensor(expected / np.sqrt(BEFORE[0]))).abs().max() < 1e-9
    assert told == list(range(STEPS))


def test_rows_are_frames_of_the_video() -> None:
    queue = NoiseQueue(LEVELS, LENGTH, 9, lookahead=True)
    assert queue.windows == ((0, 1, 2, 3), (2, 3, 4, 5), (4, 5, 6, 7), (6, 7, 8, 9))
    assert [queue.frame(row, 0) for row in range(10)] == [0, 0, 0, 0, 0, 0, 0, 1, 2, 3]
    assert [queue.frame(row, 12) for row in range(10)] == [6, 7, 8, 8, 8, 8, 8, 8, 8, 8]
    assert [queue.level(row) for row in range(10)] == [LEVELS[7]] * 3 + [LEVELS[k] for k in range(6, -1, -1)]
    assert NoiseQueue(LEVELS, LENGTH, 9, lookahead=False).windows == ((0, 1, 2, 3), (4, 5, 6, 7))


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((8, 16, 16, True), "The video has 8 frames, but window_length is 16: .* Set frames to 16 or more"),
        (
            (30, 15, 30, True),
            "window_length is 15, but lookahead needs an even number. Set window_length to 16, or turn",
        ),
        ((64, 16, 40, True), "steps is 40, .* windows of 16 frames. Set steps to 32, or to another multiple of 16."),
        ((64, 16, 8, False), "steps is 8, .* Set steps to 16, or"),
    ],
)
def test_numbers_that_do_not_fit(numbers: tuple[int, int, int, bool], words: str) -> None:
    frames, length, steps, lookahead = numbers
    with pytest.raises(ValueError, match=words):
        NoiseQueue(tuple(range(steps, -1, -1)), length, frames, lookahead)
    assert not why_no_queue(64, 16, 32, True)
