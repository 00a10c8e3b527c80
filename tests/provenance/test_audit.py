import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from nonverbal.errors import UserError
from nonverbal.provenance.audit import Audit, merged, show

ALL = {"a/numbers.txt", "a/media/x.wav", "b/doubled.txt", "c/report.md", "d/other.txt"}


def states(run) -> dict[str, str]:
    """State of each artifact that is not verified."""
    findings = Audit(run.results, run.root).run()
    return {str(Path(f.path).relative_to(run.results)): f.state for f in findings if f.state != "verified"}


def finding(run, path: str):
    return next(f for f in Audit(run.results, run.root).run() if f.path == str(run.results / path))


def test_an_untouched_run_is_verified(finished):
    findings = Audit(finished.results, finished.root).run()
    assert {str(Path(f.path).relative_to(finished.results)) for f in findings} == ALL
    assert {f.state for f in findings} == {"verified"}


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("a/numbers.txt", {"b/doubled.txt", "c/report.md"}),
        ("a/media/x.wav", set()),
        ("b/doubled.txt", {"c/report.md"}),
        ("c/report.md", set()),
    ],
)
def test_a_flipped_byte_is_changed_and_only_its_descendants_are_stale(finished, path, below):
    file = finished.results / path
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)
    assert states(finished) == {path: "changed"} | dict.fromkeys(below, "stale")


def test_the_reason_and_the_command_name_the_cause(finished):
    (finished.results / "a/numbers.txt").write_text("9")
    remake = f"snakemake --forcerun {finished.results}/a/numbers.txt"
    changed, child, grandchild = (finding(finished, p) for p in ("a/numbers.txt", "b/doubled.txt", "c/report.md"))
    assert "rule numbers" in changed.reason
    assert changed.command == child.command == grandchild.command == remake
    assert child.reason == f"input {finished.results}/a/numbers.txt has changed since"
    assert grandchild.reason == f"made from {finished.results}/b/doubled.txt, which is stale"


def test_an_edited_module_makes_its_users_and_their_descendants_stale(finished):
    (finished.root / "nonverbal/doubling.py").write_text("# another way to double\n")
    assert states(finished) == {"b/doubled.txt": "stale", "c/report.md": "stale"}
    assert finding(finished, "b/doubled.txt").reason == "library module nonverbal/doubling.py has changed since"


def test_an_edited_script_makes_its_outputs_stale(finished):
    (finished.root / "scripts/report.py").unlink()
    assert states(finished) == {"c/report.md": "stale"}


def test_a_source_that_changed_makes_all_that_read_it_stale(finished):
    finished.source.write_text("4\n")
    assert states(finished) == dict.fromkeys(ALL, "stale")
    assert finding(finished, "d/other.txt").command == f"snakemake --forcerun {finished.results}/d/other.txt"


def test_a_deleted_artifact_is_missing(finished):
    (finished.results / "b/doubled.txt").unlink()
    assert states(finished) == {"b/doubled.txt": "missing", "c/report.md": "stale"}
    assert finding(finished, "b/doubled.txt").command == f"snakemake {finished.results}/b/doubled.txt"


def test_a_stray_file_is_an_orphan(finished):
    (finished.results / "b/stray file.txt").write_text("?")
    assert states(finished) == {"b/stray file.txt": "orphan"}
    assert finding(finished, "b/stray file.txt").command == f"rm '{finished.results}/b/stray file.txt'"


def test_a_run_inside_the_results_folder_is_another_run(finished):
    inner = finished.results / "demo/provenance/jobs/x"
    inner.mkdir(parents=True)
    (finished.results / "demo/table.csv").write_text("1")
    assert states(finished) == {}


def test_a_folder_of_outputs_is_one_artifact(finished):
    finished.job("media", ["a/media/x.wav"], {"e/whole/one": "1"}, "cutting")
    record = next((finished.results / "provenance/jobs/media").iterdir())
    content = json.loads(record.read_text())
    folder = str(finished.results / "e/whole")
    from nonverbal.provenance.hashes import hash_path

    content["outputs"] = {folder: hash_path(Path(folder))}
    record.write_text(json.dumps(content))
    finished.job("user", ["e/whole/one"], {"f/user.txt": "1"}, "using")
    assert states(finished) == {}
    (finished.results / "e/whole/two").write_text("2")
    assert states(finished) == {"e/whole": "changed", "f/user.txt": "stale"}


def test_a_moved_results_folder_is_still_verified(finished):
    moved = finished.results.rename(finished.results.with_name("moved"))
    assert {f.state for f in Audit(moved, finished.root).run()} == {"verified"}


def test_a_job_that_ran_again_is_judged_by_its_latest_record(finished):
    finished.job("numbers", ["source"], {"a/numbers.txt": "3 2 1", "a/media/x.wav": "sound"}, "reading")
    assert states(finished) == {"b/doubled.txt": "stale", "c/report.md": "stale"}


def test_a_failed_job_leaves_no_record(finished):
    with pytest.raises(TypeError):
        finished.job("broken", ["source"], {"g/broken.txt": "1", "g/fails.txt": 7}, "breaking")  # 7 is no text
    assert states(finished) == {"g/broken.txt": "orphan"}


def test_a_folder_without_records_is_named(tmp_path):
    with pytest.raises(UserError, match="no run records"):
        Audit(tmp_path)


def test_the_table_lists_what_is_broken_and_counts_the_rest(finished):
    (finished.results / "c/report.md").write_text("[bold]")
    console = Console(width=400, record=True, file=io.StringIO())
    show(Audit(finished.results, finished.root).run(), console)
    text = console.export_text()
    assert "c/report.md" in text and "d/other.txt" not in text
    assert f"  snakemake --forcerun {finished.results}/c/report.md\n" in text
    assert "4 verified, 1 changed, 0 stale, 0 missing, 0 orphan" in text


def test_commands_that_differ_in_their_target_are_one():
    commands = {"snakemake -R b", "snakemake -R 'a a'", "rm c"}
    assert merged(commands) == ["rm c", "snakemake -R 'a a' b"]


def test_the_command_line_exits_1_and_prints_json(finished):
    """The command compares with this checkout's code, where the test's scripts are not: all is stale."""
    command = [sys.executable, "-m", "nonverbal.provenance.audit", str(finished.results), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert {f["state"] for f in json.loads(done.stdout)} == {"stale"}
    empty = subprocess.run([*command[:-2], str(finished.root)], capture_output=True, text=True)
    assert empty.returncode == 1 and "Traceback" not in empty.stderr and "no run records" in empty.stderr
