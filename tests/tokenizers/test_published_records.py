"""Published records, in files that these tests write in the release's schema, become frames, splits and decisions."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nonverbal.dataset.settings import KeepSafe, Split
from nonverbal.errors import UserError
from nonverbal.layouts import FLAME_FACE, SMPLX_BODY
from nonverbal.mars.sequences import SPLITS, sequences
from nonverbal.mars.settings import Sequences
from nonverbal.schema import TABLES, read_table, write_table
from nonverbal.tokenizers import fetch_records as fetching
from nonverbal.tokenizers.fetch_records import fetch_records
from nonverbal.tokenizers.frames import frames
from nonverbal.tokenizers.read_records import read_records
from nonverbal.tokenizers.settings import Frames
from nonverbal.tokenizers.split_records import split_records

BACKENDS = {"face": "emoca", "body": "osx"}
SAFE = KeepSafe(harmful_s=180)
SPLIT = Split(validation=0.25, test=0.2, by="channel", persons=None)
TABLES_READ = ("face", "body", "words", "utterances", "safety", "keep_utterances", "records")
LENGTHS = {"facial_expression": 156, "body_language": 179}


def level(video: int, utterance: int, frame: int) -> float:
    return video + 0.1 * utterance + 0.001 * frame


def motion(video: int, field: str, frames_of: dict[int, list[int]]) -> dict[str, list]:
    told = [(utterance, frame) for utterance, numbers in frames_of.items() for frame in numbers]
    return {
        "utt_id": [str(utterance) for utterance, _ in told],
        "frame": [f"{frame:06d}_0" for _, frame in told],
        "features": [[level(video, *one) + i / 1000 for i in range(LENGTHS[field])] for one in told],
    }


def row(video: int, channel: str, **changed: object) -> dict:
    """Two utterances: frames 3..22, the second half written first, and 40..49."""
    order = {0: [*range(13, 23), *range(3, 13)], 1: list(range(40, 50))}
    told = {
        "utterance_id": [0, 1], "speaker": ["0", "1"], "text": ["yes", "no"], "start_time": [0.1, 1.5],
        "end_time": [1.0, 2.0], "words": [[{"word": "yes", "start_time": 0.1, "end_time": 1.0}], []],
    }  # fmt: skip
    return {
        "channel_id": channel, "video_id": f"video{video:06d}", "segment_id": 0, "duration": "00:01:00 ~ 00:11:00",
        "fps": 25, "conversation": told, **{field: motion(video, field, order) for field in LENGTHS},
        "speaker_bbox": {"frame": [3], "bbox": [[0.0, 0.0, 9.0, 9.0]]}, "harmful_utterance_id": [],
    } | changed  # fmt: skip


def write(path: Path, rows: list[dict]) -> None:
    """As `datasets` writes them: variable lists, doubles; a row a row group."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=1)


def read(folder: Path, results: Path, shards: int = 2, backends: dict[str, str] = BACKENDS) -> list[Path]:
    paths = []
    for shard in range(shards):
        place = results / str(shard)
        place.mkdir(parents=True)
        tables = {name: place / f"{name}.parquet" for name in TABLES_READ}
        read_records(folder, **tables, shard=f"{shard:05d}", shards=shards, backends=backends)
        paths.append(place)
    return paths


