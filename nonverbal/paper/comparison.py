"""A table of the paper beside ours: tidy CSV, and Markdown and LaTeX for people."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from nonverbal.paper.markup import Block, latex, markdown
from nonverbal.paper.spreadsheet import inert

MISSING = "not available"
YES_NO = "yes (1) or no (0)"
MEASURES = {"m", "m^2", "s", "nat"}  # units that a label gives; the others are in its words
WIDE = 6  # metrics that fit across a page
Key = tuple[str, str, str]
KEY = ["row", "group", "metric"]


def published(path: Path) -> pd.DataFrame:
    """The paper's numbers of one table, resources/paper/tableN.csv: `value` as printed, times `scale`, is in `unit`."""
    table = pd.read_csv(path, keep_default_na=False, dtype=str)
    return table.astype({"value": float, "scale": float})


@dataclass(frozen=True)
class Comparison:
    """Published numbers and ours.

    Attributes:
        name: LaTeX label.
        title: what the table shows.
        heads: what row and group are called.
        labels: metric -> its name.
        paper: as `published` reads it.
        ours: (row, group, metric) -> number in the published unit, unscaled; None where it could not be had.
        notes: sentences below the table.
        panels: the metrics of each grid; () puts all into one.
        deviations: standard deviations of ours, where they are means of several runs.
    """

    name: str
    title: str
    heads: tuple[str, str]
    labels: Mapping[str, str]
    paper: pd.DataFrame
    ours: Mapping[Key, float | None]
    notes: Sequence[str]
    panels: Sequence[Sequence[str]] = ()
    deviations: Mapping[Key, float] = field(default_factory=dict)

    def tidy(self) -> pd.DataFrame:
        """One row a number: KEY, unit, scale, published, ours, difference (ours - published), note, source, known, run.

        `known`: the paper has it. `run`: we have it, or tried.
        """
        paper = self.paper.assign(published=self.paper["value"] * self.paper["scale"], known=True)
        known = set(_keys(paper))
        own = pd.DataFrame([key for key in self.ours if key not in known], columns=KEY)
        like = paper.drop_duplicates("metric").set_index("metric")[["unit", "scale"]]
        own = own.join(like, on="metric").fillna({"unit": "", "scale": 1.0}).assign(known=False, note="", source="")
        table = pd.concat([paper, own], ignore_index=True) if len(own) else paper
        table["ours"] = pd.Series([self.ours.get(key) for key in _keys(table)], dtype=float, index=table.index)
        table["deviation"] = pd.Series(
            [self.deviations.get(key) for key in _keys(table)], dtype=float, index=table.index
        )
        table["difference"] = table["ours"] - table["published"]
        table["run"] = [key in self.ours for key in _keys(table)]
        return table

    def blocks(self) -> Iterator[Block]:
        """Published beside ours; ours that is not published; published that was not run here."""
        table = self.tidy()
        both = table[table["known"] & table["run"]]
        header = [*self.heads, "metric", "published", "ours", "difference"]
        yield Block("Published and ours", header, [self._compared(row) for row in both.to_dict("records")])
        yield from self._grids("Ours, not published", table[table["run"] & ~table["known"]], "ours", digits=4)
        yield from self._grids("Published, not run here", table[table["known"] & ~table["run"]], "published", digits=6)

    def _compared(self, row: dict) -> list[str]:
        unit, scale = row["unit"], row["scale"]
        printed, ours = number(row["published"] / scale, unit, 6), _with_deviation(row, "ours")
        difference = ("+" if row["difference"] > 0 else "") + number(row["difference"] / scale)
        return [row["row"], row["group"], self._label(row["metric"], scale, unit), printed, ours, difference]

    def _grids(self, heading: str, table: pd.DataFrame, column: str, digits: int) -> Iterator[Block]:
        """Rows and groups down, metrics across, or turned where that is narrower; a dash where nothing belongs."""
        records = table.to_dict("records")
        for panel in self.panels or [list(self.labels)]:
            cells: dict[tuple[str, str], dict[str, str]] = {}
            labels: dict[str, str] = {}
            for record in (record for record in records if record["metric"] in panel):
                shown = _with_deviation(record, column, digits)
                cells.setdefault((record["row"], record["group"]), {})[record["metric"]] = shown
                labels[record["metric"]] = self._label(record["metric"], record["scale"], record["unit"])
            metrics = [metric for metric in panel if metric in labels]
            if len(metrics) > WIDE and len(cells) < len(metrics):
                rows = [[labels[metric], *(values.get(metric, "–") for values in cells.values())] for metric in metrics]
                yield Block(heading, ["metric", *_names(list(cells))], rows)
            elif metrics:
                rows = [[*key, *(values.get(metric, "–") for metric in metrics)] for key, values in cells.items()]
                yield Block(heading, [*self.heads, *(labels[metric] for metric in metrics)], rows)

    def _label(self, metric: str, scale: float, unit: str) -> str:
        """Name of a metric, with the power of ten and the unit its numbers are in."""
        power = "" if scale == 1 else f"10^{round(math.log10(scale))}"
        shown = " ".join(part for part in (power, unit if unit in MEASURES else "") if part)
        return f"{self.labels[metric]} ({shown})" if shown else self.labels[metric]

    def _remarks(self, table: pd.DataFrame) -> Iterator[str]:
        """The notes of the published numbers; one that is on many numbers of a row is said once."""
        noted = table[table["note"] != ""]
        for (row, group, note), part in noted.groupby(["row", "group", "note"], sort=False):
            name = ", ".join(self.labels[metric] for metric in part["metric"]) if len(part) < 3 else group
            yield f"{row}, {name}: {note}."

    def write(self, csv: Path, md: Path, tex: Path) -> None:
        """Write the three files."""
        table = self.tidy()
        columns = [*KEY, "unit", "published", "ours", "difference", "note", "source"]
        if self.deviations:
            columns.insert(columns.index("difference"), "deviation")
        inert(table[columns]).to_csv(csv, index=False, na_rep=MISSING, float_format="%.10g", lineterminator="\n")
        blocks = [block for block in self.blocks() if block.rows]
        remarks = [*self.notes, *self._remarks(table)]
        md.write_text(markdown(self.title, blocks, remarks))
        tex.write_text(latex(self.name, self.title, blocks, remarks))


def _names(cells: list[tuple[str, str]]) -> list[str]:
    """Names of columns: what tells them apart, of row and group."""
    rows, groups = ({cell[i] for cell in cells} for i in (0, 1))
    return [group if len(rows) == 1 < len(groups) else row for row, group in cells]


def _keys(table: pd.DataFrame) -> Iterator[Key]:
    return table[KEY].itertuples(index=False, name=None)


def _with_deviation(row: dict, column: str, digits: int = 4) -> str:
    """A number of a row in its scale, with ours' standard deviation where there is one."""
    shown = number(row[column] / row["scale"], row["unit"], digits)
    off = row["deviation"]
    return shown if column != "ours" or pd.isna(off) else f"{shown} ± {number(off / row['scale'], digits=2)}"


def number(value: float, unit: str = "", digits: int = 4) -> str:
    """A number as people read it: whole, or so many digits, thousands separated; `not available` for NaN."""
    if pd.isna(value):
        return MISSING
    if unit == YES_NO:
        return "yes" if value else "no"
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.{digits}g}"
