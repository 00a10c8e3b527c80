"""A finished run with records by the real recorder: source -> numbers -> doubled -> report, and a bystander."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from nonverbal import models
from nonverbal.provenance import record as records
from nonverbal.provenance.record import Recorder

CONFIG = {"seed": 3, "speech": {"diarize": {"backend": "embedded"}, "transcribe": {"backend": "embedded"}}}


class Run:
    """A results folder and a code folder, both of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.root, self.results, self.source = folder / "code", folder / "results", folder / "source.txt"
        self.source.write_text("1 2 3\n")

    def job(self, rule: str, inputs: list[str], outputs: dict[str, str | bytes], module: str, **extra: object) -> None:
        """Run one job under the recorder; outputs map a path in results to what is written there."""
        script, library = self.root / "scripts" / f"{rule}.py", self.root / "nonverbal" / f"{module}.py"
        for path in (script, library):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"# {path.stem}\n")
        self.module = library  # what the patched library_modules reports
        snakemake = SimpleNamespace(
            input=[str(self.source) if name == "source" else str(self.results / name) for name in inputs],
            output=[str(self.results / name) for name in outputs],
            params=extra.get("params", {}),
            wildcards=extra.get("wildcards", {}),
            config={**CONFIG, "results": str(self.results)},
            resources={"gpu": 2} if rule == "report" else {},
            rule=rule, scriptdir=str(script.parent), threads=1,
        )  # fmt: skip
        with Recorder(snakemake, self.job, seed=3):
            for name, text in outputs.items():
                (self.results / name).parent.mkdir(parents=True, exist_ok=True)
                (self.results / name).write_bytes(text.encode() if isinstance(text, str) else text)


def started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run without jobs."""
    run = Run(folder)
    monkeypatch.setattr(models, "used", {})  # a job is a process of its own; here other tests asked for models too
    monkeypatch.setattr(records, "ROOT", run.root)
    monkeypatch.setattr(
        records, "library_modules", lambda: {f"nonverbal/{run.module.name}": records.hash_path(run.module)}
    )
    return run


@pytest.fixture
def empty_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run without jobs, whose records name no packages and no commit."""
    monkeypatch.setattr(records, "imported_packages", dict)
    monkeypatch.setattr(records, "git_state", lambda root: {"commit": "0a" * 20, "dirty": True})
    return started(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def quick_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, pytest.MonkeyPatch]]:
    """A run without jobs for the tests of a module, and what patches it; its records name no packages and no commit."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(records, "imported_packages", dict)  # they take long to list
        monkeypatch.setattr(records, "git_state", lambda root: {"commit": "0a" * 20, "dirty": True})
        yield started(tmp_path_factory.mktemp("run"), monkeypatch), monkeypatch


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    run = started(tmp_path, monkeypatch)
    run.job("numbers", ["source"], {"a/numbers.txt": "1 2 3", "a/media/x.wav": "sound"}, "reading")
    run.job("doubled", ["a/numbers.txt"], {"b/doubled.txt": "2 4 6"}, "doubling", wildcards={"shard": "00001"})
    run.job("report", ["b/doubled.txt"], {"c/report.md": "# 2 4 6"}, "writing")
    run.job("bystander", ["source"], {"d/other.txt": "6"}, "adding")
    for name in ("logs/a.log", "benchmarks/a.tsv", "b/.doubled.work-1/part", "b/.snakemake_timestamp"):
        (run.results / name).parent.mkdir(parents=True, exist_ok=True)
        (run.results / name).write_text("not a result")
    return run
