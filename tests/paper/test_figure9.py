import numpy as np
import pytest
from PIL import Image

from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES
from nonverbal.paper.figure9 import box_rows, chosen, figure9, heading, known_spans, seconds_of, utterances_of
from nonverbal.paper.settings import Figure9
from nonverbal.schema import write_table

SETTINGS = Figure9(part_s=4)


def record(
    video: str = "v", speakers: tuple[int, ...] = (0, 1), harmful: tuple[int, ...] = (), word: str = "hi"
) -> dict:
    count = len(speakers)
    frames = [50 * place + i for place in range(count) for i in range(30)]
    face = np.zeros((len(frames), FACE_FEATURES), np.float32)
    face[5:10] = np.nan
    part = {"utt_id": [frame // 50 for frame in frames], "frame": frames}
    return {
        "channel_id": "c", "video_id": video, "segment_id": 3, "duration": "00:01:00 ~ 00:01:10", "fps": 25,
        "conversation": {
            "utterance_id": list(range(count)), "speaker": list(speakers), "text": [word] * count,
            "start_time": [2.0 * place for place in range(count)],
            "end_time": [2.0 * place + 1.2 for place in range(count)],
            "words": [
                {"word": [word] * 2, "start_time": [2.0 * place, 2.0 * place + 0.5], "end_time": [2.0 * place + 1] * 2}
                for place in range(count)
            ],
        },
        "facial_expression": part | {"features": face.tolist()},
        "body_language": part | {"features": np.zeros((len(frames), BODY_FEATURES)).tolist()},
        "speaker_bbox": {"frame": frames, "bbox": [[10.0, 20.0, 110.0, 220.0]] * len(frames)},
        "harmful_utterance_id": list(harmful),
    }  # fmt: skip


def test_the_record_with_harm_then_both_speakers_is_chosen(tmp_path):
    write_table(tmp_path / "a.parquet", "records", [record("a", (0,)), record("b"), record("c", (0, 0, 0))])
    write_table(tmp_path / "b.parquet", "records", [record("d", (0,), harmful=(0,))])
    assert chosen([tmp_path / "a.parquet"])["video_id"] == "b"
    assert chosen([tmp_path / "a.parquet", tmp_path / "b.parquet"])["video_id"] == "d"
    assert chosen([]) is None


def test_what_is_drawn_is_what_the_record_says():
    one = record(harmful=(1,))
    said = utterances_of(one)
    assert [(row["speaker"], row["harmful"]) for row in said] == [(0, False), (1, True)]
    spans = list(known_spans(one["facial_expression"], {0: 0, 1: 1}))
    assert spans == [(0, 0, 5), (0, 10, 20), (1, 50, 30)]  # a gap where no number is known
    assert {(speaker, frame // 50) for speaker, frame, _ in box_rows(one, said)} == {(0, 0), (1, 1)}
    assert seconds_of(one) == 10
    assert heading(one, said).endswith("2 utterances, 4 words, 60 faces, 60 bodies, 60 boxes; harmful: 1")


@pytest.mark.parametrize("word", ["hi", "$x^{ </b> 日本\n", ""])
def test_figure_is_a_page_wide_and_the_same_again_with_any_words(tmp_path, word):
    write_table(tmp_path / "records.parquet", "records", [record(harmful=(1,), word=word)])
    made = []
    for name in ("one", "two"):
        outputs = [tmp_path / f"{name}.{kind}" for kind in ("png", "pdf")]
        figure9([tmp_path / "records.parquet"], SETTINGS, *outputs)
        made.append([path.read_bytes() for path in outputs])
    assert made[0] == made[1] and Image.open(tmp_path / "one.png").width == 2100


def test_without_records_it_says_so(tmp_path):
    write_table(tmp_path / "records.parquet", "records", [])
    figure9([tmp_path / "records.parquet"], SETTINGS, tmp_path / "f.png", tmp_path / "f.pdf")
    assert (tmp_path / "f.png").stat().st_size > 2_000
