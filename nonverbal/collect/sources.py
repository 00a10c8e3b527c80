"""What `sources` in the config stands for: channels, lists of channels, folders of a person's own files."""

import csv
import hashlib
import io
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from nonverbal.errors import UserError
from nonverbal.studio.names import recording
from nonverbal.studio.settings import StudioSource

VIDEO_SUFFIXES = frozenset(
    (
        ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts",
        ".webm", ".wmv",
    )
)  # fmt: skip
LONGEST = 300  # letters of a title or name that are kept
NO_TEXT = re.compile("[\ud800-\udfff]")  # bytes of a file name, or halves of letters, that are none
UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\s]+"
)  # control characters, turns of direction, spaces


@dataclass(frozen=True)
class Source:
    """A channel to list.

    Attributes:
        name: the config's word for it.
        url: a channel, playlist, feed or video; "" for local files.
        channel_id: "" when the listing is to tell.
        files: the local files, sorted; empty for a URL.
        studio: whether they are studio recordings, whose names say what they are.
    """

    name: str
    url: str = ""
    channel_id: str = ""
    files: tuple[Path, ...] = ()
    studio: bool = False


def expand(sources: Sequence[str | StudioSource]) -> list[Source]:
    """The channels that config key `sources` stands for, in its order.

    Raises:
        UserError: a list that can't be read, naming file and line.
    """
    return [channel for source in sources for channel in _expand_one(source)]


def _expand_one(source: str | StudioSource) -> list[Source]:
    if isinstance(source, StudioSource):
        return _studio(Path(source.folder))
    path = Path(source)
    if is_url(source):
        return [Source(source, url=source)]
    if path.is_dir():
        return _folder(path)
    if path.suffix.lower() == ".csv":
        return _csv(path)
    if path.suffix.lower() == ".txt":
        return _text(path)
    if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
        return [Source(source, channel_id=path.resolve().parent.name, files=(path,))]
    raise UserError(
        f"config key sources: {source!r} is no folder, .csv or .txt list, video file or URL; write one of them"
    )


def _studio(folder: Path) -> list[Source]:
    """A channel for each dialogue, so that its two cameras stay together; files of other names are one channel."""
    dialogues: dict[str, list[Path]] = {}
    for file in _videos(folder):
        named = recording(file.stem)
        dialogues.setdefault(named.dialogue_id if named else folder.resolve().name, []).append(file)
    return [
        Source(f"{folder}: {dialogue_id}", channel_id=dialogue_id, files=tuple(files), studio=True)
        for dialogue_id, files in dialogues.items()
    ] or [Source(str(folder), channel_id=folder.resolve().name, studio=True)]


def _videos(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()]


def _folder(folder: Path) -> list[Source]:
    """A channel for each folder in the tree that holds videos; it is named after that folder."""
    channels: dict[Path, list[Path]] = {folder: []}
    for file in _videos(folder):
        channels.setdefault(file.parent, []).append(file)
    if len(channels) > 1 and not channels[folder]:
        del channels[folder]
    return [
        Source(str(parent), channel_id=parent.resolve().name, files=tuple(files)) for parent, files in channels.items()
    ]


def _csv(path: Path) -> list[Source]:
    reader = csv.DictReader(io.StringIO(_read(path), newline=""))
    if not {"channel_id", "url"} <= set(reader.fieldnames or ()):
        raise UserError(f"{path}: the first line must name the columns channel_id and url; it is {reader.fieldnames}")
    rows = [(reader.line_num, (row["channel_id"] or "").strip(), (row["url"] or "").strip()) for row in reader]
    return [Source(f"{path}:{line}", _checked(path, line, url), channel_id) for line, channel_id, url in rows]


def _text(path: Path) -> list[Source]:
    lines = enumerate(_read(path).splitlines(), start=1)
    wanted = [(number, line.strip()) for number, line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [Source(f"{path}:{number}", url=_checked(path, number, line)) for number, line in wanted]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: it is not UTF-8 text; save it as UTF-8") from None


def _checked(path: Path, line: int, url: str) -> str:
    refuse_secret(url, f"{path}, line {line}")
    if not is_url(url):
        raise UserError(f"{path}, line {line}: {url!r} is not a URL; write one that starts with https:// or http://")
    return url


def refuse_secret(url: str, where: str) -> None:
    """An address with a user and password would show them in tables, records and logs.

    Raises:
        UserError: naming where it stands, and not the secret.
    """
    if "@" in urlsplit(url).netloc:
        raise UserError(
            f"{where}: an address holds a user or password, which tables and logs would show; take them out of it, and "
            "name a file of that site's cookies in the environment variable NONVERBAL_COOKIES"
        )


def readable(text: str) -> str:
    """A title or name as one line of text that any table, log or page can show, cut where it is very long."""
    line = UNSEEN.sub(" ", NO_TEXT.sub("�", text)).strip()
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def bare(url: str) -> str:
    """An address without the user and password in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else url


def is_url(text: str) -> bool:
    """Whether a text is an http(s) address of a host."""
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def short_id(*parts: str) -> str:
    """11 characters of [A-Za-z0-9_-], as long as YouTube's ids, that depend on the parts and tell nothing of them."""
    return _short(hashlib.sha256("\0".join(parts).encode()).digest())


def local_path(url: str) -> Path:
    """The path that a file: URL names."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))  # a name need not be UTF-8


def file_id(path: Path) -> str:
    """Id of a local file by its content, so that renaming it changes nothing and a second copy is a duplicate."""
    with path.open("rb") as handle:
        return _short(hashlib.file_digest(handle, "sha256").digest())


def _short(digest: bytes) -> str:
    return urlsafe_b64encode(digest).decode()[:11]


def address(url: str) -> str:
    """Path and query of a URL: a name for what has no id of its own that survives a move to another host or port."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
