"""The page's server: who may ask, what is told, what is kept."""

import http.client
import json
import socket
import struct
import threading
from io import BytesIO

import av
import pytest
from judge_cases import HOSTILE, THERE

from nonverbal.errors import UserError
from nonverbal.judge.judgements import Judgements, read, read_all
from nonverbal.judge.serve import Server
from nonverbal.judge.sitting import Sitting
from nonverbal.schema import read_rows


class Client:
    """A browser that has opened the printed address."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cookie = f"{server.cookie}={server.token}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=20)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Cookie": self.cookie, "Content-Type": "application/json"} | given)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()

    def state(self, annotator: str = "ada", question: str = "") -> dict:
        status, _, data = self.ask("GET", f"/api/state?annotator={annotator}&question={question}")
        assert status == 200, data
        return json.loads(data)

    def post(self, path: str, **said: str) -> tuple[int, dict]:
        status, _, data = self.ask("POST", path, json.dumps(said).encode())
        return status, json.loads(data) if status == 200 else {"error": data.decode()}


@pytest.fixture
def server(results, tmp_path):
    with Server(Sitting(results, tmp_path / "judgements"), 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def client(server):
    return Client(server)


def test_the_printed_address_gives_the_cookie_that_all_else_asks_for(client, server):
    status, headers, _ = client.ask("GET", server.address.split(str(server.server_port))[1], Cookie="")
    assert (status, headers["Location"]) == (303, "/")
    assert headers["Set-Cookie"].startswith(client.cookie)
    assert "HttpOnly; SameSite=Strict" in headers["Set-Cookie"]
    for path in (
        "/",
        "/page.js",
        "/api/state?annotator=ada",
        "/media/000000000000/0",
        "/?token=wrong",
        "/?token=%C3%A9",
    ):
        assert client.ask("GET", path, Cookie="")[0] == 403
    assert client.ask("POST", "/api/judge", b"{}", Cookie="")[0] == 403
    assert client.ask("GET", "/")[0] == 200


def test_a_site_that_points_here_is_refused(client, server):
    assert client.ask("GET", "/", Host=f"evil.example:{server.server_port}")[0] == 403
    assert client.ask("GET", f"/?token={server.token}", Host="evil.example")[0] == 403
    assert client.ask("GET", "/", Host=f"localhost:{server.server_port}")[0] == 200
    assert client.ask("POST", "/api/undo", b'{"annotator": "ada"}', Content_Type="text/plain")[0] == 403
    assert server.server_address[0] == "127.0.0.1"


def test_what_a_person_is_shown_tells_nothing_of_what_was_decided(client):
    state = client.state()
    assert set(state["unit"]) == {"key", "question", "ask", "unit", "text", "spans", "boxes"}
    assert set(state["questions"][0]) == {"question", "ask", "units", "judged", "gone"}
    said = json.dumps([client.state(question=one["question"]) for one in state["questions"]])
    assert not any(word in said for word in ("one_speaker", "no_people", "kept", "reason", "a_000", "harmful"))


def test_judging_goes_on_where_it_was_and_undo_goes_back(client, tmp_path):
    first = client.state(question="safe")["unit"]
    status, state = client.post("/api/judge", annotator="ada", question="safe", key=first["key"], verdict="yes")
    assert status == 200
    assert state["unit"]["key"] != first["key"]
    assert state["undo"]
    assert client.state("eve", "safe")["unit"]["key"] == first["key"]  # each person has their own progress
    again = Sitting(client.server.sitting.results, tmp_path / "judgements")  # as after a crash
    assert again.state("ada", "safe")["unit"] == state["unit"]
    _, state = client.post("/api/undo", annotator="ada", question="safe")
    assert state["unit"]["key"] == first["key"]
    assert not state["undo"]
    assert len((tmp_path / "judgements" / "ada.jsonl").read_text().splitlines()) == 2  # nothing is erased


@pytest.mark.parametrize("said", [
    {"annotator": "../../evil"}, {"annotator": ""}, {"annotator": "a" * 41}, {"annotator": "a/b"}, {"key": "f" * 12},
    {"verdict": "undone "}, {"verdict": "maybe"},
])  # fmt: skip
def test_what_is_no_judgement_is_refused_and_keeps_nothing(client, tmp_path, said):
    key = client.state()["unit"]["key"]
    status, answer = client.post("/api/judge", **{"annotator": "ada", "key": key, "verdict": "yes"} | said)
    assert status == 400
    assert answer["error"]
    assert not list(tmp_path.rglob("*.jsonl"))


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"{}", b'{"annotator": null}'])
def test_a_request_that_is_no_object_is_refused(client, body):
    assert client.ask("POST", "/api/judge", body)[0] == 400


def test_a_long_request_is_not_read(client):
    assert client.ask("POST", "/api/judge", b" " * 5000)[0] == 413
    assert client.ask("POST", "/api/judge", b"", Content_Length="9" * 5000)[0] == 413


def test_odd_requests_are_answered_and_leave_the_terminal_alone(client, server, capsys):
    (unit,) = units_of(server, "words")[:1]
    assert client.ask("POST", "/api/judge", b"[" * 4000)[0] == 400
    assert client.ask("GET", f"/media/{unit['key']}/0", Range=f"bytes={'9' * 5000}-")[0] in (200, 410)
    for request in (b"GET http://[evil/ HTTP/1.1\r\nHost: evil\r\n\r\n", b"GET /"):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing it resets it
            raw.sendall(request)
            assert request == b"GET /" or raw.recv(12) == b"HTTP/1.1 403"
    assert client.ask("GET", "/")[0] == 200
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("path", [
    "/../config.yaml", "/%2e%2e/config.yaml", "/media/../../config.yaml", "/page.py", "/media/000000000000/0",
    "/media/00000/0", "//etc/passwd", "/resources/judge/page.js", "/media/%2e%2e/0",
])  # fmt: skip
def test_nothing_but_the_page_and_drawn_units_is_served(client, path):
    assert client.ask("GET", path)[0] == 404


def units_of(server, question):
    return [unit for unit in server.sitting.units.values() if unit["question"] == question]


def test_an_excerpt_is_a_movie_with_sound_of_the_span_alone(client, server):
    (unit,) = [unit for unit in units_of(server, "words") if unit["clip_id"] in THERE][:1]
    status, headers, data = client.ask("GET", f"/media/{unit['key']}/0")
    assert (status, headers["Content-Type"]) == (200, "video/mp4")
    with av.open(BytesIO(data)) as movie:
        assert {stream.type for stream in movie.streams} == {"video", "audio"}
        span = unit["spans"][0]
        assert movie.duration / 1e6 == pytest.approx(span["end_s"] - span["start_s"], abs=0.1)
        assert (movie.streams.video[0].width, movie.streams.video[0].height) == (160, 90)
    status, headers, part = client.ask("GET", f"/media/{unit['key']}/0", Range="bytes=10-19")
    assert (status, part) == (206, data[10:20])
    assert headers["Content-Range"] == f"bytes 10-19/{len(data)}"
    assert client.ask("GET", f"/media/{unit['key']}/0", Range=f"bytes={len(data)}-")[0] == 416
    assert client.ask("GET", f"/media/{unit['key']}/1")[0] == 404


def test_a_frame_is_that_frame(client, server):
    shown = [unit for unit in units_of(server, "face") if unit["clip_id"] in THERE]
    assert shown
    for unit in shown:
        status, headers, data = client.ask("GET", f"/media/{unit['key']}/0")
        assert (status, headers["Content-Type"]) == (200, "image/jpeg")
        with av.open(BytesIO(data)) as picture:
            grey = next(picture.decode(video=0)).to_ndarray(format="gray").mean()
        assert grey == pytest.approx(4 * unit["frame"], abs=2.5)  # which write_media made of it


def test_units_without_media_are_passed_over_and_counted(client, server):
    count = {one["question"]: one for one in client.state()["questions"]}
    there = [unit for unit in units_of(server, "two_speakers") if unit["clip_id"] in THERE]
    assert count["two_speakers"]["gone"] == count["two_speakers"]["units"] - len(there)
    assert count["safe"]["gone"] == 0  # words to read
    gone = next(unit for unit in units_of(server, "two_speakers") if unit["clip_id"] not in THERE)
    status, _, data = client.ask("GET", f"/media/{gone['key']}/0")
    assert status == 410
    assert b"no longer here" in data


def test_a_damaged_clip_is_told_and_passed_over(client, server, results):
    (unit,) = [unit for unit in units_of(server, "words") if unit["clip_id"] in THERE][:1]
    (results / "collect/clips" / unit["folder"] / "media" / unit["video"]).write_bytes(b"no movie")
    assert client.ask("GET", f"/media/{unit['key']}/0")[0] == 410
    following = client.state(question="words")["unit"]
    assert following is None or following["key"] != unit["key"]


@pytest.mark.parametrize("change", [
    {"video": "../../../../../../etc/passwd"}, {"folder": "../.."}, {"folder": ".."}, {"video": "/etc/passwd"},
])  # fmt: skip
def test_a_table_that_names_files_elsewhere_reaches_none(client, server, change):
    unit = next(unit for unit in units_of(server, "words") if unit["clip_id"] in THERE)
    unit |= change
    assert client.ask("GET", f"/media/{unit['key']}/0")[0] == 410


def test_hostile_words_are_sent_as_they_are_and_no_script_may_run(client, server):
    state = client.state(question="safe")
    assert state["unit"]["text"] == HOSTILE
    _, headers, page = client.ask("GET", "/")
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert b"<script>" not in page
    assert b"innerHTML" not in client.ask("GET", "/page.js")[2]


def test_a_line_that_a_crash_cut_off_spoils_no_other(tmp_path):
    judgements = Judgements(tmp_path)
    judgements.add("ada", "k1", "yes")
    with (tmp_path / "ada.jsonl").open("a") as file:
        file.write('{"key": "k2", "verd')
    judgements.add("ada", "k3", "no")
    assert judgements.of("ada") == {"k1": "yes", "k3": "no"}
    judgements.add("eve", "k1", "unsure")
    assert sorted(map(tuple, read_all(list(tmp_path.iterdir())).to_numpy())) == [
        ("ada", "k1", "yes"), ("ada", "k3", "no"), ("eve", "k1", "unsure"),
    ]  # fmt: skip


def test_the_last_word_counts(tmp_path):
    judgements = Judgements(tmp_path)
    for verdict in ("yes", "no", "undone", "unsure"):
        judgements.add("ada", "k", verdict)
    assert read(tmp_path / "ada.jsonl") == {"k": "unsure"}


def test_judgements_hold_no_id(client, server, tmp_path):
    for unit in server.sitting.units.values():
        server.sitting.judge("ada", unit["key"], "yes")
    text = (tmp_path / "judgements" / "ada.jsonl").read_text()
    ids = {row[name] for row in read_rows(server.sitting.results / "judge/draw/units.parquet", "judge_units")
           for name in ("video_id", "clip_id")} - {""}  # fmt: skip
    assert not any(f'"{id}"' in text or f"{id}_" in text for id in ids)


def test_a_run_without_a_draw_is_told_what_to_do(tmp_path):
    with pytest.raises(UserError, match="snakemake judge"):
        Sitting(tmp_path, tmp_path)


def test_a_taken_port_is_told(server):
    with pytest.raises(UserError, match="--port 0"):
        Server(server.sitting, server.server_port)
