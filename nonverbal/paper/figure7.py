"""Figure 7: the VQ-VAEs, drawn from the trained models themselves: a pass through them says what they apply.

A row is a layer or several like it. Its box narrows with time: frames above, tokens below.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import log2
from pathlib import Path

import torch
from matplotlib.axes import Axes
from torch import nn

from nonverbal.paper.sketch import LINE, PAD, Place, arrow, box, sheet
from nonverbal.paper.style import COLUMN, INK, PALETTE, new_figure, save
from nonverbal.tokenizers.model import MotionTokenizer, Residual, load_model, load_settings
from nonverbal.tokenizers.settings import Losses, Tokenizer

COLOURS = {"face": PALETTE[0], "body": PALETTE[5]}
QUIET = "#6B7178"
WIDE, NARROWER = 1.34, 0.11  # inches: of a box at the frames' rate, and what each halving of time takes away
MIDDLES = (0.06 + WIDE / 2, COLUMN - 0.06 - WIDE / 2)  # inches: of the encoder, of the decoder
HEAD, ROW, HIGH, FOOT = 0.5, 0.265, 0.185, 1.28  # inches: of titles, of a row, of its box, of quantizer and losses


@dataclass(frozen=True)
class Layer:
    """What a pass applied.

    Attributes:
        text: kind, kernel, channels.
        steps: of time that come out.
    """

    text: str
    steps: int


def figure7(face: Path, body: Path, window: int, png: Path, pdf: Path) -> None:
    """Draw figure 7.

    Args:
        face, body: the trained tokenizers, as train_tokenizer wrote them.
        window: frames of a training window, which is passed through them.
        png, pdf: files to write.
    """
    drawn = [(part, load_model(path), load_settings(path)) for part, path in (("face", face), ("body", body))]
    columns = {part: (layers(model, "encoder", window), layers(model, "decoder", window)) for part, model, _ in drawn}
    heights = [panel_height(columns[part]) for part in columns]
    figure = new_figure(COLUMN, sum(heights))
    axes, top = sheet(figure), sum(heights)
    for (part, model, settings), height in zip(drawn, heights, strict=True):
        panel(axes, part, model, settings, columns[part], top, window)
        top -= height
    save(figure, png, pdf)


def layers(model: MotionTokenizer, side: str, window: int) -> list[Layer]:
    """The layers that a pass of a window through the encoder or the decoder applies, in their order."""
    network: nn.Module = getattr(model, side)
    applied: list[tuple[nn.Module, int, int]] = []
    hooks = [
        module.register_forward_hook(lambda one, given, made: applied.append((one, given[0].shape[-1], made.shape[-1])))
        for module in units(network)
    ]
    steps = window if side == "encoder" else window // model.downsampling
    first = next(module for module in network.modules() if isinstance(module, nn.Conv1d))
    with torch.no_grad():
        network(torch.zeros(1, first.in_channels, steps), torch.ones(1, 1, steps))
    for hook in hooks:
        hook.remove()
    return list(described(applied, steps))


def units(network: nn.Module) -> Iterator[nn.Module]:
    """Residual layers, and convolutions outside of them."""
    for child in network.children():
        if isinstance(child, Residual | nn.Conv1d):
            yield child
        else:
            yield from units(child)


def described(applied: list[tuple[nn.Module, int, int]], steps: int) -> Iterator[Layer]:
    """A row for each convolution and for each run of residual layers; `applied`: module, steps in, steps out."""
    for residual, same in groupby(applied, key=lambda one: isinstance(one[0], Residual)):
        found = list(same)
        if residual:
            yield Layer(residuals([one for one, _, _ in found]), found[-1][2])  # type: ignore[misc]
            continue
        for conv, before, after in found:
            yield Layer((f"×{before // steps}, " if before > steps else "") + convolution(conv), after)  # type: ignore[arg-type]
            steps = after


def convolution(conv: nn.Conv1d) -> str:
    """Kernel, stride and channels: `conv 4 /2, 512`; both numbers of channels where they differ."""
    stride = f" /{conv.stride[0]}" if conv.stride[0] > 1 else ""
    channels = f"{conv.out_channels}"
    if conv.in_channels != conv.out_channels:
        channels = f"{conv.in_channels} → {conv.out_channels}"
    return f"conv {conv.kernel_size[0]}{stride}, {channels}"


def residuals(found: list[Residual]) -> str:
    """Residual layers by their dilations."""
    return "residual " + ", ".join(str(next(convolutions(one)).dilation[0]) for one in found)


def residual(model: MotionTokenizer) -> str:
    """What a residual layer is."""
    first = next(module for module in model.modules() if isinstance(module, Residual))
    wide, *narrow = (conv.kernel_size[0] for conv in convolutions(first))
    return f"residual d: x + conv {', '.join(map(str, narrow))} of conv {wide}, dilated d, of x; ReLU before both"


def convolutions(module: nn.Module) -> Iterator[nn.Conv1d]:
    """The convolutions of a module."""
    return (one for one in module.modules() if isinstance(one, nn.Conv1d))


def panel_height(columns: tuple[list[Layer], list[Layer]]) -> float:
    """Inches of a part's drawing."""
    return HEAD + ROW * max(map(len, columns)) + FOOT


