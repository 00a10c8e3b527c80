"""A run with a longer removal list takes it out of its results and does nothing else anew."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from nonverbal.media import run_ffmpeg

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[2]


def naming(results: Path, names: list[str]) -> list[str]:
    """Files that name one of some names, in their path, their bytes, or the values of a table."""
    found = []
    for file in sorted(results.rglob("*")):
        data = file.read_bytes() if file.is_file() else b""
        if data[:4] == b"PAR1":
            data += json.dumps(pq.read_table(file).to_pylist(), default=str).encode()
        if any(name.encode() in data + os.fsencode(file.relative_to(results)) for name in names):
            found.append(str(file.relative_to(results)))
    return found


def snakemake(folder: Path, *targets: str, options: tuple[str, ...] = ()) -> str:
    """Run the workflow on a folder's config, in its own directory; what it said."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", "Snakefile", "--directory", str(folder)]
    command += ["--cores", "1", "--configfile", "config.yaml", str(folder / "config.json"), *options, "--", *targets]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_next_run_drops_a_listed_video_and_cuts_no_other_again(tmp_path):
    (tmp_path / "own").mkdir()
    for name in ("wanted", "regretted"):
        run_ffmpeg(
            "-f", "lavfi", "-i", "testsrc2=rate=25:size=160x120:duration=3",
            "-f", "lavfi", "-i", f"sine=frequency={330 + len(name)}:duration=3",
            "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(tmp_path / "own" / f"{name}.mp4"),
        )  # fmt: skip
    collect = {"keep_people": {"people": 0}, "clips": {"skip_s": 0, "length_s": 1}}
    config = {"sources": str(tmp_path / "own"), "results": "results", "shards": 1, "collect": collect}
    (tmp_path / "config.json").write_text(json.dumps(config))
    snakemake(tmp_path, "collect", "removal")
    results = tmp_path / "results"
    listed = pq.read_table(results / "collect" / "channels" / "channels.parquet").to_pylist()
    ids = {row["title"]: row["video_id"] for row in listed}
    names = [ids["regretted"], "regretted"]
    assert len(naming(results, names)) > 8

    (tmp_path / "removals.csv").write_text(f"kind,id\nvideo,{ids['regretted']}\n")
    (tmp_path / "config.json").write_text(json.dumps(config | {"removals": str(tmp_path / "removals.csv")}))
    clips = results / "collect" / "clips" / "00000" / "media"
    before = {file: file.stat().st_mtime_ns for file in clips.glob(f"{ids['wanted']}*")}
    assert len(before) == 6
    named = naming(results, names)
    snakemake(tmp_path, "removal", options=("--dry-run",))
    assert naming(results, names) == named
    said = snakemake(tmp_path, "collect", "removal")
    assert "Removed what" in said and "1 of 1 steps" in said
    assert naming(results, names) == []
    assert {file: file.stat().st_mtime_ns for file in clips.iterdir() if file.suffix in (".mp4", ".wav")} == before
    assert (tmp_path / "own" / "regretted.mp4").exists()  # a person's own files are theirs
    assert "Nothing to be done" in snakemake(tmp_path, "collect", "removal")