def decide(places: list[Path], results: Path, safe: KeepSafe = SAFE) -> tuple[pd.DataFrame, pd.DataFrame]:
    split, keep = results / "split.parquet", results / "keep.parquet"
    split_records([place / "records.parquet" for place in places], split, keep, safe, SPLIT, seed=1)
    return read_table(split, "split"), read_table(keep, "keep_records").set_index("clip_id")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four channels of two clips in train, one in test; nothing wrong."""
    folder = tmp_path_factory.mktemp("release")
    train = [row(i, f"channel{i // 2}") for i in range(8)]
    write(folder / "data" / "train-00000-of-00002.parquet", train[:5])
    write(folder / "data" / "train-00001-of-00002.parquet", train[5:])
    write(folder / "data" / "test-00000-of-00001.parquet", [row(8, "channel8")])
    return folder


@pytest.mark.parametrize(
    "part, layout, backend", [("face", FLAME_FACE, "emoca"), ("body", SMPLX_BODY, "osx")], ids=["face", "body"]
)
def test_records_become_the_frames_of_stage_tokenizers(
    release: Path, tmp_path: Path, part: str, layout: object, backend: str
) -> None:
    places = read(release, tmp_path / "read")
    decide(places, tmp_path)
    paths = {"frames": tmp_path / "frames.npy", "index": tmp_path / "index.parquet", "scale": tmp_path / "scale.json"}
    cues = [place / f"{part}.parquet" for place in places]
    settings = Frames(longest_gap=7, least_std=0.01)
    frames(part, cues, tmp_path / "split.parquet", **paths, settings=settings, backend=backend)
    array, index = np.load(paths["frames"]), read_table(paths["index"], "sequences_index")
    assert json.loads(paths["scale"].read_text())["layout"] == layout.name
    assert array.shape == (9 * 30, layout.dim)
    assert len(index) == 9 * 2  # a run an utterance
    for run in index.itertuples():
        assert (run.first_frame, run.frames, run.speaker) == ((3, 20, 0), (40, 10, 1))[run.utterance_id]
        numbers = [level(int(run.clip_id[5:11]), run.utterance_id, run.first_frame + i) for i in range(run.frames)]
        wanted = np.array(numbers)[:, None] + layout.index / 1000
        np.testing.assert_allclose(array[run.row : run.row + run.frames], wanted, rtol=1e-6)


def test_splits_are_as_published_and_validation_is_whole_channels_of_train(release: Path, tmp_path: Path) -> None:
    split, _ = decide(read(release, tmp_path / "read"), tmp_path)
    assert split.groupby("channel_id")["split"].nunique().max() == 1
    assert split["split"].value_counts().to_dict() == {"train": 6, "validation": 2, "test": 1}
    assert split.loc[split["channel_id"] == "channel8", "split"].tolist() == ["test"]
    other, _ = decide(read(release, tmp_path / "again", shards=3), tmp_path)
    pd.testing.assert_frame_equal(split, other)


def test_a_channel_that_the_release_divides_stays_divided_without_an_error(tmp_path: Path) -> None:
    write(tmp_path / "in" / "train.parquet", [row(0, "both"), row(1, "a"), row(2, "b")])
    write(tmp_path / "in" / "test.parquet", [row(3, "both")])
    split, _ = decide(read(tmp_path / "in", tmp_path / "read"), tmp_path)
    assert split.set_index("video_id").loc["video000003", "split"] == "test"
    assert split.groupby("group")["split"].nunique().max() == 1


def short(value: dict) -> None:
    value["facial_expression"]["features"][4] = [0.0] * 155


def uneven(value: dict) -> None:
    value["body_language"]["frame"].pop()


def numberless(value: dict) -> None:
    value["body_language"]["frame"][0] = "first"


def nameless(value: dict) -> None:
    value["video_id"] = None


def motionless(value: dict) -> None:
    for field, length in LENGTHS.items():
        value[field]["features"] = [[float("nan")] * length for _ in value[field]["frame"]]


@pytest.mark.parametrize(
    "change, reason, detail",
    [
        (short, "malformed", "facial_expression.features: 1 of 30 vectors do not have 156 numbers"),
        (uneven, "malformed", "body_language has lists of lengths"),
        (numberless, "malformed", "body_language.frame has something that is no whole number"),
        (nameless, "malformed", "no channel_id, video_id or segment_id"),
        (motionless, "no_motion", "no frame with a known number"),
    ],
)
def test_a_malformed_row_is_a_recorded_drop(
    tmp_path: Path, change: Callable[[dict], None], reason: str, detail: str
) -> None:
    wrong = row(1, "a")
    change(wrong)
    write(tmp_path / "in" / "train.parquet", [row(0, "a"), wrong])
    places = read(tmp_path / "in", tmp_path / "read")
    split, decisions = decide(places, tmp_path)
    assert split["clip_id"].tolist() == ["video000000_000"]
    dropped = decisions[~decisions["kept"]]
    assert dropped["reason"].tolist() == [reason]
    assert detail in dropped["detail"].iloc[0]
    assert "row 1 of train.parquet" in dropped["detail"].iloc[0]
    assert set(read_table([place / "face.parquet" for place in places], "face")["clip_id"]) == {"video000000_000"}


def test_a_clip_that_comes_twice_is_taken_once(tmp_path: Path) -> None:
    for name in ("train-0", "train-1"):
        write(tmp_path / "in" / f"{name}.parquet", [row(0, "a")])
    places = read(tmp_path / "in", tmp_path / "read")
    records = read_table([place / "records.parquet" for place in places], "published_records")
    assert records["reason"].tolist() == ["", "duplicate"]
    assert len(read_table([place / "face.parquet" for place in places], "face")) == 30


def test_unknown_numbers_stay_unknown_and_a_frame_without_any_is_not_valid(tmp_path: Path) -> None:
    holed = row(0, "a")
    holed["facial_expression"]["features"][0] = [float("nan")] * 156  # frame 13
    holed["facial_expression"]["features"][1][7] = float("inf")  # frame 14
    holed["facial_expression"]["features"][2][8] = None  # frame 15
    write(tmp_path / "in" / "train.parquet", [holed])
    (place,) = read(tmp_path / "in", tmp_path / "read", shards=1)
    face = read_table(place / "face.parquet", "face").query("utterance_id == 0").set_index("frame")
    assert face.index.tolist() == list(range(3, 23))
    assert face.index[~face["valid"]].tolist() == [13]
    assert face.loc[13, "reason"] == "not_found"
    assert np.flatnonzero(np.isnan(face.loc[14, "features"])).tolist() == [7]
    assert np.flatnonzero(np.isnan(face.loc[15, "features"])).tolist() == [8]


def test_harmful_speech_counts_by_video_as_in_rule_keep_safe(tmp_path: Path) -> None:
    both = [row(0, "a", segment_id=i, harmful_utterance_id=[0, 1]) for i in range(2)]  # 1.4 s each
    write(tmp_path / "in" / "train.parquet", [*both, row(1, "b", harmful_utterance_id=[0])])
    places = read(tmp_path / "in", tmp_path / "read")
    _, decisions = decide(places, tmp_path, KeepSafe(harmful_s=2))
    assert decisions["reason"].to_dict() == {
        "video000000_000": "harmful", "video000000_001": "harmful", "video000001_000": "",
    }  # fmt: skip
    _, decisions = decide(places, tmp_path, KeepSafe(harmful_s=3))
    assert decisions["kept"].all()
    with pytest.raises(UserError, match=r"no published record can be used; dropped {'harmful': 3}"):
        decide(places, tmp_path, KeepSafe(harmful_s=0.5))


def test_lists_of_structs_and_records_of_our_own_schema_read_the_same(tmp_path: Path) -> None:
    plain = row(0, "a")
    turned = dict(plain)
    for field in ("conversation", *LENGTHS):
        turned[field] = [dict(zip(plain[field], one, strict=True)) for one in zip(*plain[field].values(), strict=True)]
    write(tmp_path / "lists" / "train.parquet", [turned])
    ours = row(0, "a")
    ours["conversation"] = plain["conversation"] | {
        "speaker": [0, 1], "words": [{"word": ["yes"], "start_time": [0.1], "end_time": [1.0]}] * 2
    }  # fmt: skip
    for field in LENGTHS:
        ours[field] = {
            "utt_id": [int(one) for one in plain[field]["utt_id"]],
            "frame": [int(one[:6]) for one in plain[field]["frame"]],
            "features": plain[field]["features"],
        }
    schema = TABLES["records"].with_metadata({"backend.facial_expression": "flame (fitted to landmarks)"})
    (tmp_path / "ours").mkdir()
    pq.write_table(pa.Table.from_pylist([ours], schema=schema), tmp_path / "ours" / "train.parquet")
    write(tmp_path / "plain" / "train.parquet", [plain])
    tables = [
        read_table(read(tmp_path / name, tmp_path / f"{name}.read", shards=1)[0] / "face.parquet", "face")
        for name in ("plain", "lists", "ours")
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


def said(words: object, **changed: list) -> dict:
    """A row whose first utterance, 0.1 to 1.0 s, has these words, as a list of structs or a struct of lists."""
    second = {"word": "no", "start_time": 1.6, "end_time": 1.9}
    listed = {key: [value] for key, value in second.items()} if isinstance(words, dict) else [second]
    told = row(0, "a")["conversation"] | {"words": [words, listed]}
    return row(0, "a", conversation=told | changed)


def word(text: str | None, start: float | None, end: float | None) -> dict:
    return {"word": text, "start_time": start, "end_time": end}


def test_words_and_utterances_are_those_of_stage_speech(tmp_path: Path) -> None:
    words = [word("well", 0.1, 0.4), word("yes", 0.5, 0.9)]
    write(tmp_path / "in" / "train.parquet", [said(words) | {"harmful_utterance_id": [1]}])
    (place,) = read(tmp_path / "in", tmp_path / "read", shards=1)
    table = read_table(place / "words.parquet", "words")
    assert table[["utterance_id", "word_index", "speaker", "word"]].to_numpy().tolist() == [
        [0, 0, 0, "well"], [0, 1, 0, "yes"], [1, 2, 1, "no"],
    ]  # fmt: skip
    assert table[["start_s", "end_s"]].to_numpy().tolist() == [[0.1, 0.4], [0.5, 0.9], [1.6, 1.9]]
    assert not table["interpolated"].any()
    utterances = read_table(place / "utterances.parquet", "utterances")
    assert utterances[["speaker", "text", "words"]].to_numpy().tolist() == [[0, "well yes", 2], [1, "no", 1]]
    safety = read_table(place / "safety.parquet", "safety")
    assert safety[["harmful", "score", "backend"]].to_numpy().tolist() == [
        [False, 0, "published"],
        [True, 1, "published"],
    ]


@pytest.mark.parametrize(
    "words, kept, detail",
    [
        ([word("b", 0.6, 0.8), word("a", 0.2, 0.4)], {"a": 0.2, "b": 0.6}, "2 of 2 words; empty 0, outside it 0"),
        ([word("a", 0.2, 0.4), word("7", None, None), word("b", 0.8, 0.9)], {"a": 0.2, "7": 0.4 + 0.4 / 3, "b": 0.8},
         "without times 1"),
        ([word("a", float("nan"), 0.3), word("b", 0.9, 0.7)], {"a": 0.28, "b": 0.64}, "without times 2"),
        ([word("a", 0.2, 0.4), word("late", 1.3, 1.4)], {"a": 0.2}, "1 of 2 words; empty 0, outside it 1"),
        ([word("a", 0.2, 0.4), word(" ", 0.5, 0.6), word(None, 0.7, 0.8)], {"a": 0.2}, "1 of 3 words; empty 2"),
        ({"word": ["a", "b"], "start_time": [0.2, 0.5], "end_time": [0.3, 0.6]}, {"a": 0.2, "b": 0.5}, "2 of 2"),
    ],
    ids=["unsorted", "a number", "impossible times", "outside", "empty", "lists"],
)  # fmt: skip
def test_a_bad_word_is_mended_or_left_out_and_counted(
    tmp_path: Path, words: object, kept: dict[str, float], detail: str
) -> None:
    write(tmp_path / "in" / "train.parquet", [said(words)])
    (place,) = read(tmp_path / "in", tmp_path / "read", shards=1)
    table = read_table(place / "words.parquet", "words").query("utterance_id == 0")
    assert dict(zip(table["word"], table["start_s"], strict=True)) == pytest.approx(kept)
    assert (table["end_s"] >= table["start_s"]).all()
    decision = read_table(place / "keep_utterances.parquet", "keep_utterances").iloc[0]
    assert decision["kept"]
    assert detail in decision["detail"]


@pytest.mark.parametrize(
    "words, changed, reason",
    [
        ([], {}, "no_words"),
        (None, {}, "no_words"),
        ([word("late", 1.3, 1.4)], {}, "no_words"),
        ([word("a", 0.2, 0.4)], {"start_time": [None, 1.5]}, "no_times"),
        ([word("a", 0.2, 0.4)], {"end_time": [0.05, 2.0]}, "no_times"),
        ([word("a", 0.2, 0.4)], {"speaker": ["?", "1"]}, "no_speaker"),
        ([word("a", 0.2, 0.4)], {"end_time": [0.8, 2.0]}, "motion_outside"),  # its frames are 3 to 22
        ({"word": ["a", "b"], "start_time": [0.2], "end_time": [0.3]}, {}, "malformed"),
    ],
)  # fmt: skip
def test_an_utterance_that_cannot_be_read_is_a_recorded_drop_and_keeps_its_motion(
    tmp_path: Path, words: object, changed: dict, reason: str
) -> None:
    write(tmp_path / "in" / "train.parquet", [said(words, **changed)])
    (place,) = read(tmp_path / "in", tmp_path / "read", shards=1)
    decisions = read_table(place / "keep_utterances.parquet", "keep_utterances")
    assert decisions["reason"].tolist() == [reason, ""]
    for name in ("words", "utterances", "safety"):
        assert set(read_table(place / f"{name}.parquet", name)["utterance_id"]) == {1}
    assert set(read_table(place / "face.parquet", "face")["utterance_id"]) == {0, 1}


def test_a_number_that_two_utterances_have_is_the_first_ones(tmp_path: Path) -> None:
    write(tmp_path / "in" / "train.parquet", [said([word("a", 0.2, 0.4)], utterance_id=[0, 0])])
    (place,) = read(tmp_path / "in", tmp_path / "read", shards=1)
    decisions = read_table(place / "keep_utterances.parquet", "keep_utterances")
    assert decisions["reason"].tolist() == ["", "duplicate"]
    assert read_table(place / "words.parquet", "words")["word"].tolist() == ["a"]


def test_published_records_become_chat_records(tmp_path: Path) -> None:
    """Words at their frames and tokens at their groups; an utterance's times reach as far as its motion."""
    told = {"end_time": [0.88, 1.92]}  # floor(0.88 x 25) = 22, floor(1.92 x 25) = 48: a frame before the last
    write(tmp_path / "in" / "train.parquet", [said([word("well", 0.1, 0.4), word("yes", 0.5, 0.8)], **told)])
    places = read(tmp_path / "in", tmp_path / "read", shards=1)
    decide(places, tmp_path)
    tokens = {}
    for part in ("face", "body"):
        rows = [(0, 0, 3, 20, [1, 2, 3]), (1, 1, 40, 10, [4, 5])]  # frames 3, 11, 19 and 40, 48
        names = ("utterance_id", "speaker", "first_frame", "frames", "tokens")
        tokens[part] = tmp_path / f"{part}.parquet"
        constant = {"clip_id": "video000000_000", "split": "train"}
        write_table(tokens[part], "tokens", [dict(zip(names, one, strict=True)) | constant for one in rows])
    lines = {name: tmp_path / f"{name}.jsonl" for name in SPLITS}
    sequences(
        **{name: [places[0] / f"{name}.parquet"] for name in ("words", "utterances", "safety")}, **tokens,
        split=tmp_path / "split.parquet", **lines, tables=[tmp_path / f"{name}.chats.parquet" for name in SPLITS],
        answers=tmp_path / "answers.parquet", settings=Sequences(context_turns=1, turn_marks=False), face_codes=8,
        body_codes=8,
    )  # fmt: skip
    (record,) = [json.loads(line) for line in lines["train"].read_text().splitlines()]
    assert [message["content"] for message in record["messages"][1:]] == [
        "well<FACE_1><BODY_1><FACE_2><BODY_2> yes<FACE_3><BODY_3>", "no<FACE_4><BODY_4><FACE_5><BODY_5>",
    ]  # fmt: skip


