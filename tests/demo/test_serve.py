import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from nonverbal.demo.serve import PORT_VARIABLE, demo_port, start
from nonverbal.errors import UserError


@pytest.fixture
def server(tmp_path):
    (tmp_path / "media" / "a").mkdir(parents=True)
    (tmp_path / "media" / "a" / "a.mp4").write_bytes(b"film")
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "video.json").write_text("{}")
    server = start(tmp_path, free_port())
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def status(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""


def test_media_is_served_and_the_rest_is_not_found(server):
    assert status(f"{server}/media/a/a.mp4") == (200, b"film")
    assert status(f"{server}/media/a/missing.mp4")[0] == 404
    assert status(f"{server}/truth/video.json")[0] == 404
    assert status(f"{server}/media/../truth/video.json")[0] == 404


def test_a_taken_port_is_told_in_a_sentence(server, tmp_path):
    with pytest.raises(UserError, match=f"can't be used.*set {PORT_VARIABLE} to a free port"):
        start(tmp_path, int(server.rsplit(":", 1)[1]))


def test_the_port_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv(PORT_VARIABLE, "9001")
    assert demo_port() == 9001
    monkeypatch.setenv(PORT_VARIABLE, "many")
    with pytest.raises(UserError, match="no port number"):
        demo_port()


def serving(monkeypatch, *command):
    monkeypatch.setenv(PORT_VARIABLE, str(free_port()))
    return subprocess.Popen([sys.executable, "-m", "nonverbal.demo.serve", *command], stdout=-1, stderr=-1, text=True)


def test_the_commands_exit_status_is_passed_on(monkeypatch):
    assert serving(monkeypatch, ".", "--", sys.executable, "-c", "raise SystemExit(7)").wait() == 7
    wrong = serving(monkeypatch, "snakemake")
    assert wrong.wait() == 2 and wrong.stderr.read().startswith("usage:")


def test_signals_reach_the_command(monkeypatch):
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(0.1)\n"
    )
    process = serving(monkeypatch, ".", "--", sys.executable, "-c", program)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    assert process.wait(timeout=20) == 5
    assert time.monotonic() - begun < 10
