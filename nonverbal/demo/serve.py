"""Serve a corpus on loopback while a command runs: python -m nonverbal.demo.serve CORPUS -- COMMAND ..."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from nonverbal.errors import UserError

HOST, PORT = "127.0.0.1", 8765
PORT_VARIABLE = "NONVERBAL_DEMO_PORT"
SERVED = ("feeds", "pages", "media")  # the truth is not for the workflow to see
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Handler(SimpleHTTPRequestHandler):
    """Files of the corpus, quietly; what is elsewhere is not found."""

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Answer only what a podcast's host would."""
        asked = Path(self.translate_path(self.path)).relative_to(Path(self.directory).resolve())
        if asked.parts[:1] not in [(folder,) for folder in SERVED]:
            self.send_error(404)
            return None
        return super().send_head()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the command's output clean."""


def demo_port() -> int:
    """The port that the corpus names in its URLs: environment variable NONVERBAL_DEMO_PORT, or 8765.

    Raises:
        UserError: the variable is no port number.
    """
    text = os.environ.get(PORT_VARIABLE, str(PORT))
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise UserError(f"{PORT_VARIABLE}={text!r} is no port number; write one from 1024 to 65535, or unset it")
    return int(text)


def start(folder: Path, port: int) -> ThreadingHTTPServer:
    """Serve a folder from a background thread until `shutdown`.

    Raises:
        UserError: the port is taken.
    """
    try:
        server = ThreadingHTTPServer((HOST, port), partial(Handler, directory=str(folder.resolve())))
    except OSError as error:
        raise UserError(
            f"port {port} of {HOST} can't be used ({error.strerror}); set {PORT_VARIABLE} to a free port"
        ) from None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def run(command: Sequence[str]) -> int:
    """Run a command, pass signals on to it, and return its exit status (128 + signal when one ended it)."""
    child = subprocess.Popen(command)

    def forward(number: int, frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in _FORWARDED:
        signal.signal(number, forward)
    status = child.wait()
    return status if status >= 0 else 128 - status


def main(arguments: list[str]) -> int:
    """Serve the folder named before `--` while the command after it runs."""
    if len(arguments) < 3 or arguments[1] != "--":
        sys.stderr.write("usage: python -m nonverbal.demo.serve CORPUS -- COMMAND ...\n")
        return 2
    try:
        server = start(Path(arguments[0]), demo_port())
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        return run(arguments[2:])
    finally:
        server.shutdown()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
