"""envs/*.yaml never drift from the default environment's pins, and every rule names one that exists."""

import re

import pytest
import yaml

from nonverbal import environments
from nonverbal.environments import ROOT


@pytest.mark.parametrize("path, text", environments.files().items(), ids=lambda value: getattr(value, "name", ""))
def test_file_is_what_the_generator_writes(path, text):
    assert path.read_text() == text, "run: python -m nonverbal.environments"


@pytest.mark.parametrize("family", environments.FAMILIES)
def test_every_requirement_is_pinned_exactly(family):
    dependencies = yaml.safe_load(environments.environment(family))["dependencies"]
    assert dependencies[0] == "python=3.11"
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in dependencies[-1]["pip"])


def test_no_host_or_machine_path_is_committed():
    text = "".join((ROOT / name).read_text() for name in ("constraints.txt", "bundled.txt", "pyproject.toml"))
    assert not re.search(r"https?://|file:|index-url|find-links|@ ", text)
