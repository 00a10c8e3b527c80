"""Find names in bytes, and take the lines that hold them out of texts."""

import mmap
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

RUN = re.compile(rb"[A-Za-z0-9]+")


class Names:
    """Finds any of some names in bytes, where no letter or digit goes before or after it.

    A name is looked for only where its run of letters and digits stands that fewest others have, so that thousands of
    names take little longer than one.
    """

    def __init__(self, names: Iterable[str]) -> None:
        runs = {name: RUN.findall(name) for name in sorted(one.encode(errors="surrogateescape") for one in names)}
        shared = Counter(run for found in runs.values() for run in set(found))
        self.without = [name for name, found in runs.items() if name and not found]  # other scripts
        self.by_run: dict[bytes, list[tuple[bytes, int]]] = defaultdict(list)
        for name, found in runs.items():
            if found:
                rarest = min(found, key=lambda run: (shared[run], -len(run)))
                places = (match.start() for match in RUN.finditer(name) if match[0] == rarest)
                self.by_run[rarest].append((name, next(places)))

    def are_in(self, data: bytes | mmap.mmap) -> bool:
        """Whether one of them is found."""
        return any(data.find(name) >= 0 for name in self.without) or any(
            data[start : start + len(name)] == name and not data[start + len(name) : start + len(name) + 1].isalnum()
            for match in RUN.finditer(data)
            for name, offset in self.by_run.get(match[0], ())
            if (start := match.start() - offset) >= 0 and not data[max(start - 1, 0) : start].isalnum()
        )

    def are_in_file(self, file: Path) -> bool:
        """Whether one of them is in a file, of any size."""
        if not file.stat().st_size:
            return False
        with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return self.are_in(data)


def drop_lines(file: Path, names: Names) -> None:
    """Take the lines out of a text in which a name is found."""
    if names.are_in_file(file):
        partial = file.with_name(f".{file.name}.partial")
        with file.open("rb") as lines, partial.open("wb") as left:
            left.writelines(line for line in lines if not names.are_in(line))
        shutil.copymode(file, partial)
        partial.replace(file)
