"""The page that people judge on, served on loopback alone.

Who opens the printed address gets a cookie that every other request must bring; other sites can neither send it nor,
as the name of the host is checked, pass for this one.
"""

import json
import re
import secrets
import sys
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from nonverbal.errors import UserError
from nonverbal.judge.excerpts import excerpt
from nonverbal.judge.sitting import Sitting
from nonverbal.media import MediaError

HOST = "127.0.0.1"
PAGE = Path(__file__).resolve().parents[2] / "resources" / "judge"
FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LARGEST = 4096  # bytes of a request
MEDIA = re.compile(r"/media/(?P<key>[0-9a-f]{12})/(?P<part>\d{1,3})")
RANGE = re.compile(r"bytes=(?P<first>\d{1,12})-(?P<last>\d{0,12})")
LENGTH = re.compile(r"\d{1,4}")


class Server(ThreadingHTTPServer):
    """Serves one sitting; `address` is what to open.

    Args:
        sitting: units and judgements.
        port: 0 for any free one.

    Raises:
        UserError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, sitting: Sitting, port: int) -> None:
        self.sitting, self.writing = sitting, Lock()
        self.token = secrets.token_urlsafe(16)
        try:
            super().__init__((HOST, port), Handler)
        except OSError as error:
            raise UserError(
                f"port {port} of {HOST} can't be used ({error.strerror}); write --port 0 for a free one"
            ) from None
        self.hosts = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}
        self.cookie = f"nonverbal_judge_{self.server_port}"  # other servers of this machine share its cookies
        self.address = f"http://{HOST}:{self.server_port}/?token={self.token}"

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class has it
        """A browser that stops listening, as to a movie that is no longer shown, is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers the page's requests, quietly."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        """The page, a unit's media, or how far a person is."""
        path, _, rest = self.path.partition("?")
        query = {name: values[0] for name, values in parse_qs(rest).items()}
        if path == "/" and self._at_home() and self._is_token(query.get("token", "")):
            cookie = f"{self.server.cookie}={self.server.token}; HttpOnly; SameSite=Strict; Path=/"
            self._send(HTTPStatus.SEE_OTHER, b"", "text/plain", {"Location": "/", "Set-Cookie": cookie})
        elif not self._welcome():
            self._refuse()
        elif path in FILES:
            name, kind = FILES[path]
            self._send(HTTPStatus.OK, (PAGE / name).read_bytes(), f"{kind}; charset=utf-8")
        elif path == "/api/state":
            self._answer(query)
        elif found := MEDIA.fullmatch(path):
            self._media(found["key"], int(found["part"]))
        else:
            self._say(HTTPStatus.NOT_FOUND, "there is nothing here")

    def do_POST(self) -> None:
        """A judgement, or one taken back; the answer is what is next."""
        length = self.headers.get("Content-Length", "")
        if not LENGTH.fullmatch(length) or int(length) > LARGEST:
            self.close_connection = True  # what follows is not read
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too long")
            return
        body = self.rfile.read(int(length))
        if not self._welcome() or self.headers.get_content_type() != "application/json":
            self._refuse()
            return
        try:
            said = {name: str(value) for name, value in json.loads(body).items()}
        except (ValueError, AttributeError, RecursionError):
            self._say(HTTPStatus.BAD_REQUEST, "that is no JSON object")
            return
        if self.path == "/api/judge":
            self._answer(said, lambda: self._sitting.judge(said["annotator"], said["key"], said["verdict"]))
        elif self.path == "/api/undo":
            self._answer(said, lambda: self._sitting.undo(said["annotator"]))
        else:
            self._say(HTTPStatus.NOT_FOUND, "there is nothing here")

    @property
    def _sitting(self) -> Sitting:
        return self.server.sitting

    def _answer(self, said: dict[str, str], first: Any = None) -> None:  # noqa: ANN401 - something to do, or nothing
        try:
            with self.server.writing:
                if first:
                    first()
                state = self._sitting.state(said["annotator"], said.get("question", ""))
        except KeyError as error:
            self._say(HTTPStatus.BAD_REQUEST, f"{error} is missing")
        except UserError as error:
            self._say(HTTPStatus.BAD_REQUEST, str(error))
        else:
            self._send(HTTPStatus.OK, json.dumps(state).encode(), "application/json")

    def _media(self, key: str, part: int) -> None:
        unit = self._sitting.units.get(key)
        if unit is None or part >= max(len(unit["spans"]), 1):
            self._say(HTTPStatus.NOT_FOUND, "there is no such unit, or it has no such part")
            return
        try:
            data, kind = excerpt(self._sitting.results, unit, part)
        except MediaError as error:
            self._sitting.damaged.add(key)
            self._say(HTTPStatus.GONE, str(error))
            return
        self._ranged(data, kind)

    def _ranged(self, data: bytes, kind: str) -> None:
        """Send data, or the part of it that a player asks for."""
        headers = {"Accept-Ranges": "bytes"}
        found = RANGE.fullmatch(self.headers.get("Range", ""))
        if not found:
            self._send(HTTPStatus.OK, data, kind, headers)
            return
        first, last = int(found["first"]), min(int(found["last"] or len(data) - 1), len(data) - 1)
        if first > last:
            headers["Content-Range"] = f"bytes */{len(data)}"
            self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", kind, headers)
            return
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        self._send(HTTPStatus.PARTIAL_CONTENT, data[first : last + 1], kind, headers)

    def _at_home(self) -> bool:
        """Whether the request is for this server by its own name, and not for a site that points here."""
        return self.headers.get("Host", "") in self.server.hosts

    def _welcome(self) -> bool:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(self.server.cookie)
        except CookieError:
            return False
        return self._at_home() and self._is_token(cookie.value if cookie else "")

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.server.token.encode())

    def _refuse(self) -> None:
        self._say(HTTPStatus.FORBIDDEN, "open the address that the command printed")

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._send(status, text.encode(), "text/plain; charset=utf-8")

    def _send(self, status: HTTPStatus, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            **HEADERS,
            **(headers or {}),
            "Content-Type": kind,
            "Content-Length": str(len(data)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal for people."""
