"""The workflow itself: lints, plans, and runs end to end on the demonstration, killed and resumed on the way."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import datasets
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yte

from nonverbal.provenance import cells
from nonverbal.provenance.audit import Audit
from nonverbal.provenance.why import Why
from nonverbal.schema import REASONS, read_table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path("results/e2e")
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
CORPUS = f"{RESULTS}/corpus"
STUDIO = f"{{kind: studio, folder: {CORPUS}/studio, script: {CORPUS}/script.json, actors: demo/actors.csv}}"
SOURCES = f"[{CORPUS}/channels.csv, {STUDIO}]"
STUDIO_TABLES = ("emotion_frequencies", "emotion_pairs", "gaze", "framing_check")
DEMO = ["--profile", "demo", "--cores", "2", "--config", f"results={RESULTS}", f"sources={SOURCES}"]
CANARY = "canaryOfTheWorkflowTest"
SECRETS = {"HF_TOKEN": f"hf_{CANARY}01234567", "AWS_SECRET_ACCESS_KEY": f"{CANARY}76543210"}
SERVED = [sys.executable, "-m", "nonverbal.demo.serve", CORPUS, "--", *SNAKEMAKE, *DEMO]


def run(*command: str, timeout: float = 600, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, env={**os.environ, **environment}
    )


def planned(output: str) -> dict[str, int]:
    """Rule -> number of jobs, from the table that Snakemake prints."""
    return {rule: int(count) for rule, count in re.findall(r"^(\w+)\s+(\d+)$", output, re.MULTILINE)}


# Cues that must hold against the truth's mean; the table reports all, and which fall short.
BETTER_THAN_CHANCE = (
    "eyeBlink: mean absolute error", "browInnerUp: mean absolute error", "eyeLookIn: mean absolute error",
    "mouthPucker: mean absolute error", "head: mean angle", "left shoulder: mean angle, offset removed",
    "right shoulder: mean angle, offset removed", "left elbow: mean angle, offset removed",
    "right elbow: mean angle, offset removed",
)  # fmt: skip
CORRELATED = {"jawOpen: correlation": 0.6, "mouthSmile: correlation": 0.5, "eyeBlink: correlation": 0.6}

# Planning -------------------------------------------------------------------------------------------------------------


def test_lint_is_clean():
    result = run(*SNAKEMAKE, "--lint", "--configfile", "demo/settings.yaml")
    assert result.returncode == 0, result.stderr
    assert "Congratulations" in result.stderr + result.stdout


@pytest.fixture(scope="module")
def rules() -> dict[str, str]:
    """Rule name -> its text."""
    texts = {}
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for block in re.split(r"^(?=rule )", path.read_text(), flags=re.MULTILINE)[1:]:
            texts[re.match(r"rule (\w+):", block).group(1)] = block.split("\n\n\ndef ")[0]
    return texts


def test_every_rule_that_runs_a_script_is_fully_declared(rules):
    wanted = ("message:", "log:", "benchmark:", "conda:", "threads:", "mem_mb", "runtime", "script:")
    scripts = {name: text for name, text in rules.items() if "script:" in text}
    assert len(scripts) > 35
    assert [(name, key) for name, text in scripts.items() for key in wanted if key not in text] == []


def test_one_stage_one_name(rules):
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for name in re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE):
            if "script:" in rules[name]:
                assert f'"../scripts/{path.stem}/{name}.py"' in rules[name]
                assert (ROOT / "scripts" / path.stem / f"{name}.py").is_file()
                assert (ROOT / "nonverbal" / path.stem / f"{name}.py").is_file()


def test_environments_that_rules_name_exist(rules):
    named = {match for text in rules.values() for match in re.findall(r'"\.\./(envs/\w+\.yaml)"', text)}
    assert named
    assert all((ROOT / name).is_file() for name in named)


def test_a_gpu_is_asked_for_in_one_way(rules):
    assert [name for name, text in rules.items() if re.search(r"\bgpu=|gpus=", text)] == []


def test_the_slurm_profile_groups_rules_that_need_no_gpu(rules):
    groups = yte.process_yaml((ROOT / "slurm" / "config.yaml").read_text())["groups"]
    assert groups.keys() <= rules.keys()
    assert [name for name in groups if "gpus(" in rules[name]] == []


def test_the_slurm_profile_resolves_from_the_root(tmp_path):
    result = run(*SNAKEMAKE, "--profile", "slurm", "--dry-run", "--quiet", "rules", "--config", f"results={tmp_path}/r")
    assert result.returncode == 0, result.stderr
    assert planned(result.stdout + result.stderr)["total"] > 1000


@pytest.mark.parametrize("videos", [1, 27_128])
def test_the_graph_does_not_grow_with_the_videos(tmp_path, videos):
    rows = "".join(f"channel{i // 300},https://example.org/watch/{i}\n" for i in range(videos))
    (tmp_path / "videos.csv").write_text("channel_id,url\n" + rows)
    options = ["--dry-run", "--quiet", "rules", "--cores", "2", "--config"]
    values = [f"sources={tmp_path}/videos.csv", f"results={tmp_path}/results", "shards=10"]
    result = run(*SNAKEMAKE, *options, *values)
    assert result.returncode == 0, result.stderr
    jobs = planned(result.stdout + result.stderr)
    assert jobs["download"] == jobs["diarize"] == jobs["face"] == jobs["records"] == 10
    assert jobs["total"] == sum(count for rule, count in jobs.items() if rule != "total")
    assert sum(count == 10 for count in jobs.values()) == 23


HUB = "sources={kind: hub, repository: winston1214/VENUS-1K, revision: " + "0a" * 20 + "}"


@pytest.mark.parametrize("target", ["all", "table3"])
def test_published_records_take_the_place_of_every_stage_before_the_tokenizers(tmp_path, target):
    options = ["--dry-run", "--quiet", "rules", "--cores", "2", "--config", f"results={tmp_path}/r", "shards=3", HUB]
    result = run(*SNAKEMAKE, target, *options)
    assert result.returncode == 0, result.stderr
    jobs = planned(result.stdout + result.stderr)
    trained = {"train_tokenizer", "evaluate_tokenizer", "table3", "total"}
    scored = {"generate", "evaluate_mars", "evaluate_motion", "evaluate_ablation", "table4"}
    mars = {"fetch_model", "sequences", "base", "ablate", "train_mars", *scored}
    last = {"all", "tokenize", "codebooks", "reconstruction", "ledger", "crate", "report"}
    whole = {*mars, *last} if target == "all" else set()
    assert set(jobs) == {"fetch_records", "read_records", "split_records", "frames"} | trained | whole
    assert jobs["read_records"] == 3


def test_a_joint_row_of_table_3_trains_one_tokenizer_and_measures_it_twice(tmp_path):
    rows = "tokenizers={table3: {rows: [joint], repeats: 1}}"
    options = ["--dry-run", "--quiet", "rules", "--cores", "2", "--config", f"results={tmp_path}/r", HUB, rows]
    result = run(*SNAKEMAKE, "table3", *options)
    assert result.returncode == 0, result.stderr
    jobs = planned(result.stdout + result.stderr)
    assert (jobs["frames"], jobs["joint_frames"], jobs["train_tokenizer"], jobs["evaluate_tokenizer"]) == (2, 1, 3, 4)


def test_stages_that_published_records_cannot_serve_say_so(tmp_path):
    result = run(*SNAKEMAKE, "dataset", "--dry-run", "--config", f"results={tmp_path}/r", HUB)
    assert result.returncode != 0
    assert "published records (kind: hub) serve the targets tokenizers, mars, table3 and table4" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "override, expected",
    [
        ("sources=/no/such/folder", "config key sources: there is no file or folder '/no/such/folder'"),
        ("speech={diarize: {backend: magic}}", "config key speech.diarize.backend"),
        ("speach={}", "config key speach is unknown"),
        ("shards=none", "config key shards"),
    ],
)
def test_a_wrong_config_stops_before_any_job_without_a_traceback(tmp_path, override, expected):
    values = [f"results={tmp_path}/results", f"sources={tmp_path}", override]
    result = run(*SNAKEMAKE, "--profile", "demo", "--config", *values)
    assert result.returncode != 0
    assert expected in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "results").exists()


def test_a_base_model_that_cannot_be_had_stops_before_any_job(tmp_path):
    (tmp_path / "videos").mkdir()
    base = "mars={base: {name: Llama-3.2-1B-Instruct}}"
    values = [f"sources={tmp_path}/videos", f"results={tmp_path}/results", base]
    result = run(*SNAKEMAKE, "--cores", "1", "--config", *values, HF_HUB_OFFLINE="1")
    assert result.returncode != 0
    assert "config key mars.base.name" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "results" / "collect").exists()


def test_a_backend_that_is_not_installed_stops_before_any_job(tmp_path):
    (tmp_path / "videos").mkdir()
    values = [f"sources={tmp_path}/videos", f"results={tmp_path}/results", "mars={base: {name: tiny}}"]
    options = ["--cores", "1", "--configfile", "config.yaml", "paper/settings.yaml", "--config"]
    result = run(*SNAKEMAKE, *options, *values)
    assert result.returncode != 0
    assert "config key speech.diarize.backend needs an environment of its own, envs/whisperx.yaml" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "results" / "collect").exists()


# The run --------------------------------------------------------------------------------------------------------------


def wait_for(path: Path, process: subprocess.Popen, log: Path, timeout: float = 2400) -> None:
    deadline = time.monotonic() + timeout
    while not path.exists():
        assert process.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() < deadline, f"no {path} after {timeout} s\n" + log.read_text()[-4000:]
        time.sleep(0.2)


def killed_when(path: Path, log: Path) -> None:
    """Run the workflow and kill -9 its whole process group as soon as `path` exists."""
    with log.open("w") as output:
        process = subprocess.Popen(
            SERVED, cwd=ROOT, stdout=output, stderr=output, start_new_session=True, env={**os.environ, **SECRETS}
        )
        wait_for(ROOT / path, process, log)
        arguments = " ".join(part for child in psutil.Process(process.pid).children(True) for part in child.cmdline())
        assert "snakemake" in arguments and not any(secret in arguments for secret in SECRETS.values())
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    result = run(*SNAKEMAKE, *DEMO, "--unlock")
    assert result.returncode == 0, result.stderr


def finished(folder: Path) -> dict[str, int]:
    """Tables that jobs have finished (they have a run record), and when they were written."""
    outputs = {}
    for record in sorted((folder / "provenance" / "jobs").rglob("*.json")):
        outputs |= {path: (ROOT / path).stat().st_mtime_ns for path in json.loads(record.read_text())["outputs"]}
    return outputs


def digests(*folders: Path) -> dict[str, str]:
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in files if not f.name.startswith(".")}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """The finished run: killed twice on the way, once while clips are looked at and once in training."""
    logs = tmp_path_factory.mktemp("logs")
    shutil.rmtree(ROOT / RESULTS, ignore_errors=True)
    before: dict[str, int] = {}
    for number, path in enumerate(
        [RESULTS / "collect" / "clips" / "00000" / "clips.parquet", RESULTS / "dataset" / "split" / "split.parquet"]
    ):
        killed_when(path, logs / f"killed{number}.log")
        before |= finished(ROOT / RESULTS)
    result = run(*SERVED, "--", "all", "truth", timeout=3000, **SECRETS)
    assert result.returncode == 0, (result.stdout + result.stderr)[-6000:]
    (ROOT / RESULTS / "logs" / "said.log").write_text(result.stdout + result.stderr)
    after = finished(ROOT / RESULTS)
    assert before
    assert {path for path in before if after[path] != before[path]} == set(), "a finished job was done again"
    return ROOT / RESULTS


@pytest.mark.e2e
def test_a_second_run_has_nothing_to_do(results):
    result = run(*SERVED, "--", "all", "truth")
    assert result.returncode == 0, result.stderr
    assert "Nothing to be done" in result.stderr + result.stdout


def plain(file: Path) -> bytes:
    """What a file says, a table's cells uncompressed."""
    if file.suffix != ".parquet":
        return file.read_bytes()
    table, said = pq.read_table(file), pa.BufferOutputStream()
    with pa.ipc.new_stream(said, table.schema) as stream:
        stream.write_table(table)
    return bytes(said.getvalue())


