"""Figure 2: the system, with the sizes of this run's config: data, tokenizers, MARS, and what its answer decodes to."""

from pathlib import Path

from matplotlib.axes import Axes

from nonverbal.layouts import FLAME_FACE, FPS, OPEN_FACE, SMPLX_BODY, Layout
from nonverbal.mars.settings import Mars
from nonverbal.paper.sketch import Place, arrow, box, sheet
from nonverbal.paper.stand_ins import STAND_INS
from nonverbal.paper.style import INK, PAGE, PALETTE, new_figure, save, shown
from nonverbal.tokenizers.settings import Tokenizer

WORDS, FACE, BODY, MODEL = PALETTE[2], PALETTE[0], PALETTE[5], PALETTE[7]
EXAMPLE = ("Right,", "<FACE_54>", "<BODY_1>", "but", "<FACE_0>", "<BODY_8>", "why")
HEIGHT, ROW = 2.62, 0.72  # inches: of the page, of a box of a part
ROWS = {"words": 1.72, "face": 0.92, "body": 0.12}
QUIET = "#6B7178"


def figure2(
    face: Tokenizer, body: Tokenizer, window: int, mars: Mars, backends: dict[str, str], png: Path, pdf: Path
) -> None:
    """Draw figure 2.

    Args:
        face, body: the tokenizers' settings.
        window: frames of a training window.
        mars: settings of the stage.
        backends: of steps `face`, `body` and `base`: what a stand-in is called so.
        png, pdf: files to write.
    """
    figure = new_figure(PAGE, HEIGHT)
    axes = sheet(figure)
    for x, title in ((0.08, "data"), (1.72, "tokenizers"), (3.62, "MARS"), (5.5, "decoded")):
        axes.text(x, HEIGHT - 0.06, title, va="top", color=QUIET, weight="bold")
    parts = (("face", face, FACE), ("body", body, BODY))
    layouts = {"face": OPEN_FACE if backends["face"] == "open_face" else FLAME_FACE, "body": SMPLX_BODY}
    model = Place(3.62, ROWS["body"], 1.6, ROWS["words"] + ROW - ROWS["body"])
    said = box(
        axes, Place(0.08, ROWS["words"], 1.42, ROW), "words", ["of both speakers,", f"a word at frame {FPS} t"], WORDS
    )
    arrow(axes, said.right, (model.x, said.right[1]))
    answer = box(axes, Place(5.5, ROWS["words"], 1.42, ROW), "words", ["of the answer"], WORDS)
    arrow(axes, (model.x + model.width, answer.left[1]), answer.left)
    for part, settings, colour in parts:
        y, layout = ROWS[part], layouts[part]
        seen = box(axes, Place(0.08, y, 1.42, ROW), part, frames_of(part, layout, backends[part]), colour)
        coder = box(axes, Place(1.72, y, 1.66, ROW), f"{part} VQ-VAE", tokenizer(settings, window), colour)
        moved = box(axes, Place(5.5, y, 1.42, ROW), f"{part} decoder", decoded(settings, layout), colour)
        arrow(axes, seen.right, coder.left)
        arrow(axes, coder.right, (model.x, coder.right[1]))
        arrow(axes, (model.x + model.width, moved.left[1]), moved.left)
    box(axes, model, shown(base_name(mars), 24), base_lines(mars, face, body), MODEL)
    _example(axes, model.x + 0.07, model.y + 0.55)
    save(figure, png, pdf)


def frames_of(part: str, layout: Layout, backend: str) -> list[str]:
    """What is known of a frame."""
    kind = {"flame": "FLAME", "open_face": "open face", "smplx": "SMPL-X"}[layout.name]
    made = "stand-in" if (part, backend) in STAND_INS else "paper's"
    groups = " + ".join(str(part.stop - part.start) for part in layout.training_slices().values())
    return [f"{kind}, {layout.dim} numbers", f"= {groups}, {FPS} Hz", f"{backend} ({made})"]


def tokenizer(settings: Tokenizer, window: int) -> list[str]:
    """A tokenizer's sizes."""
    codebook, network = settings.codebook, settings.network
    sizes = f"{codebook.size} codes of {codebook.dim} numbers"
    if codebook.levels:
        sizes = f"{codebook.size} codes, {' x '.join(map(str, codebook.levels))} levels"
    return [
        sizes, f"{network.downsampling} frames a token",
        f"window {window}, width {network.width}, depth {network.depth}",
    ]  # fmt: skip


def decoded(settings: Tokenizer, layout: Layout) -> list[str]:
    """What a part's tokens become."""
    return [f"token to {settings.network.downsampling} frames", f"of {layout.dim} numbers,", "shown as a mesh"]


def base_name(mars: Mars) -> str:
    """The language model's name as people read it."""
    return "Llama, tiny" if mars.base.name == "tiny" else Path(mars.base.name).name


def base_lines(mars: Mars, face: Tokenizer, body: Tokenizer) -> list[str]:
    """What is added to the language model, and how it is trained."""
    turns = mars.sequences.context_turns
    return [
        f"{mars.base.tiny.vocabulary:,} pieces of words" if mars.base.name == "tiny" else "its own vocabulary",
        f"+ {face.codebook.size} tokens <FACE_i>", f"+ {body.codebook.size} tokens <BODY_i>",
        f"{'all' if turns is None else turns} turn{'' if turns == 1 else 's'} before the answer",
        f"at most {mars.training.length:,} tokens",
        "loss: the answer's tokens" if mars.training.loss == "answer" else "loss: all tokens",
        f"answer: at most {mars.evaluation.new_tokens} tokens",
    ]  # fmt: skip


def _example(axes: Axes, x: float, y: float) -> None:
    """A turn's beginning: words and motion in the order of time."""
    axes.text(x, y + 0.14, "one sequence, in time:", size=6, color=QUIET, va="bottom")
    left = x
    for token in EXAMPLE:
        colour = FACE if "FACE" in token else BODY if "BODY" in token else INK
        width = 0.052 * len(token) + 0.03
        if left + width > x + 1.5:
            left, y = x, y - 0.13
        axes.text(left, y, token, size=6, color=colour, va="bottom", family="DejaVu Sans Mono", parse_math=False)
        left += width
