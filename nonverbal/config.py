"""The configuration: typed, complete, validated before the first job.

`python -m nonverbal.config` writes resources/config.schema.json, which editors read; a test fails when it is stale.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from nonverbal.collect.settings import Collect
from nonverbal.cues.settings import Cues
from nonverbal.dataset.settings import Dataset
from nonverbal.errors import UserError
from nonverbal.mars.settings import Mars
from nonverbal.paper.settings import Paper
from nonverbal.settings import Settings
from nonverbal.speakers.settings import Speakers
from nonverbal.speech.settings import Speech
from nonverbal.tokenizers.settings import Tokenizers

SCHEMA = Path(__file__).resolve().parents[1] / "resources" / "config.schema.json"


class Config(Settings):
    """Everything a run depends on."""

    sources: str | tuple[str, ...] = Field(min_length=1)
    """What to read: a folder of videos, a channel, playlist, feed or video URL, a CSV with columns channel_id and url,
    a text file with a URL a line, or a list of these."""
    results: str = Field(min_length=1, pattern=r"^[^<>{}*?\s]+$")
    """Folder that all results go to."""
    models: str = Field(min_length=1, pattern=r"^[^<>{}*?\s]+$")
    """Folder of the models that are fetched, a folder a model; those you put there are taken as they are."""
    shards: int = Field(gt=0)
    """Jobs a rule; aim at 64 to 256 videos a shard. Changing it starts the perception stages anew."""
    seed: int = Field(ge=0)
    """Seed of every random choice."""
    collect: Collect
    speech: Speech
    speakers: Speakers
    cues: Cues
    dataset: Dataset
    tokenizers: Tokenizers
    mars: Mars
    paper: Paper


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
    """Checks that no single key's type can make: files that must be there before the first job.

    Raises:
        UserError: naming the key.
    """
    for source in [config.sources] if isinstance(config.sources, str) else config.sources:
        made = Path(source).is_relative_to(config.results)  # by a rule of the workflow
        if "://" not in source and not made and not Path(source).exists():
            raise UserError(
                f"config key sources: there is no file or folder {source!r}; write an existing folder of videos, "
                "a .csv or .txt list, or a URL that starts with https://"
            )


def _sentence(error: ValidationError, raw: Mapping[str, Any]) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("tuple[", "constrained", "str")))
    kind, others = first["type"], error.error_count() - 1
    if kind == "extra_forbidden":
        text = f"config key {key} is unknown; remove it or correct its spelling{_nearest(first['loc'])}"
    elif kind == "missing":
        text = f"config key {key} is missing; write it as in config.yaml"
    else:
        text = f"config key {key}: {first['input']!r} is wrong: {first['msg'][0].lower() + first['msg'][1:]}"
    return text + (f" (and {others} more)" if others else "")


def _nearest(location: tuple[int | str, ...]) -> str:
    import difflib

    model: Any = Config
    for part in location[:-1]:
        model = model.model_fields[part].annotation
    match = difflib.get_close_matches(str(location[-1]), list(model.model_fields), n=1)
    return f" (did you mean {match[0]}?)" if match else ""


def schema() -> str:
    """JSON schema of config.yaml."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema())
    sys.stdout.write(f"{SCHEMA}\n")