@pytest.mark.e2e
def test_no_secret_is_written_anywhere(results):
    files = [file for folder in (results, ROOT / ".snakemake/log") for file in folder.rglob("*") if file.is_file()]
    said = {file: plain(file) for file in files}
    assert sum(b"orbits-tides" in text for text in said.values()) > 5  # what is written is found
    assert [file for file, text in said.items() if CANARY.encode() in text] == []


@pytest.mark.e2e
def test_every_way_of_being_dropped_is_in_a_balanced_funnel(results):
    funnel = read_table(results / "dataset" / "funnel" / "funnel.parquet", "funnel")
    totals = funnel.groupby(["stage", "filter", "unit"]).agg({"in": "first", "kept": "first", "dropped": "sum"})
    assert (totals["in"] == totals["kept"] + totals["dropped"]).all()
    seen = set(funnel.loc[funnel["dropped"] > 0, "reason"])
    expected = {
        "duplicate", "before_first_date", "no_people", "not_found", "not_media", "truncated", "too_short", "silent",
        "one_speaker", "more_than_two_speakers", "other_language", "bad_name",
        "not_stereo",
    }  # fmt: skip
    assert expected <= seen
    assert seen & set(REASONS["keep_visible"])


@pytest.mark.e2e
def test_the_embedded_backends_hold_against_the_truth(results):
    truth = pd.read_csv(results / "truth.csv").set_index(["stage", "metric"])
    short = truth[(truth["reached"] == "no") & ~truth.index.get_level_values("stage").str.startswith("cues")]
    assert (truth["reached"] == "yes").sum() > 40
    assert short.empty, short.to_string()
    cues = truth.loc["cues"]
    for metric in BETTER_THAN_CHANCE:
        assert cues.loc[metric, "reached"] == "yes", cues.to_string()
    for metric, least in CORRELATED.items():
        assert float(cues.loc[metric, "value"]) > least, cues.to_string()


