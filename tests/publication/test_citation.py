"""CITATION.cff has what Citation File Format 1.2.0 asks for, and says of the project what pyproject.toml says."""

import datetime
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = {"cff-version", "message", "title", "authors"}
KNOWN = REQUIRED | {
    "abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license", "license-url",
    "preferred-citation", "references", "repository", "repository-artifact", "repository-code", "type", "url",
    "version",
}  # fmt: skip
PERSON = {"family-names", "given-names", "alias", "affiliation", "orcid", "email", "website"}
ENTITY = {"name", "alias", "orcid", "email", "website", "address", "city", "country", "date-start", "date-end"}


def test_citation_file_is_valid_and_up_to_date():
    content = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert content.keys() >= REQUIRED and content.keys() <= KNOWN
    assert content["cff-version"] == "1.2.0" and content["type"] in ("software", "dataset")
    assert content["version"] == project["version"] and content["license"] == project["license"]
    assert isinstance(content["date-released"], datetime.date)
    references = content["references"]
    assert all({"type", "title", "authors"} <= one.keys() for one in references)
    for author in [*content["authors"], *(author for one in references for author in one["authors"])]:
        assert author.keys() <= PERSON or ("name" in author and author.keys() <= ENTITY)
