"""The model registry: complete, true of the installed packages, and clear when it is not."""

import functools
import hashlib
import importlib
import importlib.metadata
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import Mock

import pytest
import yaml
from huggingface_hub.errors import GatedRepoError

from nonverbal import models
from nonverbal.config import Config
from nonverbal.errors import UserError
from nonverbal.models import File, Packaged, Repository, fetched, model_path, registry
from nonverbal.models.fetch_model import fetch_model
from nonverbal.models.hub import check_access
from nonverbal.preflight import preflight

fetch_model_module = importlib.import_module("nonverbal.models.fetch_model")

COMMON = {"licence": "MIT", "gated": False, "used_for": "speech.diarize.backend"}
ROW = COMMON | {"version": "1", "sha256": "0" * 64}
PACKAGED = sorted(name for name, model in registry().items() if isinstance(model, Packaged))
WEIGHTS = bytes(range(256)) * 5000


def test_a_run_needs_the_models_of_the_rules_that_it_has_jobs_of(tmp_path, monkeypatch):
    raw = yaml.safe_load((models.REGISTRY.parents[1] / "config.yaml").read_text()) | {"models": str(tmp_path)}
    raw["speech"]["transcribe"]["backend"] = "whisperx"
    asked = []
    monkeypatch.setattr("nonverbal.preflight._check_fetched", lambda folder: asked.append(folder.name))
    for rules, wanted in {
        ("clips", "people"): [],
        ("base", "train_mars"): ["Llama-3.2-1B-Instruct"],
        ("transcribe",): ["faster-whisper-large-v3", "wav2vec2-base-960h"],
    }.items():
        asked.clear()
        preflight(Config.model_validate(raw), rules=rules, environments=True)
        assert asked == wanted
    with pytest.raises(UserError, match=r"speech\.transcribe\.backend needs an environment of its own"):
        preflight(Config.model_validate(raw), rules={"transcribe"}, environments=False)
    preflight(Config.model_validate(raw), rules={"clips"}, environments=False)


@pytest.fixture
def known(monkeypatch):
    """Put rows into an otherwise empty registry."""

    def put(**rows):
        model_path.cache_clear()
        monkeypatch.setattr(models, "registry", lambda: {name: Packaged(**(ROW | row)) for name, row in rows.items()})

    yield put
    model_path.cache_clear()


@pytest.mark.parametrize("name", PACKAGED)
def test_every_model_is_there_and_is_the_one_named(name):
    assert model_path(name).exists()
    assert importlib.metadata.version(registry()[name].package) == registry()[name].version


@pytest.mark.parametrize("name", sorted(registry()))
def test_every_model_names_a_config_key(name):
    value = yaml.safe_load((models.REGISTRY.parents[1] / "config.yaml").read_text())
    for key in registry()[name].used_for.split("."):
        value = value[key]
    assert isinstance(value, str)


def test_missing_package_says_what_to_install(known):
    known(voice={"package": "no-such-package-here", "file": "x"})
    with pytest.raises(UserError, match=r"speech\.diarize\.backend .* voice.* install no-such-package-here==1"):
        model_path("voice")


def test_missing_file_says_so(known):
    known(voice={"package": "numpy", "file": "numpy/no_such_model.pt"})
    with pytest.raises(UserError, match=r"no_such_model\.pt is missing"):
        model_path("voice")


def test_changed_file_is_refused(known):
    known(voice={"package": "numpy", "file": "numpy/version.py"})
    with pytest.raises(UserError, match=f"has sha256 [0-9a-f]{{64}}, not {'0' * 64}"):
        model_path("voice")


@pytest.fixture
def served(tmp_path):
    """A file over HTTP: its address and hash."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "voice.pt").write_bytes(WEIGHTS)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "www"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/voice.pt", hashlib.sha256(WEIGHTS).hexdigest()
        server.shutdown()


@pytest.fixture
def fetchable(monkeypatch):
    """Put rows into the registry that are fetched."""

    def put(**rows):
        for module in (models, fetch_model_module):
            monkeypatch.setattr(module, "registry", lambda: rows)

    return put


def test_a_file_is_fetched_and_verified(served, fetchable, tmp_path):
    url, sha256 = served
    fetchable(voice=File(url=url, sha256=sha256[:8], **COMMON))
    fetch_model(tmp_path / "models" / "voice")
    assert [file.name for file in (tmp_path / "models").iterdir()] == ["voice"]
    assert fetched([tmp_path / "models" / "voice"])["voice"].read_bytes() == WEIGHTS


def test_another_file_than_the_registry_names_is_refused(served, fetchable, tmp_path):
    fetchable(voice=File(url=served[0], sha256="0" * 64, **COMMON))
    with pytest.raises(
        UserError, match=r"speech\.diarize\.backend .* has sha256 [0-9a-f]{64}, not 0{64}: remove .*voice"
    ):
        fetch_model(tmp_path / "voice")
    assert not (tmp_path / "voice").exists()


def test_an_address_that_is_not_there_says_where_to_put_the_file(served, fetchable, tmp_path):
    fetchable(voice=File(url=served[0].replace("voice", "no_voice"), sha256="0" * 64, **COMMON))
    place = re.escape(str(tmp_path / "voice" / "no_voice.pt"))
    with pytest.raises(UserError, match=rf"speech\.diarize\.backend: .*404.* put it at {place}$"):
        fetch_model(tmp_path / "voice")


def test_a_repository_is_fetched_at_its_commit(fetchable, monkeypatch, tmp_path):
    row = Repository(hub="a/b", revision="1" * 40, files=("*.json",), **COMMON)
    fetchable(voice=row)
    seen = {}

    def snapshot_download(name, local_dir, **rest):
        seen.update(rest, name=name)
        (local_dir / "config.json").write_text("{}")

    monkeypatch.setattr("nonverbal.models.hub.check_access", lambda *_: None)
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    fetch_model(tmp_path / "voice")
    assert seen == {"name": "a/b", "revision": "1" * 40, "repo_type": "model", "allow_patterns": ["*.json"]}
    assert (fetched([tmp_path / "voice"])["voice"] / "config.json").read_text() == "{}"


def test_a_gated_repository_says_where_to_ask(monkeypatch):
    gated = GatedRepoError("403", response=Mock(status_code=403, headers={}, request=None))
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.HfApi.auth_check", lambda *_, **__: (_ for _ in ()).throw(gated))
    with pytest.raises(
        UserError, match=r"speech\.diarize\.backend: a/b is gated; accept .*huggingface\.co/a/b.*HF_TOKEN"
    ):
        check_access("a/b", "1" * 40, "speech.diarize.backend")
