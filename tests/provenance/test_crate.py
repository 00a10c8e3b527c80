"""The RO-Crate of a run, checked by roc-validator without a network."""

import io
import json
from pathlib import Path

import pytest
import requests
import rocrate
from requests.adapters import BaseAdapter, HTTPAdapter
from requests_cache import CachedSession
from rocrate_validator import services
from rocrate_validator.models import ValidationSettings
from urllib3 import HTTPResponse

from nonverbal.provenance.crate import crate

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
# The package has version 1.3's context alone; of the terms used here, 1.1 has these elsewhere.
OLDER = {name: f"https://bioschemas.org/{name}" for name in ("ComputationalWorkflow", "FormalParameter")}


class Packaged(BaseAdapter):
    """Answers with the context that lies in the package rocrate."""

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        document = json.loads((Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_text())
        body = json.dumps({"@context": document["@context"] | OLDER}).encode()
        kind = {"Content-Type": "application/ld+json"}
        answer = HTTPResponse(body=io.BytesIO(body), status=200, headers=kind, preload_content=False)
        return HTTPAdapter().build_response(request, answer)

    def close(self) -> None:
        pass


@pytest.fixture
def cache(tmp_path) -> Path:
    """The validator's cache of the web, with the context in it."""
    path = tmp_path / "web"
    with CachedSession(cache_name=str(path), backend="sqlite", expire_after=-1, allowable_methods=("GET",)) as session:
        session.mount("https://", Packaged())
        session.get(CONTEXT)
    return path


@pytest.fixture
def written(finished) -> Path:
    """The results folder of a finished run, with its crate."""
    snakefile = finished.root / "Snakefile"
    snakefile.write_text("rule all:\n")
    places = {"metadata": "ro-crate-metadata.json", "workflow": "provenance/Snakefile"}
    crate(
        finished.results / "ledger.parquet", snakefile, **{name: finished.results / at for name, at in places.items()}
    )
    return finished.results


def problems(folder: Path, cache: Path) -> list[str]:
    """What the strictest of the run profiles, which includes the others, finds wrong."""
    settings = ValidationSettings(
        rocrate_uri=str(folder), profile_identifier="provenance-run-crate-0.5", offline=True, cache_path=cache
    )
    return [issue.message for issue in services.validate(settings).get_issues()]


def entities(folder: Path) -> dict[str, dict]:
    graph = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    return {entity["@id"]: entity for entity in graph}


def test_the_validator_finds_nothing_and_sees_what_is_taken_away(written, cache):
    assert problems(written, cache) == []
    path = written / "ro-crate-metadata.json"
    document = json.loads(path.read_text())
    for entity in document["@graph"]:
        entity.pop("step", None)
    path.write_text(json.dumps(document))
    assert any("HowToStep must be referred to" in message for message in problems(written, cache))


def test_each_artifact_is_named_in_place_with_its_hash_and_what_made_it(written):
    found = entities(written)
    doubled = found["b/doubled.txt"]
    assert doubled["@type"] == "File" and len(doubled["sha256"]) == 64 and doubled["contentSize"] == "5"
    job = found["#job/doubled/shard=00001"]
    assert job["result"] == {"@id": "b/doubled.txt"} or job["result"] == [{"@id": "b/doubled.txt"}]
    assert job["object"] in ({"@id": "a/numbers.txt"}, [{"@id": "a/numbers.txt"}])
    assert job["instrument"] == {"@id": "#rule/doubled"} and job["startTime"] <= job["endTime"]
    assert {one["@id"] for one in found["#run"]["result"]} == {"a/media/x.wav", "c/report.md", "d/other.txt"}


def test_neither_paths_of_the_machine_nor_hosts_nor_settings_are_told(written, finished):
    record = json.loads(next((written / "provenance/jobs/numbers").iterdir()).read_text())
    text = (written / "ro-crate-metadata.json").read_text()
    assert str(finished.root.parent) not in text and "source.txt" in text
    assert "host" in record and not any(record["host"] == word for word in text.split('"'))
    assert not any(str(value).startswith("/") for entity in entities(written).values() for value in entity.values())


def test_what_is_gone_is_named_by_its_hash(finished, written):
    (written / "d/other.txt").unlink()
    crate(
        written / "x", finished.root / "Snakefile", written / "ro-crate-metadata.json", written / "provenance/Snakefile"
    )
    found = entities(written)
    assert "d/other.txt" not in found
    assert any(one.startswith("#outside/d/other.txt/") for one in found)
