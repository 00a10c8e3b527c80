from pathlib import Path

import pandas as pd
import pytest

from nonverbal.provenance.cost import Cost, Volume, as_markdown, by_stage, cost, price, read_cost, rule_costs, unit_of
from nonverbal.provenance.settings import Budget, Prices
from nonverbal.schema import write_table

PRICES = Prices(cpu_hour=0.5, gpu_hour=2, stored_gb=10)
DECIDED = {"kept": True, "reason": "", "detail": ""}


def artifact(path: Path, rule: str, stage: str, shard: int | None = None, **changes: object) -> dict:
    """A row of the ledger: a job of 100 s on one core, 10 of them imports."""
    start = pd.Timestamp("2026-01-01", tz="UTC")
    return {
        "path": str(path), "sha256": "0" * 64, "rule": rule, "function": f"nonverbal.{stage}.{rule}.{rule}",
        "wildcards": [] if shard is None else [{"name": "shard", "value": f"{shard:05d}"}], "script_sha256": "",
        "modules": [], "modules_sha256": "", "inputs": [], "params_sha256": "", "config_keys": [],
        "config": [], "models": [], "packages": [],
        "threads": 1, "python": "3.11", "attempts": 1, "system": "Linux", "processor": "a processor", "cores": 4,
        "seed": 0, "commit": "", "dirty": None, "host": "n1", "scheduler_job": "", "gpu": "", "gpus": 0,
        "cpu_s": 100.0, "startup_cpu_s": 10.0, "peak_mb": 500.0, "started": start,
        "ended": start + pd.Timedelta(100, "s"),
    } | changes  # fmt: skip


@pytest.fixture
def artifacts(tmp_path):
    (tmp_path / "face").write_bytes(bytes(2_000_000))
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.mp4").write_bytes(bytes(3_000_000))
    gpu = {"gpu": "H100", "gpus": 2, "config": [{"name": "cues.face.backend", "value": '"emoca"'}]}
    return [
        artifact(tmp_path / "media", "download", "collect", 0),
        artifact(tmp_path / "gone", "download", "collect", 0),  # a second artifact of the same job
        artifact(tmp_path / "b", "download", "collect", 1, peak_mb=900.0),
        artifact(tmp_path / "face", "face", "cues", 0, **gpu, started=pd.Timestamp("2026-01-02", tz="UTC"),
                 ended=pd.Timestamp("2026-01-02 01:00", tz="UTC")),
        artifact(tmp_path / "c", "corpus", "demo"),
    ]  # fmt: skip


def test_a_job_counts_once_and_the_demonstration_not_at_all(artifacts):
    download, face = rule_costs(pd.DataFrame(artifacts))
    assert (download.rule, download.jobs, download.cpu_s, download.startup_cpu_s) == ("download", 2, 200, 20)
    assert download.gb == 0.003 and download.peak_mb == 900 and download.gpu_s == 0 and download.sharded
    assert face.gpu_s == 7200 and face.gb == 0.002  # an hour on two GPUs
    assert face.settings == {"cues.face.backend": "emoca"}
    assert price(face, PRICES) == pytest.approx(100 / 3600 * 0.5 + 2 * 2 + 0.002 * 10)


def test_what_a_cost_grows_with():
    assert unit_of("collect", "thumbnails") == "videos" and unit_of("collect", "clips") == "source_hours"
    assert unit_of("mars", "train_mars") == "kept_hours" and unit_of("mars", "generate") == "run"
    assert unit_of("paper", "figure3") == "run" and unit_of("paper", "sentiment") == "kept_hours"


def test_stages_add_up(artifacts):
    stages = by_stage(rule_costs(pd.DataFrame(artifacts)), PRICES)
    assert list(stages.index) == ["collect", "cues", "all"]
    assert stages["jobs"].tolist() == [2, 1, 3] and stages["peak_mb"].tolist() == [900, 500, 900]
    assert stages["cpu_hours"]["all"] == pytest.approx(300 / 3600)
    assert stages["price"]["all"] == pytest.approx(stages["price"][:-1].sum())


def test_the_rule_writes_what_an_hour_kept_took(artifacts, tmp_path):
    video = {"video_id": "v", "channel_id": "c", "title": "", "path": "", "width": 0, "height": 0, "fps": 0.0}
    tables = {
        "ledger": artifacts,
        "channels": [
            {"video_id": name, "channel_id": "c", "url": "", "title": "", "uploaded": "", "duration_s": 0.0,
             "thumbnail_url": "", **DECIDED, "kept": name != "x", "reason": "" if name != "x" else "duplicate"}
            for name in "vwx"
        ],
        "download": [
            {**video, "duration_s": 7200.0, "captions": "", "caption_language": "", "language": "", "licence": "",
        "captions_origin": "", "availability": "", "checked": "",
             "sha256": "", **DECIDED}
        ],
        "clips": [
            {"clip_id": f"v_{i}", "video_id": "v", "channel_id": "c", "segment_id": i, "start_s": 600.0 * i,
             "end_s": 600.0 * (i + 1), "frames": 1, "width": 1, "height": 1, "video": "", "audio": "",
             "loudness_dbfs": 0.0, **DECIDED}
            for i in range(4)
        ],
        "keep_safe": [
            {"clip_id": f"v_{i}", **DECIDED, "kept": i < 3, "reason": "" if i < 3 else "harmful"} for i in range(4)
        ],
    }  # fmt: skip
    for name, rows in tables.items():
        write_table(tmp_path / f"{name}.parquet", name, rows)
    many = {name: [tmp_path / f"{name}.parquet"] for name in ("download", "clips", "keep_safe")}
    written = {name: tmp_path / f"cost.{name}" for name in ("csv", "md")}
    budget = Budget(videos=1, source_hours=1, kept_hours=1, prices=PRICES)
    cost(ledger=tmp_path / "ledger.parquet", channels=tmp_path / "channels.parquet", **many, **written,
         cost=tmp_path / "cost.json", settings=budget)  # fmt: skip
    spent = read_cost(tmp_path / "cost.json")
    assert (
        spent.volume == Volume(videos=2, source_hours=2, kept_hours=0.5)
        and spent.machine == "1 machine, a processor with 4 cores, H100"
    )
    assert [rule.rule for rule in spent.rules] == ["download", "face"]
    text = written["md"].read_text()
    assert "An hour of kept clips took 0.167 CPU hours, 4 GPU hours" in text
    assert pd.read_csv(written["csv"])["cpu_s"].tolist() == [200, 100]


def test_without_prices_there_is_no_price(artifacts):
    spent = Cost(
        machine="m",
        volume=Volume(videos=1, source_hours=1, kept_hours=0),
        rules=rule_costs(pd.DataFrame(artifacts)),
    )
    assert "price" not in as_markdown(spent, Prices(cpu_hour=0, gpu_hour=0, stored_gb=0))
    assert "An hour" not in as_markdown(spent, PRICES)  # nothing was kept
