"""An upload makes the repository hold the published folder and nothing else, privately, and tells no token."""

import json
import logging
from pathlib import Path

import huggingface_hub
import pytest
from fake_hub import COMMIT, Hub, Repository, serve
from publication_run import settings

from nonverbal.errors import UserError
from nonverbal.publication.push import push

TOKEN = "hf_onlyForThisTest0123456789"
NAME = "someone/talks"


@pytest.fixture
def hub(monkeypatch) -> Hub:
    hub = Hub(TOKEN)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)  # large files by Git LFS's protocol
    with serve(hub) as address:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
        yield hub


def upload(folder: Path, pushed: Path, **changes: object) -> dict:
    files = sorted((folder / "data").glob("*.parquet"))
    push(folder / "README.md", folder / "croissant.json", files, pushed, settings(**{"repository": NAME} | changes))
    return json.loads(pushed.read_text())


def test_the_repository_holds_the_folder_and_is_private(hub, published, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    told = upload(published, tmp_path / "pushed.json")
    repository = hub.repositories[NAME]
    local = {str(path.relative_to(published)): path.read_bytes() for path in published.rglob("*") if path.is_file()}
    assert repository.files == local | {".gitattributes": b""}
    assert repository.private and told["private"] and told["commit"] == COMMIT and told["files"] == sorted(local)
    assert TOKEN not in caplog.text + (tmp_path / "pushed.json").read_text() and TOKEN in hub.tokens


def test_what_is_no_longer_published_is_gone_from_head_and_history(hub, published, tmp_path):
    hub.repositories[NAME] = Repository(private=True, files={"data/train-00099.parquet": b"removed"}, commits=5)
    upload(published, tmp_path / "pushed.json")
    assert "data/train-00099.parquet" not in hub.repositories[NAME].files
    assert hub.repositories[NAME].commits == 1


def test_history_is_kept_where_the_config_says_so(hub, published, tmp_path):
    hub.repositories[NAME] = Repository(private=True, commits=5)
    upload(published, tmp_path / "pushed.json", squash=False)
    assert hub.repositories[NAME].commits == 6


def test_a_public_repository_takes_nothing_that_was_to_be_private(hub, published, tmp_path):
    hub.repositories[NAME] = Repository(private=False)
    with pytest.raises(UserError, match="is there and public"):
        upload(published, tmp_path / "pushed.json")
    assert hub.repositories[NAME].files == {".gitattributes": b""}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"repository": None}, "config key publication.push.repository: there is none; write owner/name"),
        ({"private": False}, "config key publication.contact: write where people ask to be removed"),
    ],
)
def test_what_the_config_lacks_is_told_before_anything_is_sent(hub, published, tmp_path, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        upload(published, tmp_path / "pushed.json", **changes)
    assert not hub.tokens


def test_with_a_contact_it_may_be_public(hub, published, tmp_path):
    assert not upload(published, tmp_path / "pushed.json", private=False, contact="a@example.org")["private"]


def test_without_a_token_one_sentence_says_what_to_set(hub, published, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UserError, match="there is no token; set HF_TOKEN in the environment"):
        upload(published, tmp_path / "pushed.json")


def test_a_refusal_is_one_sentence_without_the_token(hub, published, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_anotherToken0123456789")
    with pytest.raises(UserError, match="could not be uploaded to") as refused:
        upload(published, tmp_path / "pushed.json")
    assert "hf_" not in str(refused.value) and "\n" not in str(refused.value)
    assert not (tmp_path / "pushed.json").exists()
