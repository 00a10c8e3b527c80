"""One page of what a run made, found and cost. It needs no other file, no network and no script."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

from nonverbal.paper.comparison import number
from nonverbal.provenance.cost import read_cost
from nonverbal.report.contents import DISTRIBUTIONS, NO_VIDEOS, SECTIONS, Part, Section
from nonverbal.report.distributions import Histogram, histograms
from nonverbal.report.documents import Document, read_document
from nonverbal.report.embed import Picture, read_picture
from nonverbal.report.jobs import Job, Jobs, when
from nonverbal.report.samples import MB, Sample, read_samples
from nonverbal.report.settings import Report
from nonverbal.schema import read_rows

COUNTED = {  # keys of statistics.json that the page begins with
    "channels": "channels",
    "videos": "videos",
    "dialogues": "clips",
    "turns": "turns",
    "unique_words": "different words",
    "nonverbal_expressions": "nonverbal expressions",
}


def report(
    parts: list[Path], crate: Path, captions: list[Path], template: Path, style: Path, page: Path, settings: Report,
    decisions: dict[str, dict[str, Any]], published: bool,
) -> None:  # fmt: skip
    """Write the page.

    Args:
        parts: files and folders that the page may show; what it has a place for and is not among them, it says so.
        crate: metadata of the run's RO-Crate.
        captions: NAME.rst with a caption of each part of that name; `snakemake.params` are those of its job.
        template, style: of the page.
        page: HTML to write, `RESULTS/report/report.html`.
        settings: how much it may hold.
        decisions: settings of the rules whose thresholds are drawn.
        published: whether the run started from published records.
    """
    made = Page(parts, crate, captions, settings, decisions, published, page.parents[1])
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    content = made.content()
    text = environment.from_string(template.read_text("utf-8"))
    rendered = text.render(**content, style=style.read_text("utf-8"), size="0.0 MB")
    size = f"{len(rendered.encode()) / MB:.1f} MB"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text.render(**content, style=style.read_text("utf-8"), size=size), "utf-8")


@dataclass
class Step:
    """A filter of the funnel."""

    stage: str
    name: str
    unit: str
    came: int
    kept: int
    reasons: list[tuple[str, int]]


@dataclass
class Shown:
    """A part with what is drawn of it; `missing` says why there is nothing."""

    part: Part
    name: str
    job: Job | None = None
    missing: str = ""
    caption: str = ""
    picture: Picture | None = None
    document: Document | None = None
    steps: list[Step] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    histograms: list[tuple[Any, Histogram | None]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)


class Page:
    """What the template is given; arguments as of `report`, and the results folder."""

    def __init__(
        self, parts: list[Path], crate: Path, captions: list[Path], settings: Report,
        decisions: dict[str, dict[str, Any]], published: bool, results: Path,
    ) -> None:  # fmt: skip
        self.settings, self.decisions, self.published, self.results = settings, decisions, published, results
        self.files = {str(path.relative_to(results)): path for path in parts}
        self.captions = {path.stem: path for path in captions}
        self.jobs = Jobs(results, crate)

    def content(self) -> dict[str, Any]:
        """The variables of the template."""
        sections = [*SECTIONS, *self._others()]
        shown = [(section, [self._show(part) for part in section.parts]) for section in sections]
        made = [part for _, parts in shown for part in parts if part.job]
        return {
            "sections": shown,
            "made": made,
            "facts": self._facts(),
            "backends": self._backends(),
            "run": self._run(),
        }

    def _others(self) -> Iterator[Section]:
        """A section of what no part asks for, so that nothing that was made is left out."""
        known = {part.path for section in SECTIONS for part in section.parts}
        stems = sorted({str(Path(name).with_suffix("")) for name in self.files if name.endswith((".png", ".md"))})
        rest = [
            Part("figure" if f"{stem}.png" in self.files else "table", stem, Path(stem).name.replace("_", " "))
            for stem in stems
            if stem not in known
        ]
        if rest:
            yield Section("others", "Also made", "What the run made besides.", tuple(rest))

    def _show(self, part: Part) -> Shown:
        shown = Shown(part, (part.path or part.kind).replace("/", "-").replace(".", "-"), job=self.jobs.of(part.path))
        if part.kind == "jobs":
            return shown
        getattr(self, f"_{part.kind}")(shown)
        shown.caption = self._caption(shown)
        return shown

    def _caption(self, shown: Shown) -> str:
        """The caption of a part with the params of the job that made it; "" where there is none."""
        path = self.captions.get(Path(shown.part.path).name)
        if path is None:
            return ""
        text = jinja2.Environment(undefined=jinja2.ChainableUndefined).from_string(path.read_text("utf-8"))  # noqa: S701 - the page escapes it
        params = shown.job.params if shown.job else {}
        return " ".join(text.render(snakemake={"params": params}).split())

    def _lacking(self, part: Part) -> str:
        if self.published:
            return f"Not made in this run. {NO_VIDEOS}"
        return f"Not made in this run. {part.absent or 'Its rule has not run.'}"

    def _figure(self, shown: Shown) -> None:
        path = self.files.get(f"{shown.part.path}.png")
        if path is None:
            shown.missing = self._lacking(shown.part)
            return
        shown.picture = read_picture(path, self.settings.picture_px)
        self._table(shown)
        shown.missing = ""

    def _table(self, shown: Shown) -> None:
        path = self.files.get(f"{shown.part.path}.md")
        shown.document = read_document(path) if path else None
        shown.missing = "" if path else self._lacking(shown.part)
        shown.links = self._links(shown.part.path)

    def _links(self, stem: str) -> list[tuple[str, str]]:
        """The files of a part in full, by kind."""
        endings = ("png", "pdf", "csv", "md", "tex", "json")
        return [
            (ending.upper(), f"../{stem}.{ending}")
            for ending in endings
            if (self.results / f"{stem}.{ending}").is_file()
        ]

    def _funnel(self, shown: Shown) -> None:
        path = self.files.get(shown.part.path)
        if path is None:
            shown.missing = self._lacking(shown.part)
            return
        rows = read_rows(path, "funnel")
        for _, group in groupby(rows, key=lambda row: (row["stage"], row["filter"])):
            first, *others = group
            reasons = [(row["reason"], row["dropped"]) for row in (first, *others) if row["dropped"]]
            shown.steps.append(
                Step(first["stage"], first["filter"], first["unit"], first["in"], first["kept"], reasons)
            )
        shown.links = [("Parquet", f"../{shown.part.path}")]

    def _distributions(self, shown: Shown) -> None:
        patterns = {one.path: self._matching(one.path) for one in DISTRIBUTIONS}
        shown.histograms = list(histograms(DISTRIBUTIONS, patterns, self.decisions))
        if not any(found for _, found in shown.histograms):
            shown.missing = self._lacking(shown.part)

    def _matching(self, pattern: str) -> list[Path]:
        return [path for name, path in sorted(self.files.items()) if fnmatch(name, pattern)]

    def _samples(self, shown: Shown) -> None:
        folder = self.files.get(shown.part.path)
        shown.samples = list(read_samples(folder, self._matching, self.settings)) if folder else []
        if not shown.samples:
            shown.missing = self._lacking(shown.part)

    @cached_property
    def _statistics(self) -> dict[str, Any]:
        path = self.files.get("dataset/statistics/statistics.json")
        return json.loads(path.read_bytes()) if path else {}

    def _facts(self) -> list[tuple[str, str]]:
        """The dataset in a few numbers, each with what it counts."""
        return [(number(self._statistics[key]), name) for key, name in COUNTED.items() if key in self._statistics]

    def _backends(self) -> dict[str, str]:
        found = self._statistics.get("backends", {})
        return {step.replace("_", " "): backend for step, backend in sorted(found.items())}

    def _run(self) -> dict[str, Any]:
        """When, where and with what the run was made."""
        records = self.jobs.records
        path = self.files.get("provenance/cost/cost.json")
        cost = read_cost(path) if path else None  # counts no job of the demonstration's own
        jobs = sum(rule.jobs for rule in cost.rules) if cost else len(records)
        cpu_s = sum(rule.cpu_s for rule in cost.rules) if cost else sum(one.get("cpu_s") or 0 for one in records)
        return {
            "began": when(min(one["started"] for one in records)), "ended": when(max(one["ended"] for one in records)),
            "jobs": jobs, "commits": sorted({one["git"]["commit"] or "unknown" for one in records}),
            "dirty": any(one["git"]["dirty"] for one in records), "python": sorted({one["python"] for one in records}),
            "cpu_hours": number(cpu_s / 3600, digits=2),
            "cost": cost, "published": self.published,
        }  # fmt: skip
