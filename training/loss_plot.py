"""A picture of how the loss went, drawn with Pillow, because the host brings no plotting library."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

_PAPER = "white"
_INK = "#202020"
_PALE = "#707070"
_DOTS = "#B5D3E7"
_LINE = "#0072B2"
_OVERSAMPLING = 2
_MARGINS = (64, 36, 20, 36)  # left, top, right, bottom


def loss_plot(losses: Sequence[float], steps: int, width: int = 768, height: int = 384) -> Image.Image:
    """The loss of each step done as dots and their running mean as a line, over all `steps` of the run."""
    image = Image.new("RGB", (width * _OVERSAMPLING, height * _OVERSAMPLING), _PAPER)
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = (
        side * _OVERSAMPLING for side in (_MARGINS[0], _MARGINS[1], width - _MARGINS[2], height - _MARGINS[3])
    )
    highest = max(sorted(losses)[int(0.99 * (len(losses) - 1))], 1e-6)  # outliers would flatten the rest

    def at(step: int, loss: float) -> tuple[float, float]:
        return left + (right - left) * step / max(steps, 2), bottom - (bottom - top) * min(loss / highest, 1.0)

    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = at(0, part * highest)[1]
        draw.line([(left, y), (right, y)], fill="#DDDDDD", width=_OVERSAMPLING)
        _text(draw, (left - 12, y), f"{part * highest:.3g}", _PALE, "rm")
        _text(draw, (left + (right - left) * part, bottom + 28), str(round(part * steps)), _PALE, "mm")
    for step in range(0, len(losses), max(1, len(losses) // 2000)):
        x, y = at(step + 1, losses[step])
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=_DOTS)
    means = running_mean(losses)
    draw.line(
        [at(step + 1, mean) for step, mean in enumerate(means)], fill=_LINE, width=2 * _OVERSAMPLING, joint="curve"
    )
    _text(draw, (left, top - 36), f"step {len(losses)} of {steps}: mean loss {means[-1]:.4f}", _INK, "lm")
    return image.reduce(_OVERSAMPLING)


def running_mean(losses: Sequence[float]) -> list[float]:
    """The mean of each loss and those before it, over the last 2 % of them or at least ten."""
    span = max(10, len(losses) // 50)
    means, total = [], 0.0
    for i, loss in enumerate(losses):
        total += loss - (losses[i - span] if i >= span else 0.0)
        means.append(total / min(i + 1, span))
    return means


def _text(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: str, anchor: str) -> None:
    draw.text(place, text, fill=colour, font=ImageFont.load_default(12 * _OVERSAMPLING), anchor=anchor)
