"""What a run cost, by rule: processor and GPU time, memory, bytes; what `plan` foretells another run from."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from nonverbal.paper.comparison import number
from nonverbal.paper.markup import Block, markdown
from nonverbal.provenance.hashes import files_of
from nonverbal.provenance.settings import Budget, Prices
from nonverbal.schema import read_table
from nonverbal.settings import Settings

PER_VIDEO = {"channels", "thumbnails", "keep_people"}
PER_SOURCE_HOUR = {"collect", "studio", "speech"}  # stages, as below, where a rule may stand for itself too
PER_KEPT_HOUR = {"speakers", "cues", "dataset", "publication", "tokenizers", "mars", "sentiment"}
AT_ONCE = {  # they measure a sample of one size
    "evaluate_tokenizer", "base", "generate", "evaluate_mars", "evaluate_motion", "evaluate_ablation",
}  # fmt: skip
HOUR = 3600.0


class RuleCost(Settings):
    """What all jobs of a rule cost together."""

    stage: str
    rule: str
    unit: str
    """What the cost grows with: a volume's name, or `run` where it does not grow."""
    jobs: int
    sharded: bool
    """Whether the rule has a job a shard."""
    startup_cpu_s: float
    """Processor seconds before the jobs began: imports."""
    cpu_s: float
    """Processor seconds in all."""
    gpu_s: float
    """GPU seconds held."""
    wall_s: float
    peak_mb: float
    """Of the job that held most."""
    gb: float
    """Gigabytes of its results."""
    settings: dict[str, Any]
    """The config's values that it read, by key."""


class Volume(Settings):
    """How much a run worked on."""

    videos: float = Field(ge=0)
    source_hours: float = Field(ge=0)
    kept_hours: float = Field(ge=0)

    def __str__(self) -> str:
        """For people."""
        videos, source, kept = map(number, (self.videos, self.source_hours, self.kept_hours))
        return f"{videos} videos, {source} hours of media, {kept} hours of clips kept"


class Cost(Settings):
    """What a run cost."""

    machine: str
    """Where it ran."""
    volume: Volume
    rules: list[RuleCost]


def cost(
    ledger: Path, channels: Path, download: list[Path], clips: list[Path], keep_safe: list[Path],
    cost: Path, csv: Path, md: Path, settings: Budget,
) -> None:  # fmt: skip
    """Add up what the jobs of a run's artifacts cost; jobs of which nothing is left do not count.

    Args:
        ledger: the run's.
        channels, download, clips, keep_safe: decision tables of all shards.
        cost: JSON to write, a `Cost`.
        csv, md: tables by rule and by stage to write.
        settings: prices.
    """
    safe = read_table(keep_safe, "keep_safe")
    cut = read_table(clips, "clips").merge(safe.loc[safe["kept"], ["clip_id"]])
    fetched = read_table(download, "download")
    volume = Volume(
        videos=int(read_table(channels, "channels")["kept"].sum()),
        source_hours=fetched.loc[fetched["kept"], "duration_s"].sum() / HOUR,
        kept_hours=(cut["end_s"] - cut["start_s"]).sum() / HOUR,
    )
    table = read_table(ledger, "ledger")
    spent = Cost(machine=_machine(table), volume=volume, rules=rule_costs(table))
    cost.write_text(spent.model_dump_json(indent=1) + "\n")
    rows = by_rule(spent)
    rows.to_csv(csv, index=False, float_format="%.6g", lineterminator="\n")
    md.write_text(as_markdown(spent, settings.prices), "utf-8")


def rule_costs(ledger: pd.DataFrame) -> list[RuleCost]:
    """The cost of each rule but the demonstration's own, in the order in which they began."""
    ledger = ledger[~ledger["function"].str.startswith("nonverbal.demo.")]
    ledger = ledger.assign(job=ledger["wildcards"].map(lambda pairs: json.dumps([list(p.values()) for p in pairs])))
    rules = sorted(ledger.groupby("rule"), key=lambda group: group[1]["started"].min())
    return [_rule_cost(str(rule), artifacts) for rule, artifacts in rules]


