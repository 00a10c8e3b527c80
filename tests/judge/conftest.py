"""Tests here see the run of judge_cases.py."""

import shutil

import pytest
from judge_cases import THERE, drawn, settings, write_media, write_shard


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Two shards; the clips of THERE still have their media."""
    run = tmp_path_factory.mktemp("judge") / "run"
    write_shard(run, "00000", ["a", "b"], dropped={"b"})
    write_shard(run, "00001", ["c", "d", "e"])
    for clip_id in THERE:
        write_media(run, "00000" if clip_id == "a_000" else "00001", clip_id)
    drawn(run, settings())
    return run


@pytest.fixture
def results(made, tmp_path):
    """A copy of it, to change."""
    return shutil.copytree(made, tmp_path / "run")
