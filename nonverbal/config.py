"""The configuration: typed, complete, validated before the first job.

`python -m nonverbal.config` writes resources/config.schema.json, which editors read; a test fails when it is stale.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, ValidationError

from nonverbal.collect.removals import Removals, listed_removals
from nonverbal.collect.settings import Collect
from nonverbal.collect.sources import refuse_secret
from nonverbal.cues.settings import Cues
from nonverbal.dataset.settings import Dataset
from nonverbal.demo.settings import Demo
from nonverbal.errors import UserError
from nonverbal.judge.settings import Judge
from nonverbal.layouts import PARTS
from nonverbal.mars.settings import Mars
from nonverbal.paper.settings import Paper
from nonverbal.provenance.settings import Budget
from nonverbal.publication.settings import Publication
from nonverbal.report.settings import Report
from nonverbal.settings import Settings
from nonverbal.speakers.settings import Speakers
from nonverbal.speech.settings import Speech
from nonverbal.studio.settings import Studio, StudioSource
from nonverbal.tokenizers.settings import HubSource, Tokenizers
from nonverbal.views.settings import Views

SCHEMA = Path(__file__).resolve().parents[1] / "resources" / "config.schema.json"


def _form(value: object) -> str:
    """Which form of `sources` a value has, so that a mistake in it is told of that form alone."""
    if isinstance(value, list | tuple):
        return "tuple[]"
    if isinstance(value, str):
        return "str"
    kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
    return "str-hub" if kind == "hub" else "str-studio"


# Tags are named like the parts of pydantic's own locations, which messages leave out.
Text = Annotated[str, Field(min_length=1), Tag("str")]
Recordings = Annotated[StudioSource, Tag("str-studio")]
Published = Annotated[HubSource, Tag("str-hub")]
Source = Annotated[Text | Recordings | Published, Discriminator(_form)]
Many = Annotated[tuple[Source, ...], Field(min_length=1), Tag("tuple[]")]


class Config(Settings):
    """Everything a run depends on."""

    sources: Annotated[Text | Recordings | Published | Many, Discriminator(_form)]
    """What to read: a folder of videos, a channel, playlist, feed or video URL, a CSV with columns channel_id and url,
    a text file with a URL a line, {kind: studio, folder: ..., script: ..., actors: ...}, or a list of these; or, alone,
    published records for stages tokenizers and mars: {kind: hub, repository: winston1214/VENUS-1K, revision: ...} or
    {kind: hub, folder: ...}."""
    removals: str | None = Field(min_length=1)
    """CSV (kind, id), or text with both on a line, of channels, videos and speakers that are to be nowhere; null:
    nobody."""
    results: str = Field(min_length=1, pattern=r"^[^<>{}*?\s]+$")
    """Folder that all results go to."""
    models: str = Field(min_length=1, pattern=r"^[^<>{}*?\s]+$")
    """Folder of the models that are fetched, a folder a model; those you put there are taken as they are."""
    shards: int = Field(gt=0)
    """Jobs a rule; aim at 64 to 256 videos a shard. Changing it starts the perception stages anew."""
    seed: int = Field(ge=0)
    """Seed of every random choice."""
    collect: Collect
    studio: Studio
    speech: Speech
    speakers: Speakers
    cues: Cues
    dataset: Dataset
    publication: Publication
    tokenizers: Tokenizers
    mars: Mars
    paper: Paper
    views: Views
    judge: Judge
    report: Report
    budget: Budget
    demo: Demo

    @property
    def source_list(self) -> list[str | StudioSource]:
        """All sources to collect, also where there is but one."""
        return [source for source in self._listed if not isinstance(source, HubSource)]

    @property
    def published(self) -> HubSource | None:
        """The published records that take the place of sources to collect, if any."""
        return next((source for source in self._listed if isinstance(source, HubSource)), None)

    @property
    def _listed(self) -> tuple[str | StudioSource | HubSource, ...]:
        return self.sources if isinstance(self.sources, tuple) else (self.sources,)


def load(raw: Mapping[str, Any]) -> Config:
    """The typed configuration.

    Raises:
        UserError: one sentence that names the first wrong key and says what to write.
    """
    try:
        config = Config.model_validate(dict(raw))
    except ValidationError as error:
        raise UserError(_sentence(error, raw)) from None
    check(config)
    return config


def check(config: Config) -> None:
    """Checks that no single key's type can make: files that must be there, rows of table 3 that can be.

    Raises:
        UserError: naming the key.
    """
    if config.published:
        if isinstance(config.sources, tuple) and len(config.sources) > 1:
            raise UserError("config key sources: published records (kind: hub) cannot be mixed; write them alone")
        if config.published.folder:
            _check_there(config.published.folder, config.results, "sources.folder", "the folder of the Parquet files")
    for source in config.source_list:
        if isinstance(source, str):
            refuse_secret(source, "config key sources")
            wanted = "an existing folder of videos, a .csv or .txt list, or a URL that starts with https://"
            if "://" not in source:
                _check_there(source, config.results, "sources", wanted)
        else:
            _check_there(source.folder, config.results, "sources.folder", "the folder that the recordings lie in")
            if source.script:
                _check_there(source.script, config.results, "sources.script", "the JSON file of the script, or null")
            if source.actors:
                _check_there(source.actors, config.results, "sources.actors", "the CSV file of the actors, or null")
    if config.studio.emotion_frequencies.reference:
        reference, key = config.studio.emotion_frequencies.reference, "studio.emotion_frequencies.reference"
        _check_there(reference, config.results, key, "the CSV file of the percentages, or null")
    _check_removals(config)
    _check_rows(config.tokenizers)


def _check_removals(config: Config) -> None:
    removals = removals_of(config)
    if config.published and removals.digests:
        raise UserError("config key removals: published records (kind: hub) are not collected; write null")
    for source in config.source_list:
        if isinstance(source, str) and removals.names("channel", source):
            raise UserError(
                "config key sources names a channel that the list of config key removals names; take it out"
            )


def own_places(config: Config) -> list[Path]:
    """The files and folders that the config reads, which are somebody's own wherever they lie."""
    named = [config.removals, config.dataset.split.persons, config.studio.emotion_frequencies.reference]
    for source in config.source_list:
        named += [source] if isinstance(source, str) else [source.folder, source.script, source.actors]
    return [Path(name) for name in named if name and "://" not in name]


