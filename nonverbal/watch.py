"""How far a run is: python -m nonverbal.watch RESULTS [--every SECONDS]; reads only what the jobs have written."""

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from nonverbal.errors import UserError

TRAININGS = ("tokenizers/train_tokenizer", "mars/train_mars")
# what a training logs of its steps: date and time, steps done, steps in all, and what it tells of them
STEP = re.compile(r"^(\S+ \S+),\d+ INFO .*\bstep (\d+)/(\d+)[:,] (.*)$", re.MULTILINE)


class Done(NamedTuple):
    """A rule's shards that are done: how many, when the first began and the last ended (Unix time), their units."""

    shards: int
    began: float
    ended: float
    units: float


class Training(NamedTuple):
    """How far a training is: which, steps done of how many at most, steps a second, what it said last and when."""

    name: str
    steps: int
    total: int
    rate: float
    said: str
    at: float


def watch(results: Path, console: Console, now: float) -> None:
    """Print rules over shards, trainings that are not done yet, and what was dropped and why.

    Args:
        results: folder of a run, which may be going on.
        console: where to.
        now: Unix time.

    Raises:
        UserError: no run has listed its videos, or read published records, there yet.
    """
    name, units = units_of(results)
    title = f"{results}, {datetime.fromtimestamp(now):%Y-%m-%d %H:%M:%S}: {sum(units.values()):.0f} {name}"
    table = Table(title=title)
    for column in ("rule", "shards", name, f"{name} an hour", "ends"):
        table.add_column(column, justify="left" if column == "rule" else "right")
    for rule, done in sorted(rules_done(results, units).items(), key=lambda item: item[1].began):
        rate = done.units / max(done.ended - done.began, 1)  # a second
        ends = "done" if done.shards == len(units) else _end(now, sum(units.values()) - done.units, rate)
        table.add_row(rule, f"{done.shards}/{len(units)}", f"{done.units:.0f}", f"{3600 * rate:,.0f}", ends)
    console.print(table)
    for one in trainings(results):
        end = _end(one.at, one.total - one.steps, one.rate)
        ends = f", {3600 * one.rate:,.0f} an hour, ends by {end}" if end else ""
        said = f"{datetime.fromtimestamp(one.at):%d %b %H:%M}: {one.said}"
        console.print(f"{one.name}: step {one.steps}/{one.total}{ends}; {said}")
    for rule, reasons in dropped(results):
        console.print(f"{rule}: dropped " + ", ".join(f"{number} {reason}" for reason, number in reasons.most_common()))


def _end(now: float, left: float, rate: float) -> str:
    return f"{datetime.fromtimestamp(now + left / rate):%d %b %H:%M}" if rate else ""


def units_of(results: Path) -> tuple[str, dict[str, float]]:
    """What the run is made of, videos or published records, and how many each shard has.

    A shard of records that was not read yet counts as the mean of those that were.
    """
    files = sorted((results / "collect" / "channels").glob("[0-9]*.parquet"))
    if files:
        return "videos", {file.stem: pq.read_metadata(file).num_rows for file in files}
    jobs = [json.loads(path.read_text()) for path in sorted(_records(results, "read_records"))]
    if not jobs:
        raise UserError(
            f"{results} has no list of videos (collect/channels) and no published records "
            "(tokenizers/read_records) yet; write the results folder of a run"
        )
    folder = results / "tokenizers" / "read_records"
    read = {shard: folder / shard / "records.parquet" for shard in (job["wildcards"]["shard"] for job in jobs)}
    known = {shard: float(pq.read_metadata(file).num_rows) for shard, file in read.items() if file.exists()}
    mean = sum(known.values()) / max(len(known), 1)
    shards = (f"{shard:05d}" for shard in range(jobs[-1]["params"]["shards"]))
    return "records", {shard: known.get(shard, mean) for shard in shards}


def rules_done(results: Path, units: dict[str, float]) -> dict[str, Done]:
    """What the run records of the rules over shards say."""
    done = {}
    for folder in sorted((results / "provenance" / "jobs").glob("*")):
        records = [json.loads(path.read_text()) for path in _records(results, folder.name)]
        if records:
            shards = {record["wildcards"]["shard"] for record in records} & units.keys()
            times = [record["started"] for record in records], [record["ended"] for record in records]
            done[folder.name] = Done(len(shards), min(times[0]), max(times[1]), sum(units[one] for one in shards))
    return done


def _records(results: Path, rule: str) -> list[Path]:
    return sorted((results / "provenance" / "jobs" / rule).glob("shard=*.json"))


def trainings(results: Path) -> Iterator[Training]:
    """Trainings that have begun and not ended, from their logs: a log that is older than its job's record is done."""
    for rule in TRAININGS:
        ended = {
            "-".join(job["wildcards"][key] for key in ("part", "row", "repeat") if key in job["wildcards"]): job[
                "ended"
            ]
            for path in (results / "provenance" / "jobs" / Path(rule).name).glob("*.json")
            if (job := json.loads(path.read_text()))
        }
        for file in sorted((results / "logs" / rule).glob("*.log")):
            at = file.stat().st_mtime
            steps = STEP.findall(file.read_text(errors="replace"))
            if not steps or at <= ended.get(file.stem, 0):
                continue
            (first, begun, _, _), (last, now, total, said) = steps[0], steps[-1]
            seconds = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
            rate = (int(now) - int(begun)) / max(seconds, 1)
            yield Training(f"{Path(rule).name} {file.stem}", int(now), int(total), rate, said, at)


def dropped(results: Path) -> Iterator[tuple[str, Counter[str]]]:
    """Each rule that decides, with how many units of the shards that are done it dropped for which reason."""
    deciding = {folder.name: folder.glob("*/keep_*.parquet") for folder in sorted(results.glob("*/keep_*"))}
    for table in ("records", "keep_utterances"):
        deciding[f"read_records {table}"] = results.glob(f"tokenizers/read_records/*/{table}.parquet")
    for name, files in deciding.items():
        rows = [row for file in files for row in pq.read_table(file, columns=["kept", "reason"]).to_pylist()]
        if reasons := Counter(row["reason"] for row in rows if not row["kept"]):
            yield name, reasons


def main(arguments: list[str]) -> None:
    """Print once, or again and again until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m nonverbal.watch", description="How far a run is.")
    parser.add_argument("results", type=Path, help="results folder of a run")
    parser.add_argument("--every", type=float, help="seconds between two looks; left out, one look")
    given = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 100, markup=False)  # names in [brackets] are no style
    while True:
        if console.is_terminal and given.every:
            console.clear()
        watch(given.results, console, time.time())
        if not given.every:
            return
        time.sleep(given.every)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
