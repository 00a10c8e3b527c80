"""What is removed is in no byte of any result, nothing else of a shard is lost or done anew, and models say so."""

import io
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nonverbal.collect.removals import MANIFESTS, Removals, digest
from nonverbal.errors import UserError
from nonverbal.provenance import purge as purge_module
from nonverbal.provenance import removal as removal_module
from nonverbal.provenance.audit import Audit
from nonverbal.provenance.hashes import hash_path
from nonverbal.provenance.names import Names
from nonverbal.provenance.purge import Purge
from nonverbal.provenance.removal import purge, removal
from nonverbal.provenance.runs import enter, share
from nonverbal.schema import read_rows

GONE = ("aaaaaaaaaa1", "Secret title", "https://site/a.html")
LISTED = Removals(frozenset({digest("video", GONE[0])}))
CLIPS = {"00000": ["aaaaaaaaaa1_000", "bbbbbbbbbb2_000"], "00001": ["cccccccccc3_000"]}


def parquet(rows: list[dict]) -> bytes:
    data = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), data)
    return data.getvalue()


def entry(video_id: str, **other: object) -> dict:
    return {
        "video_id": video_id, "channel_id": "one", "url": f"https://site/{video_id[0]}.html", "title": video_id[0],
        "uploaded": "", "duration_s": 6.0, "thumbnail_url": "", "kept": True, "reason": "", "detail": "",
    } | other  # fmt: skip


@pytest.fixture
def run(empty_run):
    """channels -> clips of two shards -> split -> train_tokenizer -> evaluate; figure2, of nothing."""
    run = empty_run
    videos = [entry(GONE[0], title=GONE[1]), entry("bbbbbbbbbb2"), entry("cccccccccc3")]
    source = {"source": "a.csv:2", "channel_id": "one", "url": "https://site/feed", "entries": 3}
    tables = {"sources": [source | {"kept": True, "reason": "", "detail": ""}], "channels": videos}
    tables |= {"00000": videos[:2], "00001": videos[2:]}
    listing = {f"collect/channels/{name}.parquet": parquet(rows) for name, rows in tables.items()}
    run.job("channels", ["source"], listing, "listing")
    for shard, clips in CLIPS.items():
        table = f"collect/clips/{shard}/clips.parquet"
        media = {f"collect/clips/{shard}/media": {f"{clip}.mp4": b"picture" for clip in clips}}
        run.job("clips", [f"collect/channels/{shard}.parquet"], {table: parquet([{"clip_id": clip} for clip in clips])},
                "cutting", wildcards={"shard": shard})  # fmt: skip
        folder(run, "files", table, media, shard)
    cut = [f"collect/clips/{shard}/clips.parquet" for shard in CLIPS]
    every = parquet([{"clip_id": clip} for clips in CLIPS.values() for clip in clips])
    run.job("split", cut, {"split.parquet": every}, "a")
    model = {"model/model.pt": b"weights", "model/examples.parquet": parquet([{"clip_id": CLIPS["00000"][0]}])}
    run.job("train_tokenizer", ["split.parquet"], model, "b")
    run.job("report", ["model/model.pt"], {"report.md": f"of {GONE[1]}"}, "c")
    run.job("figure2", ["source"], {"figure2.md": "of nothing"}, "d")
    for name, text in {
        "logs/clips.log": f"cut {GONE[0]}_000\ncut bbbbbbbbbb2_000\nsaw {GONE[1]}\n",
        "collect/clips/00000/.clips.work-1/aaaaaaaaaa1/part": "",
        "collect/clips/00001/.clips.work-1/cccccccccc3/part": "",
        "judged.csv": f"clip,seen\n{GONE[0]}_000,yes\nbbbbbbbbbb2_000,no\n",
        "page.html": GONE[2],
        "other.html": "of nobody",
    }.items():
        path = run.results / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return run


def folder(run, rule: str, table: str, folders: dict[str, dict[str, bytes]], shard: str) -> None:
    """A job whose output is a folder."""
    for name, files in folders.items():
        for file, data in files.items():
            (run.results / name).mkdir(parents=True, exist_ok=True)
            (run.results / name / file).write_bytes(data)
        run.job(rule, [table], {}, "filing", wildcards={"shard": shard})
        path = run.results / "provenance" / "jobs" / rule / f"shard={shard}.json"
        written = json.loads(path.read_text())
        written["outputs"] = {str(run.results / name): hash_path(run.results / name)}
        path.write_text(json.dumps(written))


def naming(results: Path, names: tuple[str, ...]) -> list[str]:
    """Files that name one of some names, in their path, their bytes, or the values of a table."""
    found = []
    for file in sorted(results.rglob("*")):
        data = file.read_bytes() if file.is_file() else b""
        if data[:4] == b"PAR1":
            data += json.dumps(pq.read_table(file).to_pylist(), default=str).encode()
        if any(name.encode() in data + os.fsencode(file) for name in names):
            found.append(str(file.relative_to(results)))
    return found


