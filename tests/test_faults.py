"""Faults of the machine, of the network and of people: each run mends itself, and ends as one that nothing befell.

The stage is `collect`, on three own files or on a web site of the test's own, since every stage's jobs resume alike.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from nonverbal.media import run_ffmpeg

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[1]
JOBS = ["channels", "thumbnails", "keep_people", "download", "clips"]  # in the order in which they run


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """A folder of three videos of 4 to 5 s."""
    folder = tmp_path_factory.mktemp("own") / "own"
    folder.mkdir()
    for number in range(3):
        length = f"{4 + number / 2}"
        run_ffmpeg(
            "-f", "lavfi", "-i", f"testsrc2=rate=25:size=160x120:duration={length}",
            "-f", "lavfi", "-i", f"sine=frequency={440 + number}:duration={length}",
            "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(folder / f"{number}.mp4"),
        )  # fmt: skip
    return folder


class Workflow:
    """Stage collect with a results folder of its own, and Snakemake's own folder, with its locks, beside it."""

    def __init__(self, folder: Path, sources: object, **changes: object) -> None:
        self.results = folder / "results"
        self.config = folder / "config.json"
        collect = {"keep_people": {"people": 0}, "clips": {"skip_s": 0, "length_s": 2}} | changes
        text = {"sources": sources, "results": str(self.results), "shards": 1, "collect": collect}
        self.config.write_text(json.dumps(text, default=str))
        self.command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        self.command += ["--directory", str(folder), "--cores", "1", "--rerun-incomplete"]
        self.command += ["--configfile", str(ROOT / "config.yaml"), str(self.config), "--"]

    def run(self, target: str = "collect", **options: object) -> subprocess.CompletedProcess:
        return subprocess.run([*self.command, target], cwd=ROOT, capture_output=True, text=True, timeout=300, **options)

    def start(self, target: str = "collect") -> subprocess.Popen:
        return subprocess.Popen(
            [*self.command, target], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def unlock(self) -> None:
        result = subprocess.run([*self.command[:-1], "--unlock"], cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr

    def completes(self) -> str:
        """Run to the end; what was said."""
        result = self.run()
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    def results_of_jobs(self) -> dict[str, str]:
        """Hash of every result, by path in the results folder."""
        folder = self.results / "collect"
        files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.startswith(".")]
        hidden = [file for file in files if any(part.startswith(".") for part in file.relative_to(folder).parts)]
        assert hidden == [], "a work folder is left"
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    def ended(self) -> dict[str, float]:
        """When the job of each rule ended, from its run record."""
        records = (self.results / "provenance" / "jobs").rglob("*.json")
        return {path.parent.name: json.loads(path.read_text())["ended"] for path in records}

    def goes_on_from(self, before: dict[str, float]) -> bool:
        """Whether no job that had ended before was done again."""
        after = self.ended()
        return {rule: after[rule] for rule in before} == before


@pytest.fixture
def workflow(tmp_path: Path, videos: Path) -> Workflow:
    return Workflow(tmp_path, videos)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, videos: Path) -> dict[str, str]:
    """The results of a run that nothing befell."""
    quiet = Workflow(tmp_path_factory.mktemp("quiet"), videos)
    quiet.completes()
    results = quiet.results_of_jobs()
    assert len(results) > 15 and set(quiet.ended()) == set(JOBS)
    return results


