from pathlib import Path

import pytest

from nonverbal.errors import NotNow, UserError
from nonverbal.schema import SchemaError, read_rows
from nonverbal.shards import link_or_copy, map_units, shard_of, work_folder


def row(unit: str) -> dict:
    return {"video_id": unit, "people": 1, "best_score": 0.5, "error": ""}


class Worker:
    """Makes a row and a file a unit; notes what it did, and fails as it is told."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails: dict[str, BaseException] = {}

    def __call__(self, unit: str, folder: Path | None = None) -> dict:
        self.done.append(unit)
        if folder is not None:
            assert list(folder.iterdir()) == []
            (folder / f"{unit}.txt").write_text(unit)
        if unit in self.fails:
            raise self.fails[unit]
        return {"thumbnails": [row(unit)]}


@pytest.fixture
def worker():
    return Worker()


def run(worker, folder, units="ab-_c", key="key", media=False):
    outputs = {"thumbnails": folder / "thumbnails.parquet"}
    map_units(list(units), worker, outputs, key, "test", media=folder / "media" if media else None)
    return [one["video_id"] for one in read_rows(outputs["thumbnails"], "thumbnails")]


def hidden(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize("media", [False, True])
@pytest.mark.parametrize("at", ["a", "-", "c"])
def test_killed_job_does_only_what_is_left_and_makes_the_same(worker, tmp_path, media, at):
    worker.fails[at] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(worker, tmp_path, media=media)
    assert not (tmp_path / "media").exists()
    worker.fails, before, worker.done = {}, worker.done, []
    assert run(worker, tmp_path, media=media) == list("ab-_c")
    assert sorted(before[:-1] + worker.done) == sorted("ab-_c")
    assert hidden(tmp_path) == []
    if media:
        assert {file.name: file.read_text() for file in (tmp_path / "media").iterdir()} == {
            f"{unit}.txt": unit for unit in "ab-_c"
        }


def test_killed_while_outputs_are_written_loses_no_file(worker, tmp_path, monkeypatch):
    def full(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr("nonverbal.shards.write_table", full)
        run(worker, tmp_path, media=True)
    for file in (tmp_path / "media").iterdir():  # Snakemake removes the outputs of a failed job
        file.unlink()
    (tmp_path / "media").rmdir()
    worker.done = []
    run(worker, tmp_path, media=True)
    assert worker.done == []
    assert sorted(file.stem for file in (tmp_path / "media").iterdir()) == sorted("ab-_c")


def test_work_of_other_settings_is_not_used(worker, tmp_path):
    worker.fails["c"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(worker, tmp_path)
    worker.fails, worker.done = {}, []
    run(worker, tmp_path, key="other")
    assert worker.done == list("ab-_c")


def test_unit_that_cannot_be_done_now_stops_no_other(worker, tmp_path):
    worker.fails["b"] = NotNow("the server is busy")
    with pytest.raises(UserError, match=r"1 of 5 could not be done now \(first b: the server is busy\)"):
        run(worker, tmp_path, media=True)
    assert worker.done == list("ab-_c")
    worker.fails, worker.done = {}, []
    run(worker, tmp_path, media=True)
    assert worker.done == ["b"]


def test_wrong_rows_are_refused_when_they_are_made(tmp_path):
    outputs = {"thumbnails": tmp_path / "thumbnails.parquet"}
    with pytest.raises(SchemaError, match="missing columns"):
        map_units(["a"], lambda unit: {"thumbnails": [{"video_id": unit}]}, outputs, "", "test")
    assert not outputs["thumbnails"].exists()


def test_no_units_make_empty_outputs(worker, tmp_path):
    assert run(worker, tmp_path, units="", media=True) == []
    assert list((tmp_path / "media").iterdir()) == []


def test_shard_is_stable_and_even():
    assert [shard_of(video_id, 128) for video_id in ("dQw4w9WgXcQ", "jNQXAC9IVRw")] == [126, 77]  # never to change
    counts = [0] * 8
    for number in range(8000):
        counts[shard_of(f"video{number}", 8)] += 1
    assert min(counts) > 850
    assert max(counts) < 1150


def test_file_is_copied_where_it_cannot_be_linked(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("text")
    link_or_copy(tmp_path / "a", tmp_path / "linked")
    assert (tmp_path / "linked").samefile(tmp_path / "a")

    def refuse(self, other):
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    link_or_copy(tmp_path / "a", tmp_path / "copied")
    assert (tmp_path / "copied").read_text() == "text"
    assert not (tmp_path / "copied").samefile(tmp_path / "a")


def test_stale_work_folders_are_removed(tmp_path):
    first = work_folder(tmp_path / "t.parquet", "one")
    second = work_folder(tmp_path / "t.parquet", "two")
    assert (first.exists(), second.exists()) == (False, True)