def _rule_cost(rule: str, artifacts: pd.DataFrame) -> RuleCost:
    jobs = artifacts.drop_duplicates("job")
    wall = (jobs["ended"] - jobs["started"]).dt.total_seconds()
    first = jobs.iloc[0]
    stage = str(first["function"]).split(".")[1]
    return RuleCost(
        stage=stage,
        rule=rule,
        unit=unit_of(stage, rule),
        jobs=len(jobs),
        sharded=any(pair["name"] == "shard" for pair in first["wildcards"]),
        startup_cpu_s=jobs["startup_cpu_s"].sum(),
        cpu_s=jobs["cpu_s"].sum(),
        gpu_s=(wall * jobs["gpus"] * (jobs["gpu"] != "")).sum(),
        wall_s=wall.sum(),
        peak_mb=jobs["peak_mb"].max(),
        gb=sum(file.stat().st_size for path in artifacts["path"] for file in files_of(Path(path))) / 1e9,
        settings={pair["name"]: json.loads(pair["value"]) for pair in first["config"]},
    )


def unit_of(stage: str, rule: str) -> str:
    """What a rule's cost grows with."""
    if rule in PER_VIDEO:
        return "videos"
    if rule in AT_ONCE:
        return "run"
    if stage in PER_SOURCE_HOUR:
        return "source_hours"
    return "kept_hours" if {stage, rule} & PER_KEPT_HOUR else "run"


def price(rule: RuleCost, prices: Prices) -> float:
    """What a rule's jobs and results cost."""
    return (
        rule.cpu_s / HOUR * prices.cpu_hour + rule.gpu_s / HOUR * prices.gpu_hour + rule.gb * prices.stored_gb
    )  # a GPU's own cores count as cores


def by_rule(spent: Cost) -> pd.DataFrame:
    """A row a rule."""
    return pd.DataFrame([rule.model_dump(exclude={"settings"}) for rule in spent.rules])


def by_stage(rules: Iterable[RuleCost], prices: Prices) -> pd.DataFrame:
    """By stage, in the rules' order, and of `all`: jobs, cpu_hours, gpu_hours, peak_mb, gb, price."""
    table = pd.DataFrame(
        [
            {
                "stage": rule.stage, "jobs": rule.jobs, "cpu_hours": rule.cpu_s / HOUR, "gpu_hours": rule.gpu_s / HOUR,
                "peak_mb": rule.peak_mb, "gb": rule.gb, "price": price(rule, prices),
            }
            for rule in rules
        ]
    )  # fmt: skip
    how = {"jobs": "sum", "cpu_hours": "sum", "gpu_hours": "sum", "peak_mb": "max", "gb": "sum", "price": "sum"}
    whole = table.assign(stage="all").groupby("stage").agg(how)
    return pd.concat([table.groupby("stage", sort=False).agg(how), whole]).astype(float)


def as_markdown(spent: Cost, prices: Prices) -> str:
    """The table by stage, and what an hour of the dataset cost."""
    stages = by_stage(spent.rules, prices)
    rows = [[str(stage), *map(number, row)] for stage, row in zip(stages.index, stages.to_numpy(), strict=True)]
    header = ["stage", "jobs", "CPU hours", "GPU hours", "largest job, MB", "GB of results", "price"]
    if not any(prices.model_dump().values()):
        header, rows = header[:-1], [row[:-1] for row in rows]
    whole, kept = stages.loc["all"].to_dict(), spent.volume.kept_hours
    notes = [
        f"{spent.volume}; on {spent.machine}.",
        "Of a job that was killed and went on, only the last stretch counts.",
    ]
    if kept:
        each = f"{whole['cpu_hours'] / kept:.3g} CPU hours, {whole['gpu_hours'] / kept:.3g} GPU hours"
        notes.insert(1, f"An hour of kept clips took {each} and {whole['gb'] / kept:.3g} GB, training included.")
    return markdown("What this run cost", [Block("by stage", header, rows)], notes)


def read_cost(path: Path) -> Cost:
    """What rule `cost` wrote."""
    return Cost.model_validate_json(path.read_bytes())


def _machine(ledger: pd.DataFrame) -> str:
    machines = ledger.drop_duplicates("host")
    kinds = " and ".join(sorted({f"{row.processor} with {row.cores} cores" for row in machines.itertuples()}))
    gpus = ", ".join(sorted(set(ledger["gpu"]) - {""})) or "no GPU"
    return f"{len(machines)} machine{'s'[: len(machines) > 1]}, {kinds}, {gpus}"
