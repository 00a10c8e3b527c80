"""A column is published only if every model that made it allows that; in doubt it is not."""

import json
from pathlib import Path

import pytest

from nonverbal.models import Licensed, registry
from nonverbal.publication.columns import MAKERS, columns, published

COLUMNS = "publication/columns/columns.json"
REGISTRY = Path(__file__).resolve().parents[2] / "resources" / "models.yaml"


def write_job(results: Path, rule: str, *models: str) -> None:
    path = results / "provenance" / "jobs" / rule / "all.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"rule": rule, "ended": 1.0, "models": {name: {} for name in models}}))


def decide(tmp_path: Path, chosen: dict[str, list[str]] | None = None, registry: Path = REGISTRY) -> dict:
    path = tmp_path / COLUMNS
    path.parent.mkdir(parents=True)
    columns([], registry, path, chosen or {})
    return json.loads(path.read_text())


def test_a_gated_model_keeps_its_column_back_and_no_other(tmp_path):
    write_job(tmp_path, "face", "emoca")
    write_job(tmp_path, "body", "mediapipe_pose", "anny_body")
    for rule in ("diarize", "transcribe", "tracks", "active_speaker", "safety"):
        write_job(tmp_path, rule)
    decided = decide(tmp_path)
    assert [name for name, one in decided.items() if not one["published"]] == ["facial_expression"]
    assert "facial_expression" not in published(tmp_path / COLUMNS)
    assert "not to be passed on" in decided["facial_expression"]["models"][0]["licence"]


def test_a_model_that_the_config_chooses_counts_where_no_job_names_it(tmp_path):
    write_job(tmp_path, "body")
    decided = decide(tmp_path, {"body": ["osx"]})["body_language"]
    assert not decided["published"] and [model["name"] for model in decided["models"]] == ["osx"]


def test_a_column_that_no_record_tells_of_is_kept_back(tmp_path):
    decided = decide(tmp_path)
    assert {name for name, one in decided.items() if one["published"]} == decided.keys() - MAKERS.keys()


def test_a_column_is_kept_back_where_one_of_its_rules_has_no_record(tmp_path):
    for rule in ("diarize", "transcribe", "tracks"):
        write_job(tmp_path, rule)
    decided = decide(tmp_path)
    assert decided["conversation"]["published"] and not decided["speaker_bbox"]["published"]


UNSAID = "free: {package: p, version: v, file: f, sha256: s, licence: l, gated: false, used_for: k}"


@pytest.mark.parametrize("row", ["{}", UNSAID])
def test_a_model_of_which_nothing_is_said_keeps_its_column_back(tmp_path, row):
    (tmp_path / "models.yaml").write_text(row)
    write_job(tmp_path, "safety", "free")
    assert not decide(tmp_path, registry=tmp_path / "models.yaml")["harmful_utterance_id"]["published"]


def test_what_may_not_be_passed_on_makes_nothing_that_is_published():
    models = registry().items()
    assert [name for name, model in models if isinstance(model, Licensed) and model.publish] == []
    assert [name for name, model in models if "not to be passed on" in model.licence and model.publish] == []


def test_makers_are_columns_and_rules_that_there_are():
    rules = "".join(path.read_text() for path in (REGISTRY.parents[1] / "rules").glob("*.smk"))
    assert [rule for makers in MAKERS.values() for rule in makers if f"rule {rule}:" not in rules] == []