@pytest.mark.e2e
def test_the_studio_corpus_is_judged(results):
    tables = {name: pd.read_csv(results / "studio" / name / f"{name}.csv", index_col=0) for name in STUDIO_TABLES}
    said = tables["emotion_frequencies"].set_index("metric", append=True)["ours"]
    assert {emotion for emotion, _ in said.index} == {"anger", "guilt", "disappointment", "surprise"}
    assert said["guilt", "women"] == 100 and said["anger", "men"] == pytest.approx(100 / 3)
    assert (tables["emotion_pairs"]["both"] == 1).all()  # one dialogue, recorded by two cameras
    gaze = tables["gaze"].loc["all"]
    assert gaze["frames"] > 300 and 0 < gaze["closed"] < 20 and abs(gaze["mean y"]) < 0.1  # nobody looks up or down
    framing = tables["framing_check"].astype(object)["all"]
    assert float(framing["pictures"]) == 2 * 22 and float(framing["no face (%)"]) == 0
    assert 2 < float(framing["face area, median (%)"]) < 5 and framing["body cut (%)"] == "not available"
    for name in STUDIO_TABLES:
        assert all((results / "studio" / name / f"{name}.{kind}").stat().st_size > 5000 for kind in ("png", "pdf"))


@pytest.mark.e2e
def test_records_are_what_datasets_loads(results):
    files = [str(path) for path in sorted((results / "dataset" / "records").rglob("train.parquet"))]
    rows = list(datasets.load_dataset("parquet", data_files=files, split="train", streaming=True))
    assert rows
    for row in rows:
        assert {len(features) for features in row["facial_expression"]["features"]} == {156}
        assert {len(features) for features in row["body_language"]["features"]} == {179}
        assert set(row["conversation"]["speaker"]) == {0, 1}


