"""The audit of a real run names exactly what is affected by a byte, a function, a config key and a model."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import miniature

from nonverbal.provenance.audit import Audit, Finding

NUMBERS, DOUBLED = ({f"{step}/{shard}.txt" for shard in ("00000", "00001")} for step in ("numbers", "doubled"))
TABLE, OTHER = {"table.csv"}, {"other.txt"}
KEEP, PAUSE = "collect.keep_people.", "speech.utterances.longest_pause_s"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A finished run of the miniature."""
    folder = miniature.make(tmp_path_factory.mktemp("run") / "checkout")
    done = miniature.snakemake(folder)
    assert done.returncode == 0, done.stderr
    return folder


def audit(folder: Path) -> dict[str, Finding]:
    """What is not verified."""
    findings = Audit(folder / miniature.RESULTS, folder).run()
    named = {str(Path(f.path).relative_to(miniature.RESULTS / "mini")): f for f in findings}
    assert {*named} == NUMBERS | DOUBLED | TABLE | OTHER
    return {path: f for path, f in named.items() if f.state != "verified"}


@contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    before = path.read_text()
    assert before.count(old) == 1
    path.write_text(before.replace(old, new))
    yield
    path.write_text(before)


def test_a_run_as_it_ended_is_verified_and_the_exit_code_says_so(run):
    command = [sys.executable, "-m", "nonverbal.provenance.audit", str(miniature.RESULTS)]
    environment = {**os.environ, "PYTHONPATH": str(run)}
    done = subprocess.run(command, cwd=run, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "6 verified, 0 changed" in done.stdout
    with edited(run / "config.yaml", "margin: 1   ", "margin: 1.1 "):
        done = subprocess.run(command, cwd=run, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "speakers.crops.margin is 1.1, was 1: 1 artifact" in done.stdout


def test_a_flipped_byte_of_an_intermediate(run):
    victim = run / miniature.RESULTS / "mini/numbers/00001.txt"
    before = victim.read_bytes()
    victim.write_bytes(bytes([before[0] ^ 1]) + before[1:])
    broken = audit(run)
    victim.write_bytes(before)
    assert {path: f.state for path, f in broken.items()} == {
        "numbers/00001.txt": "changed", "doubled/00001.txt": "stale", "table.csv": "stale",
    }  # fmt: skip
    cause = f"{miniature.RESULTS}/mini/numbers/00001.txt"
    assert {tuple(f.causes) for f in broken.values()} == {(f"{cause} has changed",)}
    assert {f.command for f in broken.values()} == {f"snakemake --forcerun {cause}"}


@pytest.mark.parametrize(
    ("module", "old", "affected"),
    [
        ("arithmetic", "text * factor", DOUBLED | TABLE),  # imported late, within the function
        ("numbers", "+ shard", NUMBERS | DOUBLED | TABLE),
        ("table", 'csv.write_text("".join', TABLE),
        ("other", ".upper()", OTHER),
    ],
)
def test_a_changed_function_of_the_library(run, module, old, affected):
    with edited(run / f"nonverbal/mini/{module}.py", old, old + " "):
        broken = audit(run)
    assert {*broken} == affected
    assert {f.state for f in broken.values()} == {"stale"}
    assert {tuple(f.causes) for f in broken.values()} == {
        (f"library module nonverbal/mini/{module}.py has changed since",)
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "affected", "key"),
    [
        ("config.yaml", "people: 1    ", "people: 2    ", NUMBERS | DOUBLED | TABLE, KEEP + "people is 2, was 1"),
        ("config.yaml", "longest_pause_s: 5", "longest_pause_s: 4", TABLE, PAUSE + " is 4, was 5"),
        ("config.yaml", "margin: 1   ", "margin: 1.1 ", OTHER, "speakers.crops.margin is 1.1, was 1"),
        ("demo/settings.yaml", "seed: 7", "seed: 8", TABLE, "seed is 8, was 7"),
        ("config.yaml", "epochs: 100", "epochs: 90", set(), ""),  # read by no rule of the run
        ("config.yaml", "shards: 128", "shards: 64", set(), ""),  # which demo/settings.yaml overrides
    ],
)  # fmt: skip
def test_a_changed_key_of_the_config(run, file, old, new, affected, key):
    with edited(run / file, old, new):
        broken = audit(run)
    assert {*broken} == affected
    assert {tuple(f.causes) for f in broken.values()} == ({(f"config key {key}",)} if key else set())


def test_a_changed_model(run):
    model = run / "models/light_asd_talkset/finetuning_TalkSet.model"
    model.write_bytes(miniature.MODEL.replace(b"2", b"3"))
    broken = audit(run)
    model.write_bytes(miniature.MODEL)
    assert {*broken} == DOUBLED | TABLE
    causes = {cause for f in broken.values() for cause in f.causes}
    assert causes == {
        "model light_asd_talkset (models/light_asd_talkset/finetuning_TalkSet.model) has changed since",
        "input models/light_asd_talkset has changed since",
    }


def test_the_commands_that_are_printed_mend_it(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy", symlinks=True)
    with edited(copy / "nonverbal/mini/arithmetic.py", "text * factor", "text * factor + '!'"):
        broken = audit(copy)
        commands = {f.command for f in broken.values()}
        targets = sorted(command.removeprefix("snakemake ") for command in commands)
        assert len(targets) == 2  # a shard each; the table follows from them
        options = [word for target in targets for word in target.split()[1:]]
        done = miniature.snakemake(copy, "--forcerun", *options)
        assert done.returncode == 0, done.stderr
        assert audit(copy) == {}
    assert (copy / miniature.RESULTS / "mini/table.csv").read_text().count("!") == 2


def test_records_name_models_config_and_where(run):
    records = run / miniature.RESULTS / "provenance/jobs"
    record = json.loads((records / "doubled/shard=00000.json").read_text())
    assert "nonverbal/mini/arithmetic.py" in record["modules"]
    model = record["models"]["light_asd_talkset"]
    assert model["path"] == "models/light_asd_talkset/finetuning_TalkSet.model" and len(model["sha256"]) == 64
    assert record["machine"]["cores"] >= 1
    table = json.loads((records / "table/all.json").read_text())
    assert {*table["config"]} == {"seed", "shards", "speech.utterances"} and table["config"]["seed"] == 7
    assert table["config_start"]["files"] == ["config.yaml", "demo/settings.yaml"]
