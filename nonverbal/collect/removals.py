"""Removals: the list of channels, videos and speakers that are to be nowhere, and a listing without them."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import compress, islice
from pathlib import Path
from typing import Any

from nonverbal.errors import UserError
from nonverbal.studio.names import recording

Row = dict[str, Any]
KINDS = ("channel", "video", "speaker")
EXPECTED = f"a kind ({', '.join(KINDS)}) and an id, or sha256: and the digest of KIND:ID in its place"
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
MANIFESTS = Path("provenance") / "removals"  # in the results
DROPPED = {"kept": False, "reason": "removed", "detail": "its removal was asked for"}


def digest(kind: str, name: str) -> str:
    """SHA-256 of `KIND:ID`, by which a removal is known after the id is gone."""
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()


@dataclass(frozen=True)
class Removals:
    """What is to be nowhere: digests of channels, videos (ids and addresses) and speakers."""

    digests: frozenset[str] = frozenset()

    def names(self, kind: str, *ids: str) -> bool:
        """Whether one of the ids, or addresses, is removed."""
        return any(digest(kind, name) in self.digests for name in ids)

    def name_video(self, row: Row) -> bool:
        """Whether a `channels` row is of a removed video, or of a removed channel."""
        return self.names("video", row["video_id"], row["url"]) or self.names("channel", row["channel_id"])


NOBODY = Removals()


def manifests(results: Path) -> list[dict[str, Any]]:
    """The manifests of the removals from some results, oldest first."""
    return [json.loads(path.read_text()) for path in sorted((results / MANIFESTS).glob("*.json"))]


def in_force(results: Path) -> Removals:
    """What earlier removals, and the lists of earlier runs, keep out of some results."""
    return Removals(frozenset(value for one in manifests(results) for value in one["digests"]))


def listed_removals(path: Path | None, persons: Path | None = None) -> Removals:
    """What a list names.

    Args:
        path: the CSV or text file that the config's `removals` names.
        persons: CSV (video_id, person) of `dataset.split.persons`: a speaker's removal is that of these videos.

    Raises:
        UserError: the list is malformed, or names a speaker where no table of persons tells their videos.
    """
    entries = read_list(path) if path else []
    digests = {value for _, value in entries}
    if any(kind == "speaker" for kind, _ in entries):
        if persons is None or not persons.is_file():
            raise UserError(
                f"config key removals: {path} names a speaker, but dataset.split.persons names no CSV (video_id, "
                "person) that tells the videos of a person; write one, or list the videos"
            )
        with persons.open(encoding="utf-8-sig", newline="") as handle:
            for row in csv.DictReader(handle):
                if digest("speaker", (row.get("person") or "").strip()) in digests:
                    digests.add(digest("video", (row.get("video_id") or "").strip()))
    return Removals(frozenset(digests))


def read_list(path: Path) -> list[tuple[str, str]]:
    """Kind and digest of each entry of a removal list: a CSV with columns kind and id, or a text with both on a line.

    Raises:
        UserError: naming file and line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"config key removals: there is no file {str(path)!r}; write a CSV (kind, id)") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise UserError(f"config key removals: {path} is no UTF-8 text; write a CSV (kind, id)") from None
    return [
        _entry(path, number, *pair) for number, *pair in (_csv if path.suffix.lower() == ".csv" else _text)(path, text)
    ]


def _csv(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not {"kind", "id"} <= set(reader.fieldnames or ()):
        raise UserError(f"{path}: the first line must name the columns kind and id; it is {reader.fieldnames}")
    for row in reader:
        yield reader.line_num, (row["kind"] or "").strip(), (row["id"] or "").strip()


def _text(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        kind, _, name = line.strip().partition(" ")
        if kind and not kind.startswith("#"):
            yield number, kind, name.strip()


def _entry(path: Path, line: int, kind: str, name: str) -> tuple[str, str]:
    hashed = DIGEST.fullmatch(name)
    if kind not in KINDS or not name or (name.startswith("sha256:") and not hashed):
        raise UserError(f"{path}, line {line}: {kind!r}, {name!r} is no entry of a removal list; write {EXPECTED}")
    return kind, hashed[1] if hashed else digest(kind, name)


@dataclass
class Gone:
    """What is removed from some results, by name; never written."""

    sources: int = 0
    videos: set[str] = field(default_factory=set)  # ids
    keys: set[str] = field(default_factory=set)  # ids of videos and dialogues, addresses: what only they are called
    words: set[str] = field(default_factory=set)  # ids of channels, and titles, which may be a word of any text
    digests: set[str] = field(default_factory=set)

    def add_source(self, row: Row) -> None:
        """A `sources` row."""
        self.words |= {row["channel_id"]} - {""}
        self.keys |= {row["url"]} - {""}
        self.digests |= {digest("channel", name) for name in (row["channel_id"], row["url"]) if name}

    def add_video(self, row: Row) -> None:
        """A `channels` row."""
        self.videos.add(row["video_id"])
        self.keys |= _keys(row)
        self.words |= {row["title"]} - {""}
        self.digests |= {digest("video", name) for name in (row["video_id"], row["url"])}


def without(found: list[Row], entries: list[Row], removals: Removals) -> tuple[list[Row], list[Row], Gone]:
    """Rows of `sources` and `channels` in which nothing names what is removed.

    A removed source, or one that lists nothing but removed videos, is an empty row. A removed video of another source
    is an empty row too, and so is what else lists the same video, by id or address, and the other recording of a
    studio dialogue.

    Args:
        found: `sources` rows.
        entries: `channels` rows, those of a source after those of the one before it.
        removals: what is to go.
    """
    rows = iter(entries)
    parts = [(source, list(islice(rows, source["entries"]))) for source in found]
    gone = Gone()
    whole = [removals.names("channel", source["channel_id"], source["url"]) for source, _ in parts]
    known: set[str] = set()
    while True:
        more = {
            key
            for (_, part), all_of_it in zip(parts, whole, strict=True)
            for row in part
            if all_of_it or removals.name_video(row) or known & _keys(row)
            for key in _keys(row)
        }
        if more == known:
            break
        known = more
    kept: list[Row] = []
    left: list[Row] = []
    for (source, part), all_of_it in zip(parts, whole, strict=True):
        removed = [bool(known & _keys(row)) for row in part]
        for row in compress(part, removed):
            gone.add_video(row)
        if all_of_it:
            gone.add_source(source)
        if all_of_it or (part and all(removed)):  # the address of a source may be that of its only video
            gone.sources += 1
            kept.append(_blank(source) | {"entries": 0})
        else:
            kept.append(source)
            left += [_blank(row) if out else row for row, out in zip(part, removed, strict=True)]
    return kept, left, gone


def _keys(row: Row) -> set[str]:
    """What a listed video is known by: its id, its address, its dialogue."""
    named = recording(row["title"]) if row["url"].startswith("file:") else None
    return {row["video_id"], row["url"], named.dialogue_id if named else ""} - {""}


def _blank(row: Row) -> Row:
    return {name: "" if isinstance(value, str) else None for name, value in row.items()} | DROPPED