@pytest.mark.e2e
@pytest.mark.parametrize("table", ["table1", "table2", "table3", "table4"])
def test_tables_show_published_ours_and_difference(results, table):
    frame = pd.read_csv(results / "paper" / f"{table}.csv")
    assert {"published", "ours", "difference"} <= set(frame.columns)
    both = frame.dropna(subset=["published", "ours"])
    assert not both.empty
    for extension in ("md", "tex"):
        assert (results / "paper" / f"{table}.{extension}").stat().st_size > 200


@pytest.mark.e2e
@pytest.mark.parametrize("table", ["table1", "table2", "table3", "table4"])
def test_every_own_number_is_computed_again_from_what_it_goes_back_to(results, table):
    path = results / "paper" / f"{table}.csv"
    own = pd.read_csv(path, dtype=str, keep_default_na=False).query("ours != 'not available'")
    assert len(own) > 5
    for row, group, metric in own[["row", "group", "metric"]].to_numpy():
        answer = Why(f"{path}:{group} {row}:{metric}", ROOT)
        again = cells.value(answer.origin, answer.read)
        assert again == pytest.approx(float(answer.cell.ours), rel=1e-6), (row, group, metric)
        if table == "table3":
            made = {path for _, paths in answer.chain.jobs for path in paths}
            other = "body" if metric.startswith("face") else "face"
            assert not any(path.startswith(f"{RESULTS}/tokenizers/") and f"/{other}" in path for path in made)
        if not group.startswith("uniform guess"):
            assert answer.chain.of("channels")