def panel(
    axes: Axes, part: str, model: MotionTokenizer, settings: Tokenizer, columns: tuple[list[Layer], list[Layer]],
    top: float, window: int,
) -> None:  # fmt: skip
    """One part's encoder, downwards, its codes, and its decoder, upwards."""
    colour = COLOURS[part]
    count = sum(parameter.numel() for parameter in model.parameters())
    title = f"{part}: {count / 1e6:.3g} million weights, {model.downsampling} frames a token"
    axes.text(0.06, top - 0.08, title, va="top", weight="bold", color=colour)
    numbers = next(convolutions(model.encoder)).in_channels
    heads = f"{window} frames of {numbers} numbers", "steps", "reconstruction"
    for x, text in zip((MIDDLES[0], COLUMN / 2, MIDDLES[1]), heads, strict=True):
        axes.text(x, top - 0.29, text, va="top", ha="center", size=6.5, color=QUIET if text == "steps" else INK)
    low = top - HEAD - ROW * max(map(len, columns))
    encoder = [(layer, top - HEAD - ROW * row) for row, layer in enumerate(columns[0])]
    decoder = [(layer, low + ROW * (row + 1)) for row, layer in enumerate(columns[1])]
    for middle, rows, side in zip(MIDDLES, (encoder, decoder), (1, -1), strict=True):
        for layer, y in rows:
            _row(axes, layer, middle, y, side, window, colour)
    for (_, y), (_, below) in pairwise(encoder):
        arrow(axes, (MIDDLES[0], y - HIGH), (MIDDLES[0], below))
    for (_, y), (_, above) in pairwise(decoder):
        arrow(axes, (MIDDLES[1], y), (MIDDLES[1], above - HIGH))
    quantizer = Place(0.06, low - 0.54, COLUMN - 0.12, 0.5)
    box(axes, quantizer, codes(settings), codebook(settings), INK)
    arrow(axes, (MIDDLES[0], encoder[-1][1] - HIGH), (MIDDLES[0], quantizer.y + quantizer.height))
    arrow(axes, (MIDDLES[1], quantizer.y + quantizer.height), (MIDDLES[1], decoder[0][1] - HIGH))
    for number, line in enumerate([residual(model), *losses(settings.losses, settings.codebook.commitment)]):
        axes.text(0.06 + PAD, quantizer.y - 0.1 - number * LINE, line, va="top", size=6.5, color=INK)


def _row(axes: Axes, layer: Layer, middle: float, y: float, side: int, window: int, colour: str) -> None:
    """A layer's box, with its steps of time beside it, towards the page's middle."""
    width = WIDE - NARROWER * log2(window / layer.steps)
    place = Place(middle - width / 2, y - HIGH, width, HIGH)
    box(axes, place, "", [], colour)
    axes.text(middle, y - HIGH / 2, layer.text, va="center", ha="center", size=6, zorder=3)
    edge = middle + side * (WIDE / 2 + 0.02)
    axes.text(
        edge, y - HIGH / 2, f"{layer.steps}", va="center", ha="left" if side > 0 else "right", size=6, color=QUIET
    )


def codes(settings: Tokenizer) -> str:
    """Size of the codebook."""
    codebook = settings.codebook
    several = f"{codebook.quantizers} x " if codebook.quantizers > 1 else ""
    return f"quantizer: {several}{codebook.size} codes of {codebook.dim} numbers"


def codebook(settings: Tokenizer) -> list[str]:
    """How codes are found and learned."""
    codebook = settings.codebook
    if codebook.levels:
        return [f"finite scalars, {' x '.join(map(str, codebook.levels))} levels"]
    place = "unit sphere" if codebook.normalised else "Euclidean"
    dead = f", replaced below {codebook.dead_below:g} uses a batch" if codebook.dead_below else ""
    gradient = {"straight_through": "straight-through", "rotation": "rotated"}[codebook.gradient]
    return [f"{place}, {gradient} gradient", f"moving average {codebook.decay:g}{dead}"]


def losses(settings: Losses, commitment: float) -> list[str]:
    """The losses with their weights."""
    distance = {"l1": "L1", "smooth_l1": "smooth L1", "l2": "L2"}[settings.reconstruction]
    lines = [f"loss: reconstruction + {settings.velocity:g} velocity + {commitment:g} commitment"]
    if not settings.by_group:
        return [*lines, f"{distance}, a mean over all numbers"]
    for name, weights in (("reconstruction", settings.groups), ("velocity", settings.velocity_groups)):
        groups = " + ".join(f"{weight:g} {group.replace('_', ' ')}" for group, weight in weights.items())
        lines.append(f"{name}, {distance}: {groups}")
    return lines
