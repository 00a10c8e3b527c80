"""Figure 3: face and body frames by t-SNE, grouped by DBSCAN, with a frame of each group as a mesh."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from sklearn.cluster import DBSCAN
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from nonverbal.avatar.surfaces import features_of
from nonverbal.layouts import FLAME_FACE, OPEN_FACE, SMPLX_BODY
from nonverbal.paper.meshes import bodies, faces, medoid
from nonverbal.paper.settings import Figure3
from nonverbal.paper.style import GREY, MARKERS, PAGE, PALETTE, new_figure, save
from nonverbal.schema import read_table
from nonverbal.views.figure import Figures

PUBLISHED_CLUSTERS = {"face": 7, "body": 8}
LEAST = 10  # points below which neither the map nor the clusters mean anything
SEEN_IN = 100_000  # frames that tell which numbers are ever known
SHOWN, IN_A_ROW, CELL, MESH_PX = 8, 4, 0.83, 240  # clusters with a mesh, a row of them; inches and pixels of one
HEIGHT = 5.35  # inches
SILHOUETTE_POINTS = 2000  # that a silhouette is estimated from


def figure3(
    face: Path, face_index: Path, body: Path, body_index: Path, settings: Figure3, seed: int, models: Path, png: Path,
    pdf: Path,
) -> None:  # fmt: skip
    """Draw figure 3.

    Args:
        face, body: frames, .npy float32 [rows, dim], NaN where unknown.
        face_index, body_index: which rows belong to which clip (sequences_index).
        settings: how many frames are drawn, and the map's and the clusters' parameters.
        seed: of the draw and of the map.
        models: folder of models, of which FLAME and SMPL-X are shown if they are there.
        png, pdf: files to write.
    """
    figure, figures = new_figure(PAGE, HEIGHT), Figures(models)
    captions = []
    for column, (part, array, index) in enumerate((("face", face, face_index), ("body", body, body_index))):
        frames = np.load(array, mmap_mode="r")
        numbers = seen_numbers(frames)
        rows = sample(frames, numbers, read_table(index, "sequences_index"), settings, seed)
        points = frames[rows][:, numbers].astype(np.float64)
        axes = figure.add_axes((0.015 + 0.495 * column, 1 - 3.41 / HEIGHT, 0.475, 3.13 / HEIGHT))
        places, labels = grouped(points, settings, seed)
        _panel(axes, part, places, labels)
        shown = frames[rows[representatives(points, labels)]]
        captions.append(_meshes(figure, part, figures, shown, 0.015 + 0.495 * column))
    named = " + ".join(dict.fromkeys(filter(None, captions)))
    figure.text(0.015, 0.02 / HEIGHT, f"meshes: {named}; grey: not known" if named else "", size=6, va="bottom")
    save(figure, png, pdf)


def representatives(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of each of the first SHOWN clusters the point nearest to its mean, as places among the points, int64."""
    clusters = range(min(int(labels.max(initial=-1)) + 1, SHOWN))
    of_cluster = [np.flatnonzero(labels == cluster) for cluster in clusters]
    return np.array([inside[medoid(points[inside])] for inside in of_cluster], dtype=np.int64)


