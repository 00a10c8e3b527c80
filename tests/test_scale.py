"""The run at the paper's size without its media (benchmarks/scale.py), in small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nonverbal.schema import read_rows, read_table
from nonverbal.shards import shard_of

ROOT = Path(__file__).resolve().parents[1]
VIDEOS, MORE, SHARDS = 60, 2, 5

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder of four runs: all, nothing to do, the channels listed again, and what follows."""
    folder = tmp_path_factory.mktemp("scale")
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), "--warm", "--folder", str(folder)]
    command += ["--videos", str(VIDEOS), "--more", str(MORE), "--shards", str(SHARDS)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture(scope="module")
def figures(folder) -> dict:
    return json.loads((folder / "figures.json").read_text())


def test_the_funnel_balances_and_every_filter_drops(folder):
    funnel = read_table(folder / "results" / "dataset" / "funnel" / "funnel.parquet", "funnel")
    totals = funnel.groupby("filter", sort=False).agg({"in": "first", "kept": "first", "dropped": "sum"})
    assert (totals["in"] == totals["kept"] + totals["dropped"]).all()
    assert totals.loc["channels", "in"] == (VIDEOS + MORE) * 3 // 2
    assert (totals["dropped"] > 0).all()
    assert set(funnel["reason"]) >= {"empty", "duplicate", "no_people", "truncated", "undecodable", "harmful"}


def test_what_is_left_has_the_papers_numbers_in_small(folder):
    counted = json.loads((folder / "results" / "dataset" / "statistics" / "statistics.json").read_text())
    assert counted["videos"] == VIDEOS + MORE
    assert counted["dialogues"] == (VIDEOS + MORE) * 197 // VIDEOS  # of the paper's 89,459 of 27,128 videos
    rows = [read_rows(path, "records") for path in (folder / "results/dataset/records").rglob("*.parquet")]
    assert sum(map(len, rows)) == counted["dialogues"]


def test_a_finished_run_has_nothing_to_do(figures):
    assert figures["all"]["jobs"] > 22 * SHARDS and figures["nothing"]["jobs"] == 0


def test_more_videos_rerun_their_shards_alone(folder, figures):
    listed = read_table(folder / "results" / "collect" / "channels" / "channels.parquet", "channels")
    late = listed[listed["url"].str.rsplit("/").str[-1].astype(int) >= VIDEOS * 3 // 2]
    theirs = sorted({f"{shard_of(video, SHARDS):05d}" for video in late.loc[late["kept"], "video_id"]})
    done = figures["more"]["shards"]
    assert 0 < len(theirs) < SHARDS
    assert figures["listing"]["jobs"] == 1
    assert done["thumbnails"] == theirs
    media = (
        "download",
        "clips",
        "diarize",
        "transcribe",
        "tracks",
        "active_speaker",
        "crops",
        "face",
        "body",
        "smooth",
    )
    assert all(set(done.get(rule, [])) <= set(theirs) for rule in media) and done["face"]
    assert len(done["records"]) == SHARDS  # the split is dealt anew
