from hypothesis import given
from hypothesis import strategies as st

from nonverbal.collect.keep_people import decide, keep_people
from nonverbal.collect.settings import KeepPeople
from nonverbal.schema import REASONS, read_rows, write_table


def score(people=1, best=0.9, error=""):
    return {"video_id": "v", "people": people, "best_score": best, "error": error}


def test_thresholds():
    settings = KeepPeople(people=2, score=0.5)
    assert decide(score(2, 0.5), settings)["kept"]
    assert decide(score(1, 0.9), settings)["reason"] == "no_people"
    assert decide(score(2, 0.49), settings)["reason"] == "no_people"
    assert decide(score(0, 0.0, "status 404"), settings) == {
        "kept": False, "reason": "no_thumbnail", "detail": "status 404",
    }  # fmt: skip


def test_filter_that_is_off_keeps_what_has_no_thumbnail():
    assert decide(score(0, 0.0, "status 404"), KeepPeople(people=0, score=0.5))["kept"]


@given(st.integers(0, 5), st.floats(0, 1), st.sampled_from(["", "broken"]), st.integers(0, 3), st.floats(0, 1))
def test_stricter_settings_keep_no_more(people, best, error, wanted, lowest):
    row = decide(score(people, best, error), KeepPeople(people=wanted, score=lowest))
    assert row["kept"] == (row["reason"] == "")
    assert row["kept"] or row["reason"] in REASONS["keep_people"]
    if wanted and row["kept"]:
        assert decide(score(people, best, error), KeepPeople(people=wanted - 1, score=lowest))["kept"]


def test_table_keeps_the_order(tmp_path):
    rows = [score() | {"video_id": name} for name in "zab"]
    write_table(tmp_path / "in.parquet", "thumbnails", rows)
    keep_people(tmp_path / "in.parquet", tmp_path / "out.parquet", KeepPeople(people=1, score=0.5))
    assert [row["video_id"] for row in read_rows(tmp_path / "out.parquet", "keep_people")] == ["z", "a", "b"]
