"""The model registry: complete, true of the installed packages, and clear when it is not."""

import importlib.metadata

import pytest
import yaml

from nonverbal import models
from nonverbal.errors import UserError
from nonverbal.models import Model, model_path, registry

ROW = {"version": "1", "sha256": "0" * 64, "licence": "MIT", "gated": False, "used_for": "speech.diarize.backend"}


@pytest.fixture
def known(monkeypatch):
    """Put rows into an otherwise empty registry."""

    def put(**rows):
        model_path.cache_clear()
        monkeypatch.setattr(models, "registry", lambda: {name: Model(**(ROW | row)) for name, row in rows.items()})

    yield put
    model_path.cache_clear()


@pytest.mark.parametrize("name", sorted(registry()))
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