def seen_numbers(frames: np.ndarray) -> np.ndarray:
    """Which numbers are ever known, bool [dim]: a backend may be blind to some (collars, the tongue)."""
    return ~np.isnan(frames[:: max(1, len(frames) // SEEN_IN)]).all(axis=0)


def sample(frames: np.ndarray, numbers: np.ndarray, index: pd.DataFrame, settings: Figure3, seed: int) -> np.ndarray:
    """Rows of the frame array: `settings.frames` random ones of each of `settings.clips` random clips, int64, sorted.

    Only frames of which each of `numbers` (bool [dim]) is known are drawn. Each clip has a generator of its own, so
    that its frames stay the same when other clips come.
    """
    clips = sorted(index["clip_id"].unique(), key=lambda clip: draw_order(clip, seed))[: settings.clips]
    chosen = [np.empty(0, dtype=np.int64)]
    for clip, runs in index[index["clip_id"].isin(clips)].groupby("clip_id"):
        starts, lengths = runs["row"].to_numpy(), runs["frames"].to_numpy()
        rows = np.concatenate([np.arange(*ends) for ends in zip(starts, starts + lengths, strict=True)])
        known = rows[~np.isnan(frames[rows][:, numbers]).any(axis=1)]
        generator = np.random.default_rng(draw_order(str(clip), seed))
        chosen.append(generator.choice(known, min(settings.frames, len(known)), replace=False))
    return np.sort(np.concatenate(chosen))


def draw_order(clip: str, seed: int) -> int:
    """A number that puts clips in an order at random, the same when other clips come."""
    return int.from_bytes(hashlib.sha256(f"{seed} {clip}".encode()).digest()[:8], "big")


def grouped(points: np.ndarray, settings: Figure3, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places on the map [n, 2] and cluster of each point [n], -1 for none; numbered from the largest cluster.

    The perplexity is a third of the points where there are few.
    """
    if len(points) < LEAST:
        return np.empty((0, 2)), np.empty(0, dtype=np.int64)
    perplexity = min(settings.perplexity, (len(points) - 1) / 3)
    with threadpool_limits(1):  # sums in another order are other numbers
        places = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(points)
        labels = clusters(places, settings.neighbours, seed)
    sizes = pd.Series(labels[labels >= 0]).value_counts()
    number = {label: position for position, label in enumerate(sizes.index)}
    return places, np.array([number.get(label, -1) for label in labels])


def clusters(places: np.ndarray, neighbours: int, seed: int) -> np.ndarray:
    """DBSCAN labels [n], -1 for none, with the radius that separates best; the paper publishes no radius.

    Radii from 1 to 8 times the median distance to the `neighbours`-th neighbour are tried; the best has the highest
    mean silhouette times the share of points that are in a cluster.
    """
    distances = NearestNeighbors(n_neighbors=neighbours).fit(places).kneighbors()[0][:, -1]
    best, best_score = np.zeros(len(places), dtype=np.int64), -np.inf
    for radius in np.median(distances) * np.geomspace(1, 8, 13):
        labels = DBSCAN(eps=radius, min_samples=neighbours).fit_predict(places)
        inside = labels >= 0
        if len(set(labels[inside])) < 2:
            continue
        few = min(SILHOUETTE_POINTS, int(inside.sum()))
        score = inside.mean() * silhouette_score(places[inside], labels[inside], sample_size=few, random_state=seed)
        if score > best_score:
            best, best_score = labels, score
    return best


def _panel(axes: Axes, part: str, places: np.ndarray, labels: np.ndarray) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(GREY)
    count = int(labels.max(initial=-1)) + 1
    title = f"{part}: {count} clusters in {len(labels):,} frames (published: {PUBLISHED_CLUSTERS[part]})"
    axes.set_title(title, loc="left")
    if not len(places):
        axes.text(0.5, 0.5, "not available: too few frames", ha="center", va="center", transform=axes.transAxes)
        return
    axes.margins(0.09)
    size = float(np.clip(4000 / len(places), 3, 18))
    outside = places[labels < 0]
    axes.scatter(outside[:, 0], outside[:, 1], s=size / 2, color=GREY, linewidths=0)
    for cluster in range(count):
        inside = places[labels == cluster]
        again = cluster // len(PALETTE)  # a colour that comes again has another marker
        colour, marker = PALETTE[cluster % len(PALETTE)], MARKERS[(cluster + again) % len(MARKERS)]
        axes.scatter(inside[:, 0], inside[:, 1], s=size, color=colour, marker=marker, linewidths=0, alpha=0.85)
        _number(axes, inside, cluster + 1)


def _meshes(figure: Figure, part: str, figures: Figures, frames: np.ndarray, left: float) -> str:
    """A mesh a cluster, framed in its colour and numbered, below the map; returns which model they are of."""
    if not len(frames):
        return ""
    if part == "face":
        layout = OPEN_FACE if frames.shape[1] == OPEN_FACE.dim else FLAME_FACE
        pictures, caption = faces(figures, features_of(frames, layout), MESH_PX, layout)
    else:
        pictures, caption = bodies(figures, features_of(frames, SMPLX_BODY), MESH_PX)
    for cluster, picture in enumerate(pictures):
        row, column = divmod(cluster, IN_A_ROW)
        x, y = left + column * CELL / PAGE, 1 - (3.5 + (row + 1) * CELL) / HEIGHT
        axes = figure.add_axes((x, y, (CELL - 0.05) / PAGE, (CELL - 0.05) / HEIGHT))
        axes.imshow(picture, interpolation="antialiased")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color=PALETTE[cluster % len(PALETTE)], linewidth=1.2)
        axes.text(0.04, 0.95, str(cluster + 1), weight="bold", size=7, va="top", transform=axes.transAxes)
    return caption


def _number(axes: Axes, points: np.ndarray, number: int) -> None:
    """Write a cluster's number, and its size, above it."""
    axes.annotate(
        f"$\\mathbf{{{number}}}$  {len(points):,}",
        (points[:, 0].mean(), points[:, 1].max()),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        size=6.5,
        zorder=5,
        path_effects=[withStroke(linewidth=2, foreground="white")],
    )