@pytest.mark.e2e
def test_the_audit_names_what_a_key_and_a_model_reach(results, monkeypatch):
    """Without editing what other tests read; of a small run, tests/provenance edits the files."""
    audit = Audit(results, ROOT)
    (present,) = audit._configs.values()
    assert not any(key.startswith("params.") for record in audit.records for key in record["config_keys"]
                   if record["rule"] not in ("corpus", "feed", "recordings"))  # fmt: skip
    monkeypatch.setitem(present, "paper.figure3", present["paper.figure3"] | {"perplexity": -1})
    broken = {Path(f.path).name: f for f in audit.run() if f.state != "verified"}
    reached = {name for name, f in broken.items() if "provenance" not in f.path}
    last = {"ro-crate-metadata.json", "report.html"}  # they name every artifact
    assert reached == {"figure3.png", "figure3.pdf", *last}
    assert broken["figure3.png"].causes == ("config key paper.figure3.perplexity is -1, was 30",)
    users = {record["rule"] for record in audit.records if "pyannet" in record["models"]}
    assert users == {"diarize", "side_voices"}


@pytest.mark.e2e
def test_the_audit_finds_a_flipped_byte(results):
    audit = [sys.executable, "-m", "nonverbal.provenance.audit", str(RESULTS)]
    clean = run(*audit)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    victim = results / "speech" / "utterances" / "00000" / "words.parquet"
    original, times = victim.read_bytes(), victim.stat()
    try:
        victim.write_bytes(original[:100] + bytes([original[100] ^ 1]) + original[101:])
        tampered = run(*audit, "--json")
    finally:
        victim.write_bytes(original)
        os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert tampered.returncode == 1
    states = {row["path"]: row["state"] for row in json.loads(tampered.stdout)}
    assert states[str(victim.relative_to(ROOT))] == "changed"
    assert states[str(RESULTS / "paper" / "table4.csv")] == "stale"
    assert [path for path, state in states.items() if state == "changed"] == [str(victim.relative_to(ROOT))]


@pytest.mark.e2e
def test_the_same_seed_gives_the_same_tokens_and_tables(results):
    made = [results / "tokenizers" / "tokenize", results / "paper"]
    first = digests(*made)
    again = ["train_tokenizer", "tokenize", "sequences", "base", "train_mars"]
    result = run(*SERVED, "--forcerun", *again, "--", "all", timeout=2400)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    assert planned(result.stdout + result.stderr)["train_tokenizer"] == 4
    assert digests(*made) == first


@pytest.mark.e2e
def test_the_report_shows_every_part_and_links_to_what_is_there(results):
    page = results / "report" / "report.html"
    text = page.read_text("utf-8")
    assert "Not made in this run" not in text and text.count("<video") == 4
    links = [unquote(unescape(link)) for link in re.findall(r'href="(\.\./[^"]+)"', text)]
    assert len(links) > 100 and [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.e2e
def test_snakemakes_own_report_is_one_page(results, tmp_path):
    page = tmp_path / "report.html"
    result = run(*SNAKEMAKE, *DEMO, "--report", str(page))
    assert result.returncode == 0, result.stderr
    assert "table3" in page.read_text()
