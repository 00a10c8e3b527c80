"""A slice of the real workflow through sbatch: from published records to a tokenizer trained by two processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 64
FIELDS = {"facial_expression": 156, "body_language": 179}
TRAINING = "{processes: 2, threads: 1, window: 32, batch: 4, epochs: 2}"
NETWORKS = "face: {codebook: {size: 16, dim: 4}, network: {width: 16, depth: 1}}"


def record(clip: int) -> dict:
    """A clip of one utterance in the release's schema, whose numbers are a seeded random walk."""
    rng = np.random.default_rng(clip)
    motion = {
        field: {
            "utt_id": ["0"] * FRAMES,
            "frame": [f"{frame:06d}_0" for frame in range(FRAMES)],
            "features": rng.normal(scale=0.1, size=(FRAMES, length)).cumsum(axis=0).tolist(),
        }
        for field, length in FIELDS.items()
    }
    conversation = {
        "utterance_id": [0], "speaker": ["0"], "text": ["yes"], "start_time": [0.0], "end_time": [FRAMES / 25],
        "words": [[{"word": "yes", "start_time": 0.0, "end_time": 1.0}]],
    }  # fmt: skip
    return {
        "channel_id": f"channel{clip // 2}", "video_id": f"video{clip:06d}", "segment_id": 0,
        "duration": "00:01:00 ~ 00:11:00", "fps": 25, "conversation": conversation, **motion,
        "speaker_bbox": {"frame": [3], "bbox": [[0.0, 0.0, 9.0, 9.0]]}, "harmful_utterance_id": [],
    }  # fmt: skip


@pytest.fixture(scope="module")
def results(cluster, tmp_path_factory) -> Path:
    """The results of the slice, sent to the cluster."""
    folder = tmp_path_factory.mktemp("slice")
    for split, clips in {"train": range(8), "test": range(8, 10)}.items():
        pq.write_table(pa.Table.from_pylist([record(clip) for clip in clips]), folder / f"{split}.parquet")
    values = [
        f"sources={{kind: hub, folder: {folder}}}", f"results={folder}/results", "shards=1",
        f"tokenizers={{training: {TRAINING}, {NETWORKS}}}",
    ]  # fmt: skip
    target = f"{folder}/results/tokenizers/evaluate_tokenizer/face/ours/0.json"
    patience = ["--seconds-between-status-checks", "1", "--slurm-init-seconds-before-status-checks", "1"]
    options = ["--slurm-logdir", f"{folder}/logs", "--retries", "0", "--config", *values]
    answer = subprocess.run(
        [sys.executable, "-m", "snakemake", target, "--profile", "slurm", *patience, *options],
        cwd=ROOT, env={**os.environ, **cluster.environment}, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    logs = "\n".join(path.read_text()[-2000:] for path in folder.rglob("*.log"))
    assert answer.returncode == 0, (answer.stdout + answer.stderr)[-4000:] + logs
    return folder / "results"


def test_a_tokenizer_is_trained_through_sbatch_and_each_job_had_its_gpus(results, cluster):
    jobs = {}
    for path in sorted((results / "provenance" / "jobs").rglob("*.json")):
        written = json.loads(path.read_text())
        jobs[written["rule"]] = cluster.job(written["scheduler_job"])
    gpus = {rule: job.get("TresPerJob", "").rpartition(":")[2] for rule, job in jobs.items()}
    assert gpus == {
        "read_records": "", "split_records": "", "frames": "", "train_tokenizer": "2", "evaluate_tokenizer": "1",
    }  # fmt: skip
    assert {job["Partition"] for rule, job in jobs.items() if gpus[rule]} == {"gpu"}
    assert {job["Partition"] for rule, job in jobs.items() if not gpus[rule]} == {"cpu"}
