"""How often each emotion is, of all actors, of men and of women, beside percentages that are given."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nonverbal.errors import UserError
from nonverbal.paper.comparison import Comparison
from nonverbal.paper.style import BLUE, COLUMN, INK, ORANGE, new_figure, save, shown
from nonverbal.schema import read_given
from nonverbal.studio.labels import GROUPS, UNKNOWN, plain, turns

COLOURS = {"all": "#8A9099", "men": BLUE, "women": ORANGE}
NO_REFERENCE = (
    "No published value: the corpus is compared with percentages of a source that is not known here; name a file of "
    "them in studio.emotion_frequencies.reference."
)


def emotion_frequencies(
    emotions: list[Path], actors: list[Path], reference: list[Path], csv: Path, md: Path, tex: Path, png: Path,
    pdf: Path,
) -> None:  # fmt: skip
    """Write the shares beside the reference's, and draw them.

    Args:
        emotions: tables of that name, of all shards.
        actors: files of the actors' genders, perhaps none.
        reference: file of percentages to compare with, or none.
        csv, md, tex: the shares.
        png, pdf: the figure.
    """
    rows = turns(emotions, actors)
    given = read_reference(reference)
    ours = shares(rows, given["row"])
    table = Comparison(
        name="emotion_frequencies",
        title="Emotions of turns",
        heads=("emotion", "of"),
        labels={group: f"{group} (%)" for group in GROUPS},
        paper=given,
        ours={(label, "turns", group): share for (label, group), share in ours.items()},
        notes=notes(rows, given),
    )
    table.write(csv, md, tex)
    save(drawn(ours, given), png, pdf)


def shares(rows: pd.DataFrame, also: Iterable[str] = ()) -> dict[tuple[str, str], float]:
    """Percentage of the turns of each group that have each label; groups without a turn and turns without one are left
    out.

    Args:
        rows: as `turns` gives them.
        also: labels that are told, though no turn may have them.

    Returns:
        (label, group) -> percent, the most frequent label first.
    """
    known = rows[rows["label"] != UNKNOWN]
    found = {}
    frequent = known["label"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index
    for label in dict.fromkeys([*frequent, *also]):
        for group in GROUPS:
            part = known if group == "all" else known[known["group"] == group]
            if len(part):
                found[label, group] = 100 * float((part["label"] == label).mean())
    return found


def read_reference(paths: list[Path]) -> pd.DataFrame:
    """Percentages to compare with, as `Comparison` takes published numbers; no row where there is no file.

    Raises:
        UserError: the file is no CSV, or columns, group, percentage or source are wrong.
    """
    columns = ["row", "group", "metric", "value", "scale", "unit", "note", "source"]
    if not paths:
        return pd.DataFrame(columns=columns).astype({"value": float, "scale": float})
    (path,) = paths
    name = "studio.emotion_frequencies.reference"
    key, table = f"config key {name}: {path}", read_given(path, name, ["emotion", "group", "percent", "source"])
    table["value"] = pd.to_numeric(table["percent"], errors="coerce")
    if not (table["value"].between(0, 100).all() and table["group"].isin(GROUPS).all()):
        raise UserError(f"{key}: write percentages of 0 to 100, and all, men or women as the group")
    if table["source"].str.strip().eq("").any():
        raise UserError(f"{key}: write where each percentage is from in the column source")
    table["row"] = table["emotion"].map(plain)
    if table.duplicated(["row", "group"]).any():
        raise UserError(f"{key}: write one percentage an emotion and group")
    return table.assign(metric=table["group"], group="turns", scale=1.0, unit="%", note="")[columns]


def notes(rows: pd.DataFrame, reference: pd.DataFrame) -> list[str]:
    """What the shares are of, how far the classifier agrees with the script, and what they are compared with."""
    said = {group: int((rows["group"] == group).sum()) for group in (*GROUPS, "")}
    written, unknown = rows["script"] != "", rows["label"] == UNKNOWN
    counted = [
        f"Turns: {len(rows):,}; dialogues: {rows['dialogue_id'].nunique():,}, each counted once however many cameras "
        f"recorded it. {written.sum():,} have the script's label, {(~written & ~unknown).sum():,} the classifier's, "
        f"{unknown.sum():,} none and are left out.",
        f"{said['men']:,} turns are of men, {said['women']:,} of women, and of {said['']:,} no file of actors says it.",
        "A label is counted under its own name; what the script calls other is no emotion of the list.",
    ]
    both = rows[written & (rows["told"] != UNKNOWN)]
    agreed = int((both["script"] == both["told"]).sum())
    counted.append(
        f"The classifier says something of {len(both):,} turns with a script's label, the same of {agreed:,}."
    )
    sources = sorted(set(reference["source"]))
    return [*counted, f"Published: {'; '.join(sources)}." if sources else NO_REFERENCE]


def drawn(ours: dict[tuple[str, str], float], reference: pd.DataFrame) -> Figure:
    """A row of bars a label, a bar a group, and a stroke where the reference is."""
    labels = list(dict.fromkeys(label for label, _ in ours))
    groups = [group for group in GROUPS[1:] if any(one == group for _, one in ours)] or ["all"]
    figure = new_figure(COLUMN, 0.75 + 0.24 * max(len(labels), 3))
    axes = figure.add_axes((0.33, 0.42 / figure.get_figheight(), 0.63, 1 - 0.72 / figure.get_figheight()))
    thick = 0.72 / len(groups)
    published = reference.set_index(["row", "metric"])["value"].to_dict()
    named = "reference"  # in the legend once
    for number, group in enumerate(groups):
        places = np.arange(len(labels)) + (number - (len(groups) - 1) / 2) * thick
        values = [ours.get((label, group), 0) for label in labels]
        axes.barh(places, values, thick * 0.92, color=COLOURS[group], label=group)
        for label, place in zip(labels, places, strict=True):
            if (label, group) in published:
                ends = [place - thick / 2, place + thick / 2]
                axes.plot([published[label, group]] * 2, ends, color=INK, lw=1.6, label=named)
                named = ""
    axes.set_yticks(range(len(labels)), [shown(label, 20) for label in labels], parse_math=False)
    axes.set_ylim(max(len(labels), 1) - 0.5, -0.5)
    axes.set_xlabel("share of the turns (%)")
    axes.spines[["top", "right"]].set_visible(False)
    if labels:
        figure.legend(loc="upper right", ncols=3, frameon=False, bbox_to_anchor=(0.99, 1.0), borderaxespad=0.2)
    else:
        axes.text(0.5, 0.5, "no turn has a label", transform=axes.transAxes, ha="center", va="center")
    return figure
