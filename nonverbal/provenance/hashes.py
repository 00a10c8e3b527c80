"""SHA-256 of files and folders; each file is read once, by several threads."""

import hashlib
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MISSING = "missing"
KEEP_FROM = 32 * 2**20  # bytes above which a hash is remembered by size and time: clips are read by many jobs


def hash_path(path: Path) -> str:
    """SHA-256 of a file, or of a folder's relative names and file hashes; MISSING where there is nothing."""
    return hash_all([str(path)], threads=1)[str(path)]


def hash_all(paths: Iterable[str], threads: int = 4) -> dict[str, str]:
    """Hash of each path, sorted by path; hashing waits for the disk and frees the interpreter, so threads help."""
    files = {path: files_of(Path(path)) for path in sorted(set(paths))}
    unique = sorted({file for members in files.values() for file in members})
    with ThreadPoolExecutor(threads) as pool:
        known = dict(zip(unique, pool.map(_hash_file, unique), strict=True))
    return {path: _combine(Path(path), members, known) for path, members in files.items()}


def files_of(path: Path) -> list[Path]:
    """The files a hash covers: the file itself, or all in a folder but Snakemake's time stamp, sorted."""
    if path.is_dir():
        return [file for file in sorted(path.rglob("*")) if file.name != ".snakemake_timestamp" and file.is_file()]
    return [path] if path.exists() else []


def _combine(path: Path, members: list[Path], known: dict[Path, str]) -> str:
    if path.is_dir():
        entries = [(str(file.relative_to(path)), known[file]) for file in members]
        return hashlib.sha256(json.dumps(entries).encode()).hexdigest()
    return known[path] if members else MISSING


def _hash_file(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class Remembered:
    """Hashes of large files and folders, kept in a folder by path, sizes and times, so that one job reads them.

    Jobs trust it; the audit never does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hash_all(self, paths: Iterable[str]) -> dict[str, str]:
        """As `hash_all` above, but what is large and has the sizes and times it was hashed with is not read again."""
        return {path: self._hash(path) for path in sorted(set(paths))}

    def _hash(self, path: str) -> str:
        stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files_of(Path(path))]
        if sum(size for _, size, _ in stats) < KEEP_FROM:
            return hash_path(Path(path))
        state = hashlib.sha256(json.dumps(stats).encode()).hexdigest()
        note = self.folder / hashlib.sha256(path.encode()).hexdigest()[:32]
        if note.exists() and (remembered := note.read_text().split())[:1] == [state]:
            return remembered[1]
        value = hash_path(Path(path))
        write_atomically(note, f"{state} {value}\n")
        return value


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader, or a second writer, never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(text)
    partial.replace(path)
