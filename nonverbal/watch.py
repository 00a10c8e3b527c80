"""How far a run is: python -m nonverbal.watch RESULTS [--every SECONDS]; reads only what the jobs have written."""

import argparse
import json
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


class Done(NamedTuple):
    """A rule's shards that are done: how many, when the first began and the last ended (Unix time), their videos."""

    shards: int
    began: float
    ended: float
    videos: int


def watch(results: Path, console: Console, now: float) -> None:
    """Print rules over shards with shards done, videos an hour and expected end, then what was dropped and why.

    Args:
        results: folder of a run, which may be going on.
        console: where to.
        now: Unix time.

    Raises:
        UserError: no run has listed its videos there yet.
    """
    videos = videos_of(results)
    table = Table(title=f"{results}, {datetime.fromtimestamp(now):%Y-%m-%d %H:%M:%S}: {sum(videos.values())} videos")
    for column in ("rule", "shards", "videos", "videos an hour", "ends"):
        table.add_column(column, justify="left" if column == "rule" else "right")
    for rule, done in sorted(rules_done(results, videos).items(), key=lambda item: item[1].began):
        rate = done.videos / max(done.ended - done.began, 1)  # a second
        left = sum(videos.values()) - done.videos
        ends = "done" if done.shards == len(videos) else ""
        if rate and not ends:
            ends = f"{datetime.fromtimestamp(now + left / rate):%d %b %H:%M}"
        table.add_row(rule, f"{done.shards}/{len(videos)}", str(done.videos), f"{3600 * rate:,.0f}", ends)
    console.print(table)
    for rule, reasons in dropped(results):
        console.print(f"{rule}: dropped " + ", ".join(f"{number} {reason}" for reason, number in reasons.most_common()))


def videos_of(results: Path) -> dict[str, int]:
    """Shard -> how many videos were listed for it."""
    files = sorted((results / "collect" / "channels").glob("[0-9]*.parquet"))
    if not files:
        raise UserError(f"{results} has no list of videos yet (collect/channels); write the results folder of a run")
    return {file.stem: pq.read_metadata(file).num_rows for file in files}


def rules_done(results: Path, videos: dict[str, int]) -> dict[str, Done]:
    """What the run records of the rules over shards say."""
    done = {}
    for folder in sorted((results / "provenance" / "jobs").glob("*")):
        records = [json.loads(path.read_text()) for path in sorted(folder.glob("shard=*.json"))]
        if records:
            shards = {record["wildcards"]["shard"] for record in records} & videos.keys()
            times = [record["started"] for record in records], [record["ended"] for record in records]
            done[folder.name] = Done(len(shards), min(times[0]), max(times[1]), sum(videos[one] for one in shards))
    return done


def dropped(results: Path) -> Iterator[tuple[str, Counter[str]]]:
    """Each rule that decides, with how many units of the shards that are done it dropped for which reason."""
    for folder in sorted(results.glob("*/keep_*")):
        files = [
            pq.read_table(file, columns=["kept", "reason"]).to_pylist() for file in folder.glob("*/keep_*.parquet")
        ]
        if reasons := Counter(row["reason"] for rows in files for row in rows if not row["kept"]):
            yield folder.name, reasons


def main(arguments: list[str]) -> None:
    """Print once, or again and again until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m nonverbal.watch", description="How far a run is.")
    parser.add_argument("results", type=Path, help="results folder of a run")
    parser.add_argument("--every", type=float, help="seconds between two looks; left out, one look")
    given = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 100)
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
