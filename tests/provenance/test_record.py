import hashlib
import importlib.metadata
import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

import nonverbal.schema  # noqa: F401 - one of the modules that a test asks for
from nonverbal.provenance import hashes
from nonverbal.provenance.hashes import MISSING, Remembered, hash_all, hash_path
from nonverbal.provenance.machine import cpu_s, imported_packages, peak_mb
from nonverbal.provenance.record import library_modules, read_records


def test_a_file_hashes_as_sha256sum_does(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert hash_path(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
    assert hash_path(tmp_path / "absent") == MISSING


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=8), min_size=1, max_size=4))
def test_a_folder_hash_depends_on_names_and_bytes_alone(tmp_path_factory, files):
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    for folder, order in ((one, list(files)), (two, list(files)[::-1])):
        for name in order:
            (folder / name).write_bytes(files[name])
    (two / ".snakemake_timestamp").touch()
    assert hash_path(one) == hash_path(two)
    (two / next(iter(files))).write_bytes(files[next(iter(files))] + b"!")
    assert hash_path(one) != hash_path(two)


def test_threads_change_nothing(tmp_path):
    for i in range(20):
        (tmp_path / f"{i:02d}").write_text(str(i))
    paths = [str(tmp_path), *map(str, tmp_path.iterdir())]
    assert hash_all(paths, threads=8) == hash_all(paths, threads=1)


def test_a_large_file_is_read_once_and_again_when_it_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(hashes, "KEEP_FROM", 4)
    large = tmp_path / "large"
    large.write_bytes(b"12345")
    remembered, reads = Remembered(tmp_path / "hashes"), []
    real = hashes._hash_file
    monkeypatch.setattr(hashes, "_hash_file", lambda path: reads.append(path) or real(path))
    first = remembered.hash_all([str(large)])
    assert remembered.hash_all([str(large)]) == first and len(reads) == 1
    large.write_bytes(b"12346")
    os.utime(large, ns=(1, 1))
    assert remembered.hash_all([str(large)])[str(large)] == hashlib.sha256(b"12346").hexdigest()
    assert len(reads) == 2


def test_the_record_names_what_is_imported():
    assert "nonverbal/schema.py" in library_modules()
    assert "nonverbal/provenance/record.py" not in library_modules()
    owners = importlib.metadata.packages_distributions()
    names = {owner for module in sys.modules for owner in owners.get(module.split(".")[0], [])}
    assert {"hypothesis", "pytest", "PyYAML"} <= names
    assert imported_packages() == {name: importlib.metadata.version(name) for name in sorted(names)}


def test_a_record_holds_the_job(finished):
    record = next(r for r in read_records(finished.results) if r["rule"] == "doubled")
    assert record["wildcards"] == {"shard": "00001"}
    assert record["outputs"] == {str(finished.results / "b/doubled.txt"): hashlib.sha256(b"2 4 6").hexdigest()}
    assert record["ended"] >= record["started"]
    assert {r["rule"]: r["gpus"] for r in read_records(finished.results)}["report"] == 2 and record["gpus"] == 0


def test_a_record_counts_what_a_started_process_cost():
    before = cpu_s()
    busy = "import time\nheld = b'x' * 300_000_000\nwhile time.process_time() < 0.4: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)
    assert cpu_s() - before > 0.3 and peak_mb() > 300


def test_code_that_changes_under_a_running_job_is_recorded_as_it_began(finished, monkeypatch):
    import nonverbal.provenance.record as module

    versions = iter([{"nonverbal/x.py": "old"}, {"nonverbal/x.py": "new", "nonverbal/late.py": "late"}])
    monkeypatch.setattr(module, "library_modules", lambda: next(versions))
    finished.job("edited", ["source"], {"h/out.txt": "1"}, "adding")
    record = next(r for r in read_records(finished.results) if r["rule"] == "edited")
    assert record["modules"] == {"nonverbal/x.py": "old", "nonverbal/late.py": "late"}
