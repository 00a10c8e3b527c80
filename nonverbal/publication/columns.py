"""Which columns may be published: those of which every model that made them has a licence that allows it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from nonverbal.models import registry
from nonverbal.provenance.record import Record, read_records
from nonverbal.schema import TABLES

# Rules whose models made what a column holds; no model made the others.
MAKERS = {
    "conversation": ("diarize", "transcribe", "side_voices", "side_words"),
    "facial_expression": ("face",),
    "body_language": ("body",),
    "speaker_bbox": ("tracks", "active_speaker"),
    "harmful_utterance_id": ("safety",),
}
ONLY_STUDIO = {"side_voices", "side_words"}  # a run without studio recordings has no such jobs
UNKNOWN = "unknown"


def columns(records: list[Path], models: Path, columns: Path, chosen: dict[str, list[str]]) -> None:
    """Decide on every column of the records, by the models that their jobs asked for and that the config chooses.

    Args:
        records: of all shards, so that this runs after the jobs that made them.
        models: the registry.
        columns: RESULTS/publication/columns/columns.json to write: column -> published (bool), models (name, licence,
            publish); the jobs' records lie in RESULTS.
        chosen: rule -> models to be fetched that its backend uses; a job that took up finished units may name none.
    """
    used = models_of(read_records(columns.parents[2]), chosen)
    decided = {name: decision(used.get(name, set()), models) for name in TABLES["records"].names}
    columns.write_text(json.dumps(decided, indent=2) + "\n")


def models_of(records: Iterable[Record], chosen: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Column -> the models that made it; `UNKNOWN` among them where a rule that made it has no job's record."""
    asked: dict[str, set[str]] = {}
    for record in records:
        asked.setdefault(record["rule"], set()).update(record["models"])
    used = {}
    for column, makers in MAKERS.items():
        told = [asked.get(rule, set() if rule in ONLY_STUDIO else {UNKNOWN}) for rule in makers]
        used[column] = set().union(*told, *(chosen.get(rule, ()) for rule in makers))
    return used


def decision(used: Iterable[str], models: Path) -> dict[str, object]:
    """Whether a column that these models made is published; a model that the registry does not know forbids it."""
    known = registry(models)
    rows = [
        {
            "name": name,
            "licence": known[name].licence if name in known else "not in the registry",
            "publish": name in known and known[name].publish,
        }
        for name in sorted(used)
    ]
    return {"published": all(row["publish"] for row in rows), "models": rows}


def published(columns: Path) -> list[str]:
    """Columns that are published, in the order of the schema."""
    return [name for name, decided in json.loads(columns.read_text()).items() if decided["published"]]
