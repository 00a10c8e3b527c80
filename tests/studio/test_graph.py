"""Stage studio has jobs where there are studio sources, and none elsewhere."""

import re
import subprocess
import sys

import pytest

from nonverbal.config import SCHEMA

ROOT = SCHEMA.parents[1]
JUDGED = {"emotions", "emotion_frequencies", "emotion_pairs", "gaze", "framing", "framing_check"}


@pytest.mark.parametrize("kind", ["studio", "plain"])
def test_the_corpus_is_judged_where_there_is_one(tmp_path, kind):
    (tmp_path / "takes").mkdir()
    (tmp_path / "actors.csv").write_text("dialogue_id,side,actor,gender\n")
    studio = f"{{kind: studio, folder: {tmp_path}/takes, actors: {tmp_path}/actors.csv}}"
    source = studio if kind == "studio" else f"{tmp_path}/takes"
    values = [f"sources={source}", f"results={tmp_path}/results", "shards=1", "mars={base: {name: tiny}}"]
    command = [sys.executable, "-m", "snakemake", "all", "--dry-run", "--quiet", "rules", "--cores", "1", "--config"]
    answer = subprocess.run([*command, *values], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    jobs = set(re.findall(r"^(\w+) +\d+$", answer.stdout + answer.stderr, re.MULTILINE))
    assert "records" in jobs
    assert JUDGED & jobs == (JUDGED if kind == "studio" else set())
    assert ("sides" in jobs) == (kind == "studio")
