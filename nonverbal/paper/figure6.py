"""Figure 6: words and faces of negative, neutral and positive sentences."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.feature_extraction.text import CountVectorizer

from nonverbal.layouts import FACE_FEATURES, floor_frame
from nonverbal.paper.cloud import cloud
from nonverbal.paper.comparison import Comparison, number, published
from nonverbal.paper.figure5 import WORD
from nonverbal.paper.meshes import faces, layout_of, medoid
from nonverbal.paper.sentiment import LABELS, labels_of
from nonverbal.paper.settings import Figure6
from nonverbal.paper.stand_ins import notes
from nonverbal.paper.style import GREY, PAGE, PALETTE, new_figure, save, shown
from nonverbal.schema import read_arrow, read_table
from nonverbal.views.figure import Figures

COLOURS = dict(zip(LABELS, (PALETTE[5], "#5B6168", PALETTE[0]), strict=True))
CLOUD, FACE_PX = (2.22, 1.45), 330  # inches; pixels of a face
HEIGHT, COLUMN = 3.35, PAGE / 3  # inches
TRIED = 20  # sentences of a sentiment that are looked through for one whose face is known


class Face(NamedTuple):
    """A frame that stands for a sentence."""

    text: str
    features: np.ndarray


def figure6(
    sentiment: list[Path], face: list[Path], split: Path, published_csv: Path, settings: Figure6, seed: int,
    backends: dict[str, str], models: Path, csv: Path, md: Path, tex: Path, png: Path, pdf: Path,
) -> None:  # fmt: skip
    """Draw figure 6, and write its shares beside the published ones.

    Args:
        sentiment, face: tables of the shards, in the same order; face is smoothed.
        split: clips of the dataset.
        published_csv: the paper's shares.
        settings: how many words and faces.
        seed: of the clouds.
        backends: of steps `sentiment` and `face`; stand-ins are named below the table.
        models: folder of models, of which FLAME is shown if it is there.
        csv, md, tex: the shares.
        png, pdf: the figure.
    """
    clips = set(read_table(split, "split")["clip_id"])
    parts = [read_table(path, "sentiment").assign(shard=shard) for shard, path in enumerate(sentiment)]
    scores = pd.concat(parts, ignore_index=True)
    scores = scores[scores["clip_id"].isin(clips)].reset_index(drop=True)
    scores["label"] = labels_of(scores, settings.neutral_within)
    shares = {label: 100 * float((scores["label"] == label).mean()) if len(scores) else None for label in LABELS}
    table = Comparison(
        name="sentiment",
        title="Figure 6. Sentiment of sentences",
        heads=("sentiment", "of"),
        labels={"share": "share (%)"},
        paper=published(published_csv),
        ours={(label, "sentences", "share"): share for label, share in shares.items()},
        notes=[f"Ours is of {len(scores):,} sentences, by {backends['sentiment']}.", *notes(backends)],
    )
    table.write(csv, md, tex)
    figure = new_figure(PAGE, HEIGHT)
    figures = Figures(models)
    shown_as, stated = "", dict(zip(table.paper["row"], table.paper["value"], strict=True))
    for place, label in enumerate(LABELS):
        share = shares[label]
        text = f"{label}: {number(np.nan if share is None else share, digits=3)} %, published {stated[label]} %"
        look: dict[str, Any] = {"size": 7.5, "color": COLOURS[label], "weight": "bold"}
        figure.text((place + 0.5) / 3, 0.975, text, ha="center", va="top", **look)
        rows = scores[scores["label"] == label]
        _cloud(figure, place, words_of(rows["text"].tolist(), settings.words), COLOURS[label], seed)
        found = representative(rows, label, face, settings.faces)
        shown_as = _faces(figure, place, found, settings.faces, figures) or shown_as
    foot = f"sentiment by {backends['sentiment']}; faces: {shown_as or 'none is known'}"
    figure.text(0.007, 0.015, foot, size=6, color="#6B7178")
    save(figure, png, pdf)


def words_of(texts: list[str], most: int) -> dict[str, float]:
    """How many of the sentences have each word, the most frequent ones."""
    vectorizer = CountVectorizer(stop_words="english", token_pattern=WORD, binary=True)
    try:
        counts = np.asarray(vectorizer.fit_transform(texts).sum(axis=0)).ravel()
    except ValueError:  # stop words alone
        return {}
    found = Counter(dict(zip(vectorizer.get_feature_names_out(), map(float, counts), strict=True)))
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))[:most])


def representative(rows: pd.DataFrame, label: str, face: list[Path], most: int) -> list[Face]:
    """Of the sentences that are most of a label, no two of one clip, the frame whose face is nearest to their mean."""
    strength = rows[label].fillna(-rows["valence"].abs() if label == "neutral" else rows["valence"].abs())
    order = ["strength", "clip_id", "utterance_id", "sentence"]
    ordered = rows.assign(strength=-strength).sort_values(order).drop_duplicates("clip_id")
    found: list[Face] = []
    for row in ordered.head(TRIED).to_dict("records"):
        seen = read_arrow(face[row["shard"]], "face", clip_id=row["clip_id"]).to_pandas()
        said = seen["frame"].between(floor_frame(row["start_s"]), floor_frame(row["end_s"]))
        seen = seen[said & seen["valid"] & (seen["utterance_id"] == row["utterance_id"])]
        if len(seen):
            features = np.stack(seen["features"].tolist())
            found.append(Face(row["text"], features[medoid(features)]))
        if len(found) == most:
            break
    return found


def _cloud(figure: Figure, place: int, sizes: dict[str, float], colour: str, seed: int) -> None:
    left = (place * COLUMN + (COLUMN - CLOUD[0]) / 2) / PAGE
    axes = figure.add_axes((left, 0.475, CLOUD[0] / PAGE, CLOUD[1] / HEIGHT))
    axes.axis("off")
    picture = cloud(sizes, *CLOUD, lambda _: colour, seed)
    if picture is None:
        axes.text(0.5, 0.5, "no such sentence", ha="center", color=GREY)
    else:
        axes.imshow(picture, aspect="auto", interpolation="none")


def _faces(figure: Figure, place: int, found: list[Face], most: int, figures: Figures) -> str:
    """The faces of a sentiment in a row, the sentence below each; returns which model they are of."""
    features = np.array([one.features for one in found]).reshape(len(found), FACE_FEATURES)
    pictures, caption = faces(figures, features, FACE_PX, layout_of(features))
    width = (COLUMN - 0.1) / most
    for number_, (one, picture) in enumerate(zip(found, pictures, strict=True)):
        left = place * COLUMN + 0.05 + number_ * width
        axes = figure.add_axes((left / PAGE, 0.19, (width - 0.03) / PAGE, (width - 0.03) / HEIGHT))
        axes.imshow(picture, interpolation="antialiased")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color(GREY)
        for line, text in enumerate(folded(one.text, round(width / 0.05), 3)):
            axes.text(
                0, -0.08 - 0.15 * line, text, transform=axes.transAxes, size=6, va="top", parse_math=False,
            )  # fmt: skip
    return caption


def folded(text: str, letters: int, most: int) -> list[str]:
    """A sentence in lines of so many letters, cut after `most` lines."""
    lines: list[str] = [""]
    for word in shown(text).split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append("")
        lines[-1] = shown(f"{lines[-1]} {word}", letters)
    return lines if len(lines) <= most else [*lines[: most - 1], shown(" ".join(lines[most - 1 :]) + " …", letters)]