def test_nothing_of_a_removed_video_remains_and_nothing_else_is_lost(run):
    before = {file: file.stat().st_mtime_ns for file in run.results.rglob("*.parquet")}
    assert len(naming(run.results, GONE)) > 8
    manifest = purge(run.results, LISTED, run.root)
    assert naming(run.results, GONE) == []
    written = json.loads(manifest.read_text())
    assert written["counts"] == {"sources": 0, "videos": 1, "rows": 1, "files": 1}
    assert digest("video", GONE[0]) in written["digests"] and digest("video", GONE[2]) in written["digests"]
    left = {file: file.stat().st_mtime_ns for file in run.results.rglob("*.parquet")}
    assert {*before} - {*left} == {run.results / "split.parquet", run.results / "model/examples.parquet"}
    assert left == {file: before[file] for file in left}  # so that no job runs for them
    clips = run.results / "collect" / "clips"
    assert [file.name for file in sorted(clips.rglob("*.mp4"))] == ["bbbbbbbbbb2_000.mp4", "cccccccccc3_000.mp4"]
    assert pq.read_table(clips / "00000" / "clips.parquet").to_pylist() == [{"clip_id": "bbbbbbbbbb2_000"}]
    assert not (clips / "00000" / ".clips.work-1").exists() and (clips / "00001" / ".clips.work-1").exists()
    assert (run.results / "logs" / "clips.log").read_text() == "cut bbbbbbbbbb2_000\n"
    assert (run.results / "judged.csv").read_text() == "clip,seen\nbbbbbbbbbb2_000,no\n"
    assert (run.results / "other.html").exists() and (run.results / "figure2.md").exists()
    rows = read_rows(run.results / "collect" / "channels" / "channels.parquet", "channels")
    assert [(row["video_id"], row["reason"]) for row in rows][:2] == [("", "removed"), ("bbbbbbbbbb2", "")]


def test_audit_finds_what_is_left_verified_and_the_model_to_be_trained_anew(run):
    purge(run.results, LISTED, run.root)
    found = {str(Path(one.path).relative_to(run.results)): one for one in Audit(run.results, run.root).run()}
    states = {name: one.state for name, one in found.items() if "clips" in name or "channels" in name}
    assert len(states) == 8 and set(states.values()) == {"verified"}
    assert (found["split.parquet"].state, found["report.md"].state) == ("missing", "missing")
    model = found["model/model.pt"]
    assert model.state == "stale" and any("is to be trained anew" in cause for cause in model.causes)
    (manifest,) = (run.results / MANIFESTS).glob("*.json")
    (to_retrain,) = json.loads(manifest.read_text())["to_retrain"]
    assert to_retrain["path"].endswith("model/model.pt")
    run.job("train_tokenizer", ["split.parquet"], {"model/model.pt": b"new weights"}, "b")
    new = {Path(one.path).name: one for one in Audit(run.results, run.root).run()}["model.pt"]
    assert not any("to be trained anew" in cause for cause in new.causes)


def test_a_removal_is_done_once_stays_in_force_and_leaves_what_it_does_not_name(run):
    def bytes_of() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in run.results.rglob("*") if file.is_file()}

    untouched = bytes_of()
    assert purge(run.results, Removals(), run.root) is None and bytes_of() == untouched
    assert purge(run.results, Removals(frozenset({digest("video", "zzzzzzzzzz9")})), run.root) is None
    assert {*bytes_of()} - {*untouched} == {*(run.results / MANIFESTS).glob("*.json")}  # it is in force from now on
    purge(run.results, LISTED, run.root)
    once = bytes_of()
    assert purge(run.results, LISTED, run.root) is None and bytes_of() == once
    assert purge(run.results, Removals(), run.root) is None and bytes_of() == once


@pytest.mark.parametrize(
    ("where", "calls"),
    [("Purge._clear_work", 0), ("Purge.finish", 0), ("hash_path", 1), *(("write_atomically", n) for n in range(1, 4))],
)
def test_a_purge_that_was_killed_is_done_to_its_end(run, monkeypatch, where, calls):
    real, left = getattr(Purge, where[6:]) if "." in where else getattr(purge_module, where), calls

    def killed(*given: object) -> object:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        return real(*given)

    with monkeypatch.context() as patched:
        patched.setattr(f"nonverbal.provenance.purge.{where}", killed)
        if where == "write_atomically":  # the manifest's, too
            patched.setattr(removal_module, where, killed)
        with pytest.raises(KeyboardInterrupt):
            purge(run.results, LISTED, run.root)
    assert naming(run.results, GONE)
    assert purge(run.results, LISTED if where == "Purge._clear_work" else Removals(), run.root)  # it is in force
    assert naming(run.results, GONE) == []
    states = {one.path: one.state for one in Audit(run.results, run.root).run() if "/collect/" in one.path}
    assert len(states) == 8 and set(states.values()) == {"verified"}


