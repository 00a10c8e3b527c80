"""Upload the published folder to a dataset repository of the Hugging Face hub; a broken upload is taken up again."""

import json
import logging
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HTTPError, LocalTokenNotFoundError

from nonverbal.errors import UserError
from nonverbal.publication.settings import Publication

log = logging.getLogger("nonverbal")
KEY = "config key publication.push.repository"


def push(card: Path, croissant: Path, files: list[Path], pushed: Path, settings: Publication) -> None:
    """Upload the card, the metadata and the files, and delete what the repository has beside them.

    The token is the hub client's own: HF_TOKEN of the environment, or what `hf auth login` left.

    Args:
        card: README.md, in the folder that is uploaded.
        croissant, files: in that folder.
        pushed: JSON to write: repository, commit, whether it is private, and the files.
        settings: where to.

    Raises:
        UserError: no repository is named, there is no token, or the hub refuses.
    """
    folder = card.parent
    to = settings.push
    if to.repository is None:
        raise UserError(f"{KEY}: there is none; write owner/name of the dataset repository to upload to")
    if not to.private and settings.contact is None:
        raise UserError("config key publication.contact: write where people ask to be removed, or push.private: true")
    names = sorted(str(path.relative_to(folder)) for path in (card, croissant, *files))
    try:
        values = upload(HfApi(), to.repository, folder, names, private=to.private, squash=to.squash)
    except LocalTokenNotFoundError as error:
        raise UserError(
            f"{KEY}: there is no token; set HF_TOKEN in the environment, with the right to write"
        ) from error
    except (HTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{KEY}: {to.repository} could not be uploaded to ({reason})") from error
    pushed.write_text(json.dumps(values, indent=2) + "\n")


def upload(
    api: HfApi, repository: str, folder: Path, names: list[str], private: bool, squash: bool
) -> dict[str, object]:
    """Make the repository where there is none, and make it hold these files and no others.

    Raises:
        UserError: it is public and should not be.
    """
    api.whoami()
    api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
    if private and not api.dataset_info(repository).private:
        raise UserError(f"{KEY}: {repository} is there and public; write another, or push.private: false")
    commit = api.upload_folder(
        repo_id=repository, repo_type="dataset", folder_path=folder, allow_patterns=names, delete_patterns="*",
        commit_message="Records, card and metadata of a run",
    )  # fmt: skip
    if squash:
        api.super_squash_history(repository, repo_type="dataset", commit_message="Records, card and metadata of a run")
    found = api.dataset_info(repository)
    log.info("uploaded %d files to %s", len(names), commit.repo_url)
    return {"repository": repository, "commit": found.sha, "private": bool(found.private), "files": names}
