"""Tests here see the run of judge_cases.py."""

import shutil

import pytest
from judge_cases import drawn, settings, write_media, write_shard


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Two shards; of the clips, only `a_000` still has its media."""
    run = tmp_path_factory.mktemp("judge") / "run"
    write_shard(run, "00000", ["a", "b"], dropped={"b"})
    write_shard(run, "00001", ["c", "d", "e"])
    write_media(run, "00000", "a_000")
    drawn(run, settings())
    return run


@pytest.fixture
def results(made, tmp_path):
    """A copy of it, to change."""
    return shutil.copytree(made, tmp_path / "run")
