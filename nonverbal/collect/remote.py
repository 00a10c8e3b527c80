"""yt-dlp, in one place: how it is set up, and what its errors mean for a video."""

import errno
import io
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from yt_dlp import YoutubeDL
from yt_dlp.networking.exceptions import HTTPError, IncompleteRead, TransportError
from yt_dlp.utils import ContentTooShortError, DownloadError, ExtractorError, PostProcessingError, UnsupportedError

from nonverbal.collect.settings import Network
from nonverbal.errors import Drop, NotNow, UserError

log = logging.getLogger("nonverbal")
Result = TypeVar("Result")
LONGEST_PAUSE_S = 60
# This machine's faults: they say nothing about the video.
MACHINE = frozenset(
    (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EACCES,
        errno.EMFILE,
        errno.ENFILE,
        errno.EIO,
        errno.ENOMEM,
    )
)
GONE = {404, 410}
BUSY = {408, 425, 429}
# yt-dlp has no class for these, or loses the cause of a transfer it gives up; the words are its own.
WALL, NO_FORMATS, GAVE_UP = "not a bot", "No video formats found", "Got error:"
STATUS, TOO_SHORT = re.compile(r"HTTP Error (\d{3})"), re.compile(r"more expected|expected \d+ bytes")


class Quiet:
    """Sends what yt-dlp says to the log."""

    def debug(self, message: str) -> None:
        """Chatter."""
        log.debug("%s", message)

    def info(self, message: str) -> None:
        """Chatter."""
        log.debug("%s", message)

    def warning(self, message: str) -> None:
        """Also said of what is all right, as of a page that is no known site's."""
        log.info("yt-dlp: %s", message)

    def error(self, message: str) -> None:
        """Raised as an exception as well, which decides."""
        log.debug("%s", message)


def client(network: Network, **options: Any) -> YoutubeDL:  # noqa: ANN401 - yt-dlp's options are of many types
    """A yt-dlp that reads no user configuration and writes nothing but what it is asked for."""
    return YoutubeDL(
        {
            "logger": Quiet(),
            "noprogress": True,
            "cachedir": False,
            "color": "never",
            "socket_timeout": network.timeout_s,
            "retries": network.retries,
            "fragment_retries": network.retries,
            "extractor_retries": network.retries,
            "skip_unavailable_fragments": False,  # a video with holes is not the video
            "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor"), pause_s),
            "js_runtimes": {"deno": {}, "node": {}},  # YouTube needs one; either does
            "cookiefile": cookies(),
            **options,
        }
    )


def cookies() -> io.StringIO | None:
    """The cookies of the file that NONVERBAL_COOKIES names; a copy, since yt-dlp writes back what it is given."""
    path = os.environ.get("NONVERBAL_COOKIES")
    if not path:
        return None
    try:
        return io.StringIO(Path(path).read_text())
    except (OSError, UnicodeDecodeError):
        raise UserError(
            "environment variable NONVERBAL_COOKIES: it must name a Netscape cookies file that can be read"
        ) from None


def pause_s(n: int) -> float:
    """Seconds to wait before try n (0, 1, ...) of a request is repeated."""
    return float(min(2**n, LONGEST_PAUSE_S))


def patient(request: Callable[[], Result], network: Network) -> Result:
    """The request's result; one that fails for now is repeated with growing pauses.

    Raises:
        Drop: what is asked for can't be had.
        NotNow: the server did not answer, or is busy, `retries` + 1 times.
    """
    for n in range(network.retries + 1):
        try:
            return explained(request)
        except NotNow as error:
            if n == network.retries:
                raise
            log.info("%s; trying again in %.0f s", error, pause_s(n))
            time.sleep(pause_s(n))
    raise AssertionError("unreachable")


def explained(request: Callable[[], Result]) -> Result:
    """The request's result, with yt-dlp's errors told apart.

    Raises:
        Drop: the video's fault.
        NotNow: may work later.
        OSError: this machine's fault (disk full and the like); so does PostProcessingError.
    """
    try:
        return request()
    except (DownloadError, ExtractorError, HTTPError, TransportError) as error:
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, PostProcessingError) or (isinstance(cause, OSError) and cause.errno in MACHINE):
                raise cause from error
        raise _verdict(causes) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it; yt-dlp keeps causes in places of its own."""
    todo, seen = [error], set()
    while todo:
        cause = todo.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = (getattr(cause, "exc_info", None) or (None, None))[1]
        todo += [inner, getattr(cause, "cause", None), cause.__cause__, cause.__context__]


def _verdict(causes: list[BaseException]) -> Drop | NotNow:
    text = _sentence(causes[0])
    for cause in causes:
        if isinstance(cause, HTTPError):
            return _by_status(cause.status, text)
        if isinstance(cause, ContentTooShortError | IncompleteRead):
            return _cut_off(text)
        if isinstance(cause, TransportError):
            return NotNow(f"the server does not answer: {text}")
        if isinstance(cause, UnsupportedError):
            return Drop("not_media", f"yt-dlp finds no video at the address: {text}")
    return _by_words(text)


def _by_words(text: str) -> Drop | NotNow:
    if GAVE_UP in text:
        status = STATUS.search(text)
        if status:
            return _by_status(int(status[1]), text)
        return _cut_off(text) if TOO_SHORT.search(text) else NotNow(f"the transfer fails: {text}")
    if WALL in text:
        return NotNow(f"the server asks for a human: {text}")
    if NO_FORMATS in text:
        return Drop("not_media", f"yt-dlp finds no video at the address: {text}")
    return Drop("unavailable", f"yt-dlp: {text}")


def _cut_off(text: str) -> Drop:
    return Drop("truncated", f"the server closes the connection early: {text}")


def _by_status(status: int, text: str) -> Drop | NotNow:
    if status in GONE:
        return Drop("not_found", f"the server answers with status {status}")
    if status in BUSY or status >= 500:
        return NotNow(f"the server answers with status {status}: {text}")
    return Drop("unavailable", f"the server answers with status {status}")


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split()).removeprefix("ERROR: ")
    return text[:300]