def without(column: str) -> dict:
    return {key: value for key, value in row(0, "a").items() if key != column}


def flat() -> dict:
    return row(0, "a", facial_expression=[1.0])


@pytest.mark.parametrize(
    "name, wrong, expected",
    [
        ("train.parquet", without("body_language"), r"lacks columns \['body_language'\]"),
        ("train.parquet", flat(), r"column facial_expression of .* lacks \['features', 'frame', 'utt_id'\]"),
        ("part.parquet", row(0, "a"), "no .parquet file that is named after its split"),
    ],
)
def test_files_of_another_kind_end_with_one_sentence(tmp_path: Path, name: str, wrong: dict, expected: str) -> None:
    write(tmp_path / "in" / name, [wrong])
    with pytest.raises(UserError, match=expected):
        read(tmp_path / "in", tmp_path / "read")


def test_a_broken_file_and_faces_of_another_backend_end_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "train.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        read(tmp_path / "broken", tmp_path / "one")
    schema = TABLES["records"].with_metadata({"backend.facial_expression": "open_face (no FLAME)"})
    (tmp_path / "open").mkdir()
    pq.write_table(schema.empty_table(), tmp_path / "open" / "train.parquet")
    with pytest.raises(UserError, match=r"sources\.face: .* write open_face"):
        read(tmp_path / "open", tmp_path / "two")
    read(tmp_path / "open", tmp_path / "three", backends=BACKENDS | {"face": "open_face"})


def test_fetched_files_are_verified_and_a_wrong_one_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    revision, content = "a" * 40, {"data/train-0.parquet": b"right"}

    def snapshot(name: str, commit: str, files: list[str], folder: Path, key: str, kind: str) -> None:
        assert (name, commit, files, kind) == ("owner/set", revision, ["*.parquet"], "dataset")
        for path, value in content.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(value)

    wanted = {"data/train-0.parquet": hashlib.sha256(b"right").hexdigest(), "a.zip": "0"}
    monkeypatch.setattr(fetching, "snapshot", snapshot)
    monkeypatch.setattr(fetching, "hashes", lambda *_: wanted)
    content["data/train-0.parquet"] = b"wrong"
    with pytest.raises(UserError, match=r"data/train-0.parquet is not what owner/set has at revision a{40}"):
        fetch_records(tmp_path / "records", "owner/set", revision)
    assert not (tmp_path / "records").exists()
    assert not list(tmp_path.rglob("*.parquet"))
    content["data/train-0.parquet"] = b"right"
    fetch_records(tmp_path / "records", "owner/set", revision)
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["train-0.parquet"]
    assert [path.name for path in tmp_path.iterdir()] == ["records"]
