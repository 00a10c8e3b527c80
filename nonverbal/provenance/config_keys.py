"""Which keys of the config a job read, what they held, and what they hold now."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

# Params that rules make of keys which bear other names, or of none; {part} is a wildcard.
MADE_OF = {
    "backend": ("cues.{part}.backend",),
    "base": ("mars.base.name",),
    "body_codes": ("tokenizers.body.codebook.size",),
    "chosen": (
        "speech.diarize.backend", "speech.transcribe.backend", "speakers.tracks.backend", "speakers.tracks.descriptor",
        "speakers.active_speaker.backend", "cues.face.backend", "cues.body.backend",
    ),
    "face_codes": ("tokenizers.face.codebook.size",),
    "folders": ("sources",),
    "language": (),
    "length": ("mars.training.length",),
    "listed": ("sources",),
    "loss": ("mars.training.loss",),
    "published": ("sources",),
    "rows": ("tokenizers.table3.rows",),
    "seed": ("seed",),
    "trained": ("tokenizers.table3.rows",),
    "two_speakers": ("speech.keep_two_speakers.enabled",),
    "window": ("tokenizers.training.window",),
}  # fmt: skip
CHOICES = ("backend", "name")  # keys of a step's section that say which model does it
STEPS = {"body_language": "body", "facial_expression": "face"}  # columns of the records -> the step that makes them
ROW_SECTIONS = ("face.", "body.", "joint.", "training.")  # that a key of a row's changes may begin with
SHARD = re.compile(r"\d{5}")


def read_keys(
    params: dict[str, Any], config: dict[str, Any], rule: str, wildcards: dict[str, str], files: Iterable[str] = ()
) -> tuple[dict[str, Any], list[str]]:
    """Keys of the config that a job's params hold, with their values, and the params that no key explains.

    A param is a section of the config, or a leaf of its own name, or is listed in `MADE_OF`; of a row of table 3 it is
    a section with the row's changes; else each of its items is looked for. Of equal sections, the rule's is taken.

    Args:
        params: of the job.
        config: as Snakemake merged it.
        rule, wildcards: of the job.
        files: its inputs and outputs: where they are shards, their number is a key too.
    """
    config = plain(config)
    sections = dict(_sections(config))
    keys: set[str] = set()
    unknown = []
    for name, value in plain(params).items():
        made_of = {key for pattern in MADE_OF.get(name, ()) if (key := pattern.format(**wildcards)) in sections}
        found: set[str] | None = set()
        if "row" in wildcards and "training" in params and name in ("settings", "training"):
            found = _of_row(name, wildcards, config)
        elif name not in MADE_OF or isinstance(value, dict):
            found = _matches(name, value, sections, rule)
        keys |= made_of | (found or set())
        if found is None and name not in MADE_OF:
            unknown.append(f"params.{name}")
    if "shards" in config and any(SHARD.fullmatch(part) for file in files for part in re.split(r"[/.]", file)):
        keys.add("shards")
    return {key: sections[key] for key in sorted(keys)}, unknown


def leaves(keys: dict[str, Any]) -> dict[str, Any]:
    """The leaves of some keys: `stage.section.key` -> value."""
    return dict(leaf for key, value in keys.items() for leaf in _leaves(key, value))


def present(files: list[str], values: dict[str, Any], root: Path) -> dict[str, Any]:
    """All keys as they are now, sections and leaves.

    Args:
        files: the config files that a run was started with, relative to `root`; later ones override earlier ones.
        values: what its command line set.
        root: where the code is.
    """
    config: dict[str, Any] = {}
    for file in files:
        if (root / file).exists():
            _override(config, yaml.safe_load((root / file).read_text()) or {})
    _override(config, values)
    return dict(_sections(plain(config)))


def changed(then: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """A sentence a leaf that holds something else now than then; `then` holds keys that a job read."""
    for key, value in then.items():
        if now.get(key) != value:
            before, after = leaves({key: value}), leaves({key: now[key]} if key in now else {})
            for leaf in sorted({*before, *after}):
                if before.get(leaf) != after.get(leaf):
                    held = f"{after[leaf]!r}" if leaf in after else "absent"
                    yield f"config key {leaf} is {held}, was {repr(before[leaf]) if leaf in before else 'absent'}"


def plain(value: Any) -> Any:  # noqa: ANN401
    """As JSON holds it."""
    return json.loads(json.dumps(value, default=str))


def _matches(name: str, value: Any, sections: dict[str, Any], rule: str) -> set[str] | None:  # noqa: ANN401
    """The keys that a param comes from, None where some of it comes from nowhere."""
    found = [
        key for key, section in sections.items()
        if section == value and (isinstance(value, dict) or _named(key, name))
    ]  # fmt: skip
    if found:
        return {min(found, key=lambda key: (key.split(".")[-1] != rule, key.count("."), key))}
    if not isinstance(value, dict):
        return None
    items = [_matches(below, item, sections, rule) for below, item in value.items()]
    return None if not items or None in items else {key for item in items for key in item or ()}


def _named(key: str, name: str) -> bool:
    *_, last = parts = key.split(".")
    return last == name or (last in CHOICES and parts[-2:-1] == [STEPS.get(name, name)])


def _of_row(name: str, wildcards: dict[str, str], config: dict[str, Any]) -> set[str]:
    """Keys of a tokenizer's settings, or of its training, in a row of table 3: those it leaves, and its changes."""
    tokenizers, row = config["tokenizers"], wildcards["row"]
    changes = f"tokenizers.rows.{row}.changes"
    section = name if name == "training" else wildcards["part"]
    overridden = {
        key.removeprefix(f"{section}.") for key in tokenizers["rows"].get(row, {}).get("changes", {})
        if key.startswith(f"{section}.") or (name != "training" and not key.startswith(ROW_SECTIONS))
    }  # fmt: skip
    kept = {
        leaf for leaf, _ in _leaves(f"tokenizers.{section}", tokenizers[section])
        if leaf.removeprefix(f"tokenizers.{section}.") not in overridden
    }  # fmt: skip
    return kept | ({changes} if overridden else set())


def _sections(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, below in value.items():
        yield prefix + key, below
        if isinstance(below, dict):
            yield from _sections(below, f"{prefix}{key}.")


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves(f"{key}.{name}", below)
    else:
        yield key, value


def _override(config: dict[str, Any], values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            _override(config[key], value)
        else:
            config[key] = value
