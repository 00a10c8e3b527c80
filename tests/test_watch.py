"""How far a run is, from what its jobs have written."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from nonverbal.errors import UserError
from nonverbal.watch import Done, main, rules_done, trainings, units_of, watch

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
    name, units = units_of(results)
    assert name == "videos"
    assert rules_done(results, units) == {"clips": Done(2, 0.0, 2 * HOUR, 20)}


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


def test_brackets_in_a_folders_name_are_shown_as_they_are(results, capsys, monkeypatch):
    monkeypatch.chdir(results.parent)
    results.rename("[red]a[b]")  # rich's markup, were it looked for
    main(["[red]a[b]"])
    assert "[red]a[b], " in capsys.readouterr().out


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(UserError, match="has no list of videos "):
        units_of(tmp_path)


def write_record(results: Path, rule: str, name: str, record: dict) -> None:
    path = results / "provenance" / "jobs" / rule / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))


def write_log(results: Path, name: str, lines: list[str], at: float) -> None:
    path = results / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    os.utime(path, (at, at))


FACE = "2026-11-21 21:{:02}:00,798 INFO train_tokenizer face ours: step {}/1080, total 2.372, 64 codes"
MARS = "2026-11-21 21:{:02}:00,798 INFO step {}/540: eval_loss 5.5, epoch 6.667"


def test_trainings_tell_their_steps_until_they_are_done(results):
    write_log(results, "tokenizers/train_tokenizer/face-ours-0.log", [FACE.format(0, 100), FACE.format(10, 300)], 600)
    write_log(results, "tokenizers/train_tokenizer/body-ours-0.log", [FACE.format(0, 1080)], 600)
    write_log(results, "mars/train_mars/ours-0.log", ["2026-11-21 21:00:00,000 INFO validation: 1 done"], 600)
    ended = {"started": 0.0, "ended": 601.0}
    write_record(
        results, "train_tokenizer", "body", {"wildcards": {"part": "body", "row": "ours", "repeat": "0"}} | ended
    )
    write_record(results, "train_mars", "ours", {"wildcards": {"row": "ours", "repeat": "0"}} | ended)

    (face,) = trainings(results)
    assert face[:4] == ("train_tokenizer face-ours-0", 300, 1080, 200 / 600)
    assert face.said == "total 2.372, 64 codes"

    # another run of MARS, whose record is still the last one's
    write_log(results, "mars/train_mars/ours-0.log", [MARS.format(0, 10), MARS.format(1, 40)], 700)
    assert [(one.name, one.steps) for one in trainings(results)][1:] == [("train_mars ours-0", 40)]
    console = Console(width=140, record=True, file=(results / "page").open("w"))
    watch(results, console, now=2 * HOUR)
    assert "train_mars ours-0: step 40/540, 1,800 an hour, ends by " in console.export_text()


def test_a_run_on_published_records_is_shown_by_records(tmp_path):
    for shard, kept in {0: 3, 1: 5}.items():
        name = f"{shard:05d}"
        rows = [{"kept": True, "reason": ""}] * kept + [{"kept": False, "reason": "no_motion"}]
        write(tmp_path / "tokenizers" / "read_records" / name / "records.parquet", rows)
        record = {
            "wildcards": {"shard": name},
            "started": shard * HOUR,
            "ended": (shard + 1) * HOUR,
            "params": {"shards": 4},
        }
        write_record(tmp_path, "read_records", f"shard={name}", record)
    name, units = units_of(tmp_path)
    assert (name, units) == ("records", {"00000": 4.0, "00001": 6.0, "00002": 5.0, "00003": 5.0})
    console = Console(width=100, record=True, file=(tmp_path / "page").open("w"))
    watch(tmp_path, console, now=2 * HOUR)
    page = console.export_text()
    (line,) = [line for line in page.splitlines() if line.startswith("│ read_records ")]
    assert [cell.strip() for cell in line.strip("│ ").split("│")][1:4] == ["2/4", "10", "5"]
    assert "read_records records: dropped 2 no_motion" in page