def wait_for(condition: Callable[[], object], process: subprocess.Popen, timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def job_of(head: subprocess.Popen, rule: str) -> psutil.Process | None:
    """The process of a rule's job under a Snakemake, while it runs."""
    for child in psutil.Process(head.pid).children(recursive=True):
        try:
            if any(part.endswith(f".{rule}.py") for part in child.cmdline()):
                return child
        except psutil.NoSuchProcess:
            continue
    return None


def test_a_killed_job_is_the_only_one_that_is_done_again(workflow, undisturbed):
    """As the kernel does to a job that takes too much memory: signal 9, with no word."""
    head = workflow.start()
    wait_for(lambda: job_of(head, "clips"), head)
    job_of(head, "clips").kill()
    said, _ = head.communicate(timeout=120)
    assert head.returncode == 1 and "Error in rule clips" in said
    before = workflow.ended()
    assert set(before) == set(JOBS) - {"clips"}
    workflow.completes()
    assert workflow.goes_on_from(before) and workflow.results_of_jobs() == undisturbed


def test_a_killed_head_is_followed_by_a_run_that_goes_on(workflow, undisturbed):
    head = workflow.start()
    wait_for(lambda: job_of(head, "keep_people"), head)
    before = workflow.ended()
    assert {"channels", "thumbnails"} <= set(before)
    family = psutil.Process(head.pid).children(recursive=True)
    head.send_signal(signal.SIGKILL)
    head.wait()
    psutil.wait_procs(family, timeout=60)  # a job that lost its head ends by itself
    locked = workflow.run()
    assert locked.returncode == 1 and "--unlock" in locked.stdout + locked.stderr
    workflow.unlock()
    workflow.completes()
    assert workflow.goes_on_from(before) and workflow.results_of_jobs() == undisturbed


def test_two_at_once_cannot_spoil_each_other(workflow, undisturbed):
    first = workflow.start()
    wait_for(lambda: job_of(first, "channels"), first)
    second = workflow.run()
    assert second.returncode == 1 and "locked" in second.stdout + second.stderr.lower()
    said, _ = first.communicate(timeout=240)
    assert first.returncode == 0, said
    assert workflow.results_of_jobs() == undisturbed


def test_a_table_that_is_cut_off_is_named_and_made_again(workflow, undisturbed):
    assert workflow.run("channels").returncode == 0
    assert workflow.run(str(workflow.results / "collect/thumbnails/00000/thumbnails.parquet")).returncode == 0
    table = workflow.results / "collect" / "thumbnails" / "00000" / "thumbnails.parquet"
    table.write_bytes(table.read_bytes()[:700])
    failed = workflow.run()
    said = failed.stdout + failed.stderr
    assert failed.returncode == 1 and f"{table} is damaged" in said and "remove it" in said
    table.unlink()
    workflow.completes()
    assert workflow.results_of_jobs() == undisturbed


def shift(folder: Path, hours: float) -> None:
    """Give all files the times of a clock that was ahead, or behind."""
    for file in sorted(folder.rglob("*")):
        at = file.stat().st_mtime + 3600 * hours
        os.utime(file, (at, at))


def test_a_clock_that_was_behind_changes_no_result(workflow, undisturbed):
    """What then looks older than the scripts that made it is made again."""
    assert workflow.run(str(workflow.results / "collect/thumbnails/00000/thumbnails.parquet")).returncode == 0
    shift(workflow.results, -30)
    workflow.completes()
    assert workflow.results_of_jobs() == undisturbed
    assert "Nothing to be done" in workflow.completes()


def test_a_clock_that_was_ahead_is_told_and_mended_by_a_touch(workflow, undisturbed):
    assert workflow.run(str(workflow.results / "collect/thumbnails/00000/thumbnails.parquet")).returncode == 0
    before = workflow.ended()
    shift(workflow.results, 30)
    told = workflow.run()
    assert told.returncode == 1 and "clock skew" in told.stdout + told.stderr
    command = f'find {workflow.results} -newermt now -exec touch -d "$(date)" {{}} +'  # as docs/faults.md says
    subprocess.run(["bash", "-c", command], check=True)
    workflow.completes()
    assert workflow.goes_on_from(before) and workflow.results_of_jobs() == undisturbed
    assert "Nothing to be done" in workflow.completes()


def in_namespace(script: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run a shell script that may mount what nobody else sees; skips where the machine forbids that."""
    for unshare in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        if subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0:
            command = [*unshare, "bash", "-euc", script, "bash", *arguments]
            return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    pytest.skip("this machine lets nobody mount a file system for a test (unshare --mount)")


FULL = """
folder=$1; shift; mkdir -p "$folder"
mount -t tmpfs -o size=200k none "$folder"
"$@" && exit 7
echo "== room is made"
mount -o remount,size=200m "$folder"
"$@"
cp -r "$folder" "$folder.kept"
"""


def test_a_full_disk_fails_the_job_and_loses_nothing(workflow, undisturbed):
    result = in_namespace(FULL, str(workflow.results), *workflow.command, "collect")
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    assert "No space left on device" in said
    workflow.results = Path(f"{workflow.results}.kept")
    assert workflow.results_of_jobs() == undisturbed


READ_ONLY = """
folder=$1; shift
mount --bind "$folder" "$folder"
mount -o remount,bind,ro "$folder"
"$@" && exit 7 || exit 0
"""


def test_a_folder_that_became_read_only_fails_with_its_name(workflow, undisturbed):
    assert workflow.run(str(workflow.results / "collect/thumbnails/00000/thumbnails.parquet")).returncode == 0
    before = workflow.ended()
    result = in_namespace(READ_ONLY, str(workflow.results), *workflow.command, "collect")
    said = result.stdout + result.stderr
    assert result.returncode == 0 and "Read-only file system" in said and str(workflow.results) in said
    workflow.unlock()
    workflow.completes()
    assert workflow.goes_on_from(before) and workflow.results_of_jobs() == undisturbed


class Server:
    """A site with a feed and its videos; `sick` names what to do with a path: a status, or None to never answer."""

    def __init__(self, videos: Path) -> None:
        self.files = {f"/{file.name}": file.read_bytes() for file in sorted(videos.iterdir())}
        self.listed = list(self.files)
        self.sick: dict[str, int | None] = {}
        self.asked: list[str] = []
        self.done = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                if self.path in site.sick:
                    status = site.sick[self.path]
                    if status is None:
                        site.done.wait(60)
                    else:
                        self.send_error(status)
                    return
                body = site.feed() if self.path == "/feed.xml" else site.files[self.path]
                self.send_response(200)
                self.send_header("Content-Type", "application/rss+xml" if self.path == "/feed.xml" else "video/mp4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Silent."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def feed(self) -> bytes:
        items = "".join(
            f"<item><title>{name}</title><link>{self.url}{name}</link><guid>{name}</guid>"
            "<pubDate>Mon, 06 Jan 2020 12:00:00 GMT</pubDate></item>"
            for name in self.listed
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel><title>f</title>{items}</channel></rss>'.encode()

    def close(self) -> None:
        self.done.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server(videos, monkeypatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server(videos)
    yield server
    server.close()


@pytest.fixture
def remote(tmp_path, server) -> Workflow:
    return Workflow(tmp_path, f"{server.url}/feed.xml", network={"timeout_s": 2, "retries": 1})


@pytest.mark.parametrize("sickness", [None, 429, 503])
def test_a_server_that_hangs_or_is_busy_costs_only_its_own_video(remote, server, sickness):
    server.sick["/1.mp4"] = sickness
    failed = remote.run()
    said = failed.stdout + failed.stderr
    assert failed.returncode == 1 and "1 of 3 could not be done now" in said and "run the same command again" in said
    server.sick.clear()
    server.done.set()
    server.asked.clear()
    remote.completes()
    assert set(server.asked) == {"/1.mp4"}  # what was fetched is not fetched again
    assert len(list((remote.results / "collect" / "download" / "00000" / "media").glob("*.mp4"))) == 3


def test_a_video_that_is_gone_or_forbidden_is_a_row_with_a_reason(remote, server):
    from nonverbal.schema import read_rows

    server.sick |= {"/0.mp4": 404, "/1.mp4": 403}
    remote.completes()
    rows = read_rows(remote.results / "collect" / "download" / "00000" / "download.parquet", "download")
    assert sorted(row["reason"] for row in rows) == ["", "not_found", "unavailable"]
    assert "Nothing to be done" in remote.completes()


def test_a_feed_that_grows_adds_its_video_and_keeps_the_others(tmp_path, server):
    grown = Workflow(tmp_path, f"{server.url}/feed.xml")
    text = json.loads(grown.config.read_text()) | {"shards": 8}
    grown.config.write_text(json.dumps(text))
    server.listed = server.listed[:2]
    grown.completes()
    before = grown.results_of_jobs()
    server.listed = list(server.files)
    server.asked.clear()
    listing = subprocess.run(
        [*grown.command[:-1], "--forcerun", "channels", "--", "channels"], cwd=ROOT, capture_output=True, text=True
    )
    assert listing.returncode == 0, listing.stderr
    said = grown.completes()
    after = grown.results_of_jobs()
    assert said.count("rule clips:") + said.count("P1, F2: cutting clips") == 1  # the new video's shard alone
    clips = {name for name in before if name.startswith("clips/") and name.endswith((".mp4", ".wav"))}
    assert clips and {name: after[name] for name in clips} == {name: before[name] for name in clips}
    assert len({name for name in after if name.endswith(".mp4") and name.startswith("clips/")}) > len(clips) / 2
    assert {path for path in server.asked if path.endswith(".mp4")} == {"/2.mp4"}
