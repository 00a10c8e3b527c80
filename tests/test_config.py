"""The configuration: complete, typed, and wrong values answered by one sentence that names the key."""

import copy
import json

import jsonschema
import pytest
import yaml

from nonverbal import config
from nonverbal.errors import UserError

ROOT = config.SCHEMA.parents[1]


def merge(base: dict, change: dict) -> dict:
    merged = copy.deepcopy(base)
    for key, value in change.items():
        merged[key] = (
            merge(merged[key], value) if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
        )
    return merged


@pytest.fixture
def paper(tmp_path) -> dict:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    return merge(raw, {"sources": str(tmp_path), "mars": {"base": {"name": "tiny"}}})


def test_schema_is_generated_from_the_model():
    assert config.SCHEMA.read_text() == config.schema(), "run: python -m nonverbal.config"


@pytest.mark.parametrize(
    "overrides",
    [None, "demo/settings.yaml", "demo/dialogues.yaml", "demo/mars.yaml", "local/settings.yaml", "paper/settings.yaml"],
)
def test_shipped_settings_are_valid_for_model_and_schema(overrides):
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    if overrides:
        raw = merge(raw, yaml.safe_load((ROOT / overrides).read_text()))
    config.Config.model_validate(raw)
    jsonschema.validate(raw, json.loads(config.SCHEMA.read_text()))


def test_every_key_of_config_yaml_has_a_description():
    def walk(schema: dict, path: str = ""):
        for name, node in schema.get("properties", {}).items():
            yield f"{path}{name}", node

    document = json.loads(config.schema())
    nodes = list(walk(document)) + [item for d in document["$defs"].values() for item in walk(d)]
    sections = {"collect", "speech", "speakers", "cues", "dataset", "tokenizers", "mars"}
    bare = [name for name, node in nodes if "description" not in node and "$ref" not in node and name not in sections]
    assert bare == []


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"speech": {"diarize": {"backend": "magic"}}}, "speech.diarize.backend"),
        ({"collect": {"clips": {"lenght_s": 3}}}, "collect.clips.lenght_s is unknown"),
        ({"collect": {"clips": {"length_s": "long"}}}, "collect.clips.length_s"),
        ({"collect": {"clips": {"length_s": -1}}}, "collect.clips.length_s"),
        ({"speech": {"diarize": {"pyannote": {"min_speakers": 3, "max_speakers": 2}}}}, "speech.diarize.pyannote"),
        ({"speech": {"transcribe": {"whisperx": {"model": "large-v3"}}}}, "there is no model large-v3 to fetch"),
        ({"speech": {"transcribe": {"whisperx": {"align": {"en": "pyannet"}}}}}, "there is no model pyannet to fetch"),
        ({"shards": 0}, "shards"),
        ({"seed": None}, "seed"),
        ({"sources": "no/such/folder"}, "sources: there is no file or folder 'no/such/folder'"),
        ({"sources": []}, "sources"),
        (
            {"sources": {"kind": "hub", "repository": "a/b", "revision": "main"}},
            "'main' is wrong: write the 40 digits",
        ),
        ({"mars": {"training": {"processes": 4, "nodes": 2}}}, "config key mars.training is wrong: micro_batch, times"),
        ({"sources": {"kind": "hub", "repository": "a/b"}}, "write repository and revision"),
        ({"sources": {"kind": "hub"}}, "write repository and revision"),
        ({"sources": {"kind": "hub", "folder": "no/such"}}, "sources.folder: there is no file or folder 'no/such'"),
        ({"sources": [{"kind": "hub", "folder": "."}, "."]}, "published records (kind: hub) cannot be mixed"),
        ({"results": "re sults"}, "results"),
        ({"tokenizers": {"face": {"codebook": {"size": 1}}}}, "tokenizers.face.codebook.size"),
        ({"tokenizers": {"face": {"codebook": {"levels": [8, 8]}}}}, "tokenizers.face.codebook"),
        (
            {"tokenizers": {"body": {"codebook": {"quantizers": 2, "normalised": False}}, "rows": {}}},
            "MARS reads one token a place",
        ),
        ({"tokenizers": {"table3": {"rows": ["size_65"]}}}, "'size_65' is none of tokenizers.rows"),
        ({"tokenizers": {"rows": {"l1": {"changes": {"loses.reconstruction": "l1"}}}}}, "rows.l1.changes: 'loses.rec"),
        ({"tokenizers": {"rows": {"l1": {"changes": {"losses.reconstruction": "l3"}}}}}, "losses.reconstruction"),
        ({"tokenizers": {"rows": {"l1": {"changes": {"body.losses.groups.jaw": 1}}}}}, "groups.jaw' is no key"),
        ({"colect": {}}, "did you mean collect?"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_key(paper, change, expected):
    with pytest.raises(UserError, match="config key") as caught:
        config.load(merge(paper, change))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(paper):
    del paper["mars"]["training"]
    with pytest.raises(UserError, match=r"config key mars\.training is missing"):
        config.load(paper)


def test_loading_the_paper_settings_works(paper):
    assert config.load(paper).collect.clips.length_s == 600


def test_published_records_are_no_source_to_collect(paper, tmp_path):
    loaded = config.load(paper | {"sources": {"kind": "hub", "folder": str(tmp_path)}})
    assert loaded.source_list == []
    assert loaded.published.folder == str(tmp_path)
    assert config.load(paper).published is None
