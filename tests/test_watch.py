"""How far a run is, from what its jobs have written."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from nonverbal.errors import UserError
from nonverbal.watch import Done, rules_done, videos_of, watch

HOUR = 3600.0


def write(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.fixture
def results(tmp_path) -> Path:
    """Four shards of ten videos; clips are cut in two of them, an hour each, one after the other."""
    for shard in range(4):
        write(tmp_path / "collect" / "channels" / f"{shard:05d}.parquet", [{"video_id": str(i)} for i in range(10)])
    write(tmp_path / "collect" / "channels" / "channels.parquet", [{"video_id": "every listed one"}] * 50)
    for shard in range(2):
        path = tmp_path / "provenance" / "jobs" / "clips" / f"shard={shard:05d}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        times = {"started": shard * HOUR, "ended": (shard + 1) * HOUR}
        path.write_text(json.dumps({"wildcards": {"shard": f"{shard:05d}"}, **times}))
    rows = [{"kept": True, "reason": ""}, *[{"kept": False, "reason": "no_people"}] * 3]
    write(tmp_path / "collect" / "keep_people" / "00000" / "keep_people.parquet", rows)
    return tmp_path


def test_shards_and_their_videos_are_counted_with_the_time_they_took(results):
    assert rules_done(results, videos_of(results)) == {"clips": Done(2, 0.0, 2 * HOUR, 20)}


def test_the_page_tells_rate_expected_end_and_drops(results):
    console = Console(width=100, record=True, file=(results / "page").open("w"))
    watch(results, console, now=2 * HOUR)
    page = console.export_text()
    assert "40 videos" in page
    (line,) = [line for line in page.splitlines() if "clips" in line]
    assert [cell.strip() for cell in line.strip("│ ").split("│")][1:4] == [
        "2/4",
        "20",
        "10",
    ]  # and 20 more take 2 hours
    assert "keep_people: dropped 3 no_people" in page


def test_shards_without_videos_foretell_no_end(results):
    for shard in range(2):
        write(results / "collect" / "channels" / f"{shard:05d}.parquet", [])
    console = Console(width=100, record=True, file=(results / "page").open("w"))
    watch(results, console, now=2 * HOUR)
    (line,) = [line for line in console.export_text().splitlines() if "clips" in line]
    assert [cell.strip() for cell in line.split("│")][2:6] == ["2/4", "0", "0", ""]


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(UserError, match="has no list of videos yet"):
        videos_of(tmp_path)