def removals_of(config: Config) -> Removals:
    """What the removal list names."""
    persons = config.dataset.split.persons
    return listed_removals(Path(config.removals) if config.removals else None, Path(persons) if persons else None)


def _check_rows(tokenizers: Tokenizers) -> None:
    for part in PARTS:
        if getattr(tokenizers, part).codebook.quantizers > 1:
            raise UserError(
                f"config key tokenizers.{part}.codebook.quantizers: MARS reads one token a place; write 1, and more of "
                "them in a row of tokenizers.rows"
            )
        for row in (*tokenizers.rows, *tokenizers.table3.rows):
            tokenizers.variant(part, row)


def _check_there(path: str, results: str, key: str, wanted: str) -> None:
    made = Path(path).is_relative_to(results)  # by a rule of the workflow
    if not made and not Path(path).exists():
        raise UserError(f"config key {key}: there is no file or folder {path!r}; write {wanted}")


BELOW, LIST = "write keys below it, as in config.yaml", "write a list in brackets"
PLAIN = {  # what to write, where pydantic says only what it could not do
    "bool_parsing": "write true or false", "bool_type": "write true or false", "int_parsing": "write a whole number",
    "int_type": "write a whole number", "int_from_float": "write a whole number", "float_parsing": "write a number",
    "float_type": "write a number", "string_type": "write a text, in quotes where it looks like a number",
    "model_type": BELOW, "model_attributes_type": BELOW, "dict_type": BELOW, "tuple_type": LIST, "list_type": LIST,
}  # fmt: skip


def _sentence(error: ValidationError, raw: Mapping[str, Any]) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("tuple[", "constrained", "str")))
    kind, others = first["type"], error.error_count() - 1
    if kind == "extra_forbidden":
        text = f"config key {key} is unknown; remove it or correct its spelling{_nearest(first['loc'])}"
    elif kind == "missing":
        text = f"config key {key} is missing; write it as in config.yaml"
    else:
        why = PLAIN.get(kind, first["msg"][0].lower() + first["msg"][1:]).removeprefix("value error, ")
        given = first["input"]
        shown = "" if isinstance(given, Mapping) else f": {given!r}"  # a whole section would hide the sentence
        text = f"config key {key}{shown} is wrong: {why}"
    return text + (f" (and {others} more)" if others else "")


def _nearest(location: tuple[int | str, ...]) -> str:
    import difflib

    model: Any = Config
    for part in location[:-1]:
        if part not in getattr(model, "model_fields", {}):  # inside one of several forms
            return ""
        model = model.model_fields[part].annotation
    match = difflib.get_close_matches(str(location[-1]), list(model.model_fields), n=1)
    return f" (did you mean {match[0]}?)" if match else ""


def schema() -> str:
    """JSON schema of config.yaml."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema())
    sys.stdout.write(f"{SCHEMA}\n")
