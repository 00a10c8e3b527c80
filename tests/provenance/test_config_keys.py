"""Which keys of the real config the rules' params come from, and what changed in them."""

from pathlib import Path

import pytest

from nonverbal.provenance.config_keys import changed, leaves, present, read_keys

ROOT = Path(__file__).resolve().parents[2]
NOW = present(["config.yaml", "demo/settings.yaml"], {"results": "elsewhere"}, ROOT)
CONFIG = {key: value for key, value in NOW.items() if "." not in key}
TOKENIZERS = CONFIG["tokenizers"]


def keys(params: dict, rule: str, files: tuple[str, ...] = (), **wildcards: str) -> set[str]:
    found, unknown = read_keys(params, CONFIG, rule, wildcards, files)
    return {*found, *unknown}


def test_later_files_and_the_command_line_override():
    assert NOW["results"] == "elsewhere" and NOW["shards"] == 2 and NOW["models"] == "models"
    assert NOW["tokenizers.face.codebook.size"] == 64 and NOW["tokenizers.face.codebook.dim"] == 8


@pytest.mark.parametrize(
    ("params", "rule", "expected"),
    [
        ({"settings": CONFIG["speech"]["diarize"]}, "side_voices", {"speech.diarize"}),
        ({"method": CONFIG["cues"]["smooth"]["method"]}, "quality", {"cues.smooth.method"}),
        ({"seed": CONFIG["seed"] + 2}, "figure3", {"seed"}),
        ({"listed": ["x"]}, "channels", {"sources"}),
        ({"face_codes": 64}, "sequences", {"tokenizers.face.codebook.size"}),
        ({"backends": {"diarize": "embedded", "base": "tiny"}}, "table4", {"speech.diarize.backend", "mars.base.name"}),
        ({"settings": {"never": "seen"}}, "feed", {"params.settings"}),
    ],
)
def test_keys_are_those_that_a_param_comes_from(params, rule, expected):
    assert keys(params, rule) == expected


def test_of_equal_sections_the_rules_own_is_meant():
    config = {"a": {"one": {"backend": "x"}, "two": {"backend": "x"}}}
    assert list(read_keys({"settings": {"backend": "x"}}, config, "two", {})[0]) == ["a.two"]


def test_a_row_of_table_3_reads_what_it_does_not_change_and_its_changes():
    params = {"settings": TOKENIZERS["face"], "training": TOKENIZERS["training"], "seed": 8}
    own = keys(params, "train_tokenizer", part="face", row="ours", repeat="1")
    other = keys(params, "train_tokenizer", part="face", row="ng_2023", repeat="0")
    assert own - other == {
        f"tokenizers.{key}" for key in (
            "face.codebook.size", "face.codebook.dim", "face.codebook.normalised", "face.losses.reconstruction",
            "face.losses.by_group", "training.window",
        )
    }  # fmt: skip
    assert other - own == {"tokenizers.rows.ng_2023.changes"}
    assert not any(key.startswith("tokenizers.body") for key in own | other)


def test_a_row_that_changes_the_face_alone_leaves_the_body_as_ours():
    params = {"settings": TOKENIZERS["body"], "training": TOKENIZERS["training"], "seed": 7}
    face, body = (keys(params, "train_tokenizer", part=part, row="squared", repeat="0") for part in ("face", "body"))
    assert "tokenizers.rows.squared.changes" in face and "tokenizers.face.losses.groups.jaw" not in face
    assert body == keys(params, "train_tokenizer", part="body", row="ours", repeat="0")


def test_what_is_divided_into_shards_depends_on_their_number():
    assert keys({}, "face", files=("results/cues/face/00012/face.parquet",)) == {"shards"}
    assert keys({}, "split", files=("results/split/split.parquet",)) == set()


def test_a_changed_key_is_named_with_both_values():
    then = {"speech.keep_language": {"language": "en", "score": 0.5}, "seed": 7}
    now = {"speech.keep_language": {"language": "de", "score": 0.5, "new": 1}, "seed": 7.0}
    assert list(changed(then, now)) == [
        "config key speech.keep_language.language is 'de', was 'en'",
        "config key speech.keep_language.new is 1, was absent",
    ]
    assert list(changed({"seed": 7}, {})) == ["config key seed is absent, was 7"]


def test_leaves_of_sections_and_of_leaves():
    assert leaves({"a.b": {"c": 1, "d": {"e": [2]}}, "seed": 3}) == {"a.b.c": 1, "a.b.d.e": [2], "seed": 3}
