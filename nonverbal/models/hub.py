"""The Hugging Face hub: whether a repository can be had, and fetching it; one sentence where it cannot."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nonverbal.errors import UserError

TIMEOUT_S = 10


def reach(name: str, revision: str, key: str) -> None:
    """See that a model is a folder, or cached, or on the hub and open to this account.

    Raises:
        UserError: it is gated, absent, misspelt, or there is no network; one sentence that names `key`.
    """
    if Path(name).is_dir():
        return
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    with _explained(name, revision, key):
        if isinstance(try_to_load_from_cache(name, "config.json", revision=revision), str):
            return
    check_access(name, revision, key)
    with _explained(name, revision, key):
        hf_hub_download(name, "config.json", revision=revision)


def check_access(name: str, revision: str, key: str, kind: str = "model") -> None:
    """See that this account, by HF_TOKEN or its log-in, may fetch a repository.

    Raises:
        UserError: as `reach`.
    """
    from huggingface_hub import HfApi

    with _explained(name, revision, key, kind):
        # a download would retry for a minute first
        HfApi().repo_info(name, revision=revision, repo_type=kind, timeout=TIMEOUT_S)
        HfApi().auth_check(name, repo_type=kind)  # what is known of a gated repository is open, its files are not


def snapshot(name: str, revision: str, files: Iterable[str], folder: Path, key: str, kind: str = "model") -> None:
    """Fetch the files of a repository that match the patterns into a folder; those it has are not fetched again.

    Raises:
        UserError: as `reach`.
    """
    from huggingface_hub import snapshot_download

    check_access(name, revision, key, kind)
    with _explained(name, revision, key, kind):
        snapshot_download(name, revision=revision, repo_type=kind, allow_patterns=list(files), local_dir=folder)


def hashes(name: str, revision: str, key: str) -> dict[str, str]:
    """SHA-256 of each large file of a data set, by its path.

    Raises:
        UserError: as `reach`.
    """
    from huggingface_hub import HfApi

    with _explained(name, revision, key, "dataset"):
        found = HfApi().dataset_info(name, revision=revision, timeout=TIMEOUT_S, files_metadata=True)
        return {file.rfilename: file.lfs.sha256 for file in found.siblings or [] if file.lfs}


@contextmanager
def _explained(name: str, revision: str, key: str, kind: str = "model") -> Iterator[None]:
    from huggingface_hub.errors import HTTPError

    try:
        yield
    except (OSError, ValueError, HTTPError) as error:
        raise UserError(f"config key {key}: {_sentence(name, revision, error, kind)}") from error


def _sentence(name: str, revision: str, error: Exception, kind: str) -> str:
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    folder = f"write a folder that holds the {kind}"
    at = f"https://huggingface.co/{'datasets/' if kind == 'dataset' else ''}{name}"
    of = " --repo-type dataset" if kind == "dataset" else ""
    if isinstance(error, GatedRepoError):
        return f"{name} is gated; accept its licence at {at} and set HF_TOKEN in the environment, or {folder}"
    if isinstance(error, RevisionNotFoundError):
        return f"{name} has no revision {revision}; write a commit of that repository"
    if isinstance(error, RepositoryNotFoundError | HFValidationError):
        return (
            f"there is no {kind} {name} on the hub that this account may see; write a hub id as in config.yaml, set "
            f"HF_TOKEN where it is private, or {folder}"
        )
    return (
        f"{name} is not cached and the hub cannot be reached; fetch it where there is a network "
        f"(HF_TOKEN=... hf download {name} --revision {revision}{of}), or {folder}"
    )
