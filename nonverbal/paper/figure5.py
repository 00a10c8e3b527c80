"""Figure 5: what the videos are about: words of their titles, and topics that the titles are factored into."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import TfidfVectorizer
from threadpoolctl import threadpool_limits

from nonverbal.paper.cloud import cloud
from nonverbal.paper.comparison import Comparison, Key, published
from nonverbal.paper.settings import Figure5
from nonverbal.paper.style import BLUE, GREY, ORANGE, PAGE, PALETTE, new_figure, save, shown
from nonverbal.schema import read_table

HEIGHT, CLOUD = 2.9, (4.35, 2.85)  # inches: of the page, of the cloud
WORD = r"(?u)\b[^\W\d_](?:[^\W\d_]|['’](?=[^\W\d_]))+\b"  # letters alone: an id is no word
NAMED_BY = 3  # words that a topic is called by
HOW = (
    "Ours of a word: the share of titles that have it. Ours of a topic: the share of titles of which it is the largest "
    "part, by TF-IDF and NMF. How the paper finds topics is not published; that its names are words of titles is "
    "inferred."
)


class Topics(NamedTuple):
    """Topics of some titles.

    Attributes:
        words: share of titles with each word, largest first.
        names: of the topics, by their strongest words.
        shares: of the titles that are mostly of each topic.
        topic_of: word -> the topic it is strongest in.
    """

    words: pd.Series
    names: list[str]
    shares: np.ndarray
    topic_of: dict[str, int]


def figure5(
    channels: Path, split: Path, published_csv: Path, settings: Figure5, seed: int, csv: Path, md: Path, tex: Path,
    png: Path, pdf: Path,
) -> None:  # fmt: skip
    """Draw figure 5, and write its numbers beside the published ones.

    Args:
        channels: every listed video, with its title.
        split: clips of the dataset.
        published_csv: the paper's shares.
        settings: how many words and topics.
        seed: of the factoring and of the cloud.
        csv, md, tex: the numbers.
        png, pdf: the figure.
    """
    found = topics(titles_of(channels, split), settings.topics, seed)
    paper = published(published_csv)
    words = found.words.head(settings.words).items()
    ours: dict[Key, float | None] = {(str(word), "word", "share"): 100 * float(share) for word, share in words}
    for word in paper["row"]:
        ours[word, "word", "share"] = 100 * float(found.words.get(word, 0)) if len(found.words) else None
    for name, share in zip(found.names, found.shares, strict=True):
        ours[name, "topic", "share"] = 100 * float(share)
    table = Comparison(
        name="topics",
        title="Figure 5. What the videos are about: shares of titles",
        heads=("name", "kind"),
        labels={"share": "share (%)"},
        paper=paper,
        ours=ours,
        notes=[HOW],
    )
    table.write(csv, md, tex)
    figure = new_figure(PAGE, HEIGHT)
    _cloud(figure, found, settings, seed)
    _bars(figure.add_axes((0.735, 0.68, 0.25, 0.19)), table.tidy().head(len(paper)))
    _topics(figure.add_axes((0.735, 0.03, 0.25, 0.52)), found)
    save(figure, png, pdf)


def titles_of(channels: Path, split: Path) -> list[str]:
    """Titles of the dataset's videos, in order of their ids."""
    videos = set(read_table(split, "split")["video_id"])
    listed = read_table(channels, "channels")
    kept = listed[listed["kept"] & listed["video_id"].isin(videos)].sort_values("video_id")
    return [title for title in kept["title"].fillna("") if title.strip()]


def topics(titles: list[str], count: int, seed: int) -> Topics:
    """Words and topics of titles; none where no title has a word that counts."""
    vectorizer = TfidfVectorizer(lowercase=True, stop_words="english", token_pattern=WORD)
    try:
        weights = vectorizer.fit_transform(titles)
    except ValueError:  # nothing but stop words, or no titles
        return Topics(pd.Series(dtype=float), [], np.empty(0), {})
    words = vectorizer.get_feature_names_out()
    shares = pd.Series(np.asarray((weights > 0).mean(axis=0)).ravel(), index=words)
    model = NMF(n_components=max(1, min(count, len(titles) // 2, len(words))), init="nndsvda", max_iter=500,
                random_state=seed)  # fmt: skip
    with threadpool_limits(1):  # sums in another order are other numbers
        parts = model.fit_transform(weights)
    known = parts.sum(axis=1) > 0  # a title of stop words alone is of no topic
    sizes = np.bincount(parts[known].argmax(axis=1), minlength=parts.shape[1]) / len(titles)
    order = np.argsort(-sizes, kind="stable")
    strongest = model.components_[order]
    names = [", ".join(words[row.argsort()[::-1][:NAMED_BY]]) for row in strongest]
    topic_of = dict(zip(words, strongest.argmax(axis=0).tolist(), strict=True))
    return Topics(shares.sort_values(ascending=False, kind="stable"), names, sizes[order], topic_of)


def _colour(topic: int) -> str:
    return PALETTE[topic % len(PALETTE)]


def _cloud(figure: Figure, found: Topics, settings: Figure5, seed: int) -> None:
    axes = figure.add_axes((0.005, 0.01, CLOUD[0] / PAGE, CLOUD[1] / HEIGHT))
    axes.axis("off")
    sizes = {str(word): float(share) for word, share in found.words.head(settings.words).items()}
    picture = cloud(sizes, *CLOUD, lambda word: _colour(found.topic_of[word]), seed)
    if picture is None:
        axes.text(0.5, 0.5, "not available: no title has a word that can be written", ha="center")
    else:
        axes.imshow(picture, aspect="auto", interpolation="none")


def _bars(axes: Axes, table: pd.DataFrame) -> None:
    """Published shares and ours."""
    axes.set_title("words, % of titles", loc="left", pad=14)
    axes.text(0, 1.06, "published", color=ORANGE, size=6.5, transform=axes.transAxes)
    axes.text(0.42, 1.06, "ours", color=BLUE, size=6.5, transform=axes.transAxes)
    most = max(table["published"].max(), table["ours"].max(), 1)
    for place, row in enumerate(table.to_dict("records")):
        for shift, column, colour in ((0.2, "published", ORANGE), (-0.2, "ours", BLUE)):
            value = row[column]
            axes.barh(-place + shift, 0 if pd.isna(value) else value, 0.36, color=colour)
            text = "not available" if pd.isna(value) else f"{value:.2f}"
            axes.text((0 if pd.isna(value) else value) + most * 0.02, -place + shift, text, va="center", size=6)
    axes.set(yticks=-np.arange(len(table)), yticklabels=table["row"], xlim=(0, most * 1.25), xticks=[])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _topics(axes: Axes, found: Topics) -> None:
    """Names and shares of the topics, in the colours of their words."""
    axes.set_title("topics of titles (NMF), %", loc="left")
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(-max(len(found.names), 8) + 0.5, 0.5))
    for place, (name, share) in enumerate(zip(found.names, found.shares, strict=True)):
        axes.text(0.17, -place, f"{100 * share:.1f}", ha="right", va="center", size=6.5)
        axes.text(0.22, -place, shown(name, 30), va="center", size=6.5, color=_colour(place), parse_math=False)
    if not found.names:
        axes.text(0, 0, "not available", color=GREY, va="center")
