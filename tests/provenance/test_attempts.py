"""A job that is stopped and taken up again says so, and the audit sees code that changed in between."""

import importlib.metadata
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from nonverbal import models
from nonverbal.models import Packaged
from nonverbal.provenance import record as records
from nonverbal.provenance.audit import Audit
from nonverbal.provenance.record import read_records


class Killed(Exception):
    """Stands for whatever ends a job."""


def stopped(run, outputs: dict[str, str], module: str, work: bool) -> None:
    """A job that ends before it has written its output, with or without a work folder that it leaves."""

    def job() -> None:
        folder = run.results / Path(next(iter(outputs))).parent
        folder.mkdir(parents=True, exist_ok=True)
        if work:
            (folder / f".{Path(next(iter(outputs))).stem}.work-0123").mkdir()
        raise Killed

    library = run.root / "nonverbal" / f"{module}.py"
    library.write_text(f"# {module}, as it was\n")
    script = run.root / "scripts" / "late.py"
    script.write_text("# late\n")
    run.module = library
    snakemake = SimpleNamespace(
        input=[str(run.source)], output=[str(run.results / name) for name in outputs], params={}, wildcards={},
        config={"results": str(run.results)}, rule="late", scriptdir=str(script.parent), threads=1, resources={},
    )  # fmt: skip
    with pytest.raises(Killed), records.Recorder(snakemake, job, seed=0):
        job()


@pytest.mark.parametrize("work", [True, False])
def test_an_attempt_that_is_taken_up_is_in_the_record(finished, work):
    stopped(finished, {"e/late.txt": "1"}, "latter", work)
    assert not any(record["rule"] == "late" for record in read_records(finished.results))
    finished.job("late", ["source"], {"e/late.txt": "1"}, "latter")
    record = next(record for record in read_records(finished.results) if record["rule"] == "late")
    if not work:  # nothing of it was used
        assert record["attempts"] == []
        return
    (attempt,) = record["attempts"]
    assert attempt["error"] == "Killed" and attempt["host"] and attempt["ended"] >= attempt["started"]
    assert attempt["changed_code"] == ["nonverbal/latter.py"]
    assert not list((finished.results / "provenance/jobs/late").glob(".*"))
    broken = [f for f in Audit(finished.results, finished.root).run() if f.state != "verified"]
    assert [Path(f.path).name for f in broken] == ["late.txt"]
    assert "nonverbal/latter.py had changed when the job" in broken[0].reason


def test_a_model_inside_a_package_that_changed_makes_its_users_stale(finished, monkeypatch, tmp_path):
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"1")
    row = Packaged(package="p", version="1", file="weights.bin", sha256="0", licence="MIT", gated=False, used_for="k")
    monkeypatch.setattr(models, "registry", lambda: {"voice": row})
    monkeypatch.setattr("nonverbal.provenance.audit.registry", lambda: {"voice": row})
    place = SimpleNamespace(locate_file=lambda name: tmp_path / name, version="1")
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: place)
    monkeypatch.setattr(models, "used", {"voice": weights})
    finished.job("heard", ["source"], {"e/heard.txt": "1"}, "hearing")
    monkeypatch.setattr(models, "used", {})
    finished.job("after", ["e/heard.txt"], {"e/after.txt": "1"}, "after")

    def states() -> dict[str, str]:
        findings = Audit(finished.results, finished.root).run()
        return {Path(f.path).name: f.reason for f in findings if f.state != "verified"}

    assert states() == {}
    weights.write_bytes(b"2")
    assert states() == {
        "heard.txt": "model voice (p: weights.bin) has changed since",
        "after.txt": f"made from {finished.results}/e/heard.txt, which is stale",
    }

    def absent(name: str):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    assert states() == {}  # it can't be judged where its package is not


def test_the_record_names_the_packaged_model_without_a_path_of_the_machine(finished, monkeypatch, tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"1")
    monkeypatch.setattr(models, "used", {"pyannet": tmp_path / "weights.bin"})
    finished.job("heard", ["source"], {"e/heard.txt": "1"}, "hearing")
    text = (finished.results / "provenance/jobs/heard/all.json").read_text()
    model = json.loads(text)["models"]["pyannet"]
    assert model["revision"] == "3.8.6" and model["path"] == "" and model["licence"].startswith("MIT")
