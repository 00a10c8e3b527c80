"""Removal: what the config's list names goes from every result, and a dated manifest says so.

Tables and folders that a shard's jobs made lose the rows and files of the removed videos, and no job runs for that.
What was made of several shards together is deleted, and the workflow makes it anew. Models stay until they are trained
anew, and the manifest and the audit say which. Nothing that stays names what was removed: manifests hold digests.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nonverbal.collect.removals import MANIFESTS, Gone, Removals, in_force, manifests, read_list, without
from nonverbal.errors import UserError
from nonverbal.provenance.hashes import write_atomically
from nonverbal.provenance.purge import LISTED, LISTING, Purge, rows_of


def removal(removals: list[Path], removal: Path) -> None:
    """Write what is in force: entries of the list by kind, and what earlier runs removed, by number.

    The results hold nothing of it any more: the run that starts this job began with `purge`.

    Args:
        removals: the config's list, or none.
        removal: JSON to write, `RESULTS/provenance/removal.json`.
    """
    listed = Counter(kind for path in removals for kind, _ in read_list(path))
    done = [{name: one[name] for name in ("date", "counts")} for one in manifests(removal.parents[1])]
    write_atomically(removal, json.dumps({"listed": listed, "removed": done}, indent=1) + "\n")


def purge(results: Path, removals: Removals, root: Path, own: Iterable[Path] = (), alone: bool = True) -> Path | None:
    """Take out of finished results what is to be nowhere; the manifest, or None where nothing was to be taken out.

    The list is remembered in the results: it stays in force should the config lose it. A purge can be killed at any
    time: the table at which the next one looks first is done last.

    Args:
        results: folder of the run.
        removals: what is to go.
        root: the folder that the workflow runs in.
        own: files and folders that the config names, which stay as they are, also inside of the results.
        alone: whether no other run is at work there.

    Raises:
        UserError: a table is damaged, a file can't be changed, or another run is at work.
    """
    before = in_force(results).digests
    removals = Removals(removals.digests | before)
    if not removals.digests:
        return None
    found, entries = (rows_of(results / LISTING / f"{name}.parquet") for name in LISTED)
    found, entries, gone = without(found, entries, removals)
    gone.digests |= removals.digests - before
    if not gone.sources and not gone.videos:
        if gone.digests:
            write_manifest(results, gone, {})
        return None
    if not alone:
        raise UserError(
            f"config key removals: another run is at work in {results}, so nothing is taken out of it now; run the "
            "same command again when that has ended"
        )
    try:
        purged = Purge(results, root, gone, own)
        purged.run()
        manifest = write_manifest(results, gone, purged.content())
        purged.finish(found, entries)
    except OSError as error:
        raise UserError(
            f"config key removals: what is to be removed is not out of {results} yet ({error}); make its files "
            "writable and run the same command again"
        ) from error
    return manifest


def write_manifest(results: Path, gone: Gone, content: dict[str, Any]) -> Path:
    """What was removed, by digest and number, and what is to be made anew."""
    date = datetime.now(UTC).isoformat(timespec="milliseconds")
    path = results / MANIFESTS / f"{re.sub('[^0-9T]', '', date[:23])}.json"
    counts = {"sources": gone.sources, "videos": len(gone.videos)}
    whole = {"date": date, "counts": counts, "to_retrain": [], "deleted": [], "digests": sorted(gone.digests)} | content
    write_atomically(path, json.dumps(whole, indent=1) + "\n")
    return path