def test_rule_counts_the_list_and_the_manifests(run, tmp_path):
    purge(run.results, LISTED, run.root)
    listed = tmp_path / "removals.csv"
    listed.write_text(f"kind,id\nvideo,{GONE[0]}\nchannel,x\n")
    target = run.results / "provenance" / "removal.json"
    removal([listed], target)
    written = json.loads(target.read_text())
    assert written["listed"] == {"video": 1, "channel": 1} and written["removed"][0]["counts"]["videos"] == 1
    assert GONE[0] not in target.read_text()


def bytes_of(results: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in results.rglob("*") if file.is_file()}


def test_own_files_inside_the_results_links_and_other_runs_stay(run, tmp_path):
    outside = tmp_path / "elsewhere" / "notes.csv"
    own = run.results / "own" / f"{GONE[0]}.mp4"
    listed = run.results / "removals.csv"
    work = run.results / "other" / "clips" / ".clips.work-1a" / GONE[0] / "part"
    kept = {outside: "outside", own: "mine", listed: "list", work: "unfinished"}
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"video,{GONE[0]}\n")
    (run.results / "other" / "provenance" / "jobs").mkdir(parents=True)
    (run.results / "notes.csv").symlink_to(outside)
    (run.results / "broken.html").symlink_to(tmp_path / "nothing")
    os.mkfifo(run.results / "pipe.html")
    purge(run.results, LISTED, run.root, own=[own.parent, listed])
    assert [path.read_text() for path in kept] == [f"video,{GONE[0]}\n"] * len(kept)
    left = [name for name in naming(run.results / "collect", GONE) + naming(run.results / "logs", GONE) if name]
    assert left == [] and not (run.results / "page.html").exists()


def test_a_removed_source_without_videos_takes_nothing_with_it(run):
    tables = {name: run.results / "collect" / "channels" / f"{name}.parquet" for name in ("sources", "channels")}
    rows = pq.read_table(tables["sources"]).to_pylist()
    empty = rows[0] | {"channel_id": "nothing", "url": "", "entries": 0, "kept": False, "reason": "empty"}
    tables["sources"].write_bytes(parquet([*rows, empty]))
    (run.results / "spaced.html").write_text("  <p> of nobody </p>  \n\n")
    before = bytes_of(run.results)
    purge(run.results, Removals(frozenset({digest("channel", "nothing")})), run.root)
    assert naming(run.results, ("nothing",)) == ["figure2.md"]  # "of nothing", which its job says of no channel
    after = bytes_of(run.results)
    orphans = [file for file in before if file.suffix in (".html", ".csv", ".mp4", ".log")]
    assert len(orphans) == 8 and {file: after.get(file) for file in orphans} == {file: before[file] for file in orphans}


def test_nothing_is_removed_while_another_run_is_at_work(run):
    first, alone = enter(run.results)
    share(first)
    second, beside = enter(run.results)
    assert alone and not beside
    before = bytes_of(run.results)
    with pytest.raises(UserError, match="another run is at work"):
        purge(run.results, LISTED, run.root, alone=beside)
    assert bytes_of(run.results) == before
    assert purge(run.results, Removals(), run.root, alone=beside) is None  # nothing to remove, nothing to wait for
    for place in (first, second):
        os.close(place)
    third, alone = enter(run.results)
    os.close(third)
    assert alone


def test_results_that_cannot_be_changed_end_the_removal_with_a_sentence(run, monkeypatch):
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "split.parquet")

    monkeypatch.setattr("nonverbal.provenance.purge.remove", refused)
    with pytest.raises(UserError, match=r"split\.parquet.*run the same command again"):
        purge(run.results, LISTED, run.root)


@pytest.mark.parametrize(
    "name, text, found",
    [
        ("aaaaaaaaaa1", "aaaaaaaaaa1_000.mp4", True),
        ("aaaaaaaaaa1", "aaaaaaaaaa12", False),
        ("aaaaaaaaaa1", "xaaaaaaaaaa1", False),
        ("-b_c", "--b_c", True),
        ("-b_c", "b_c", False),
        ("https://site/1", "see https://site/1.", True),
        ("https://site/1", "see https://site/12", False),
        ("日本", "a 日本語", True),
        ("two two three", "two two two three", True),
    ],
)
def test_names_are_found_where_they_end(name, text, found):
    assert Names({name, "https://site/other"}).are_in(text.encode()) is found
    assert not Names(set()).are_in(text.encode())
