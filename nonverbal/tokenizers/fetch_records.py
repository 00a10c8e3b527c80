"""Fetch published records from the hub, at a commit, once."""

from pathlib import Path

from nonverbal.errors import UserError
from nonverbal.models.hub import hashes, snapshot
from nonverbal.provenance.hashes import hash_path

KEY = "sources.repository"


def fetch_records(folder: Path, repository: str, revision: str) -> None:
    """Fetch the Parquet files of a data set and verify each; a killed fetch goes on where it was.

    Args:
        folder: to make.
        repository: owner/name on the hub.
        revision: commit of it.

    Raises:
        UserError: they can't be had, or a file is not what the hub has at this commit; says what to do.
    """
    partial = folder.with_name(f".{folder.name}.partial") / revision
    partial.mkdir(parents=True, exist_ok=True)
    snapshot(repository, revision, ["*.parquet"], partial, KEY, kind="dataset")
    wanted = hashes(repository, revision, KEY)
    for name in sorted(wanted):
        if name.endswith(".parquet") and hash_path(partial / name) != wanted[name]:
            (partial / name).unlink(missing_ok=True)
            raise UserError(
                f"config key {KEY}: {name} is not what {repository} has at revision {revision}; it was removed, run "
                "again to fetch it anew"
            )
    if folder.exists():
        folder.rmdir()  # Snakemake makes folders of outputs
    partial.rename(folder)
    partial.parent.rmdir()
