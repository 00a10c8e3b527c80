import pytest

from nonverbal.errors import UserError
from nonverbal.schema import iter_arrow, read_rows, read_table, write_table

ROWS = [{"video_id": f"v{i:010d}", "people": i, "best_score": 0.5, "error": ""} for i in range(1000)]


@pytest.fixture
def table(tmp_path):
    write_table(tmp_path / "thumbnails.parquet", "thumbnails", ROWS)
    assert read_rows(tmp_path / "thumbnails.parquet", "thumbnails") == ROWS
    return tmp_path / "thumbnails.parquet"


@pytest.mark.parametrize("kept", [0, 3, 700, 0.9])
def test_a_table_that_is_cut_off_is_told_by_name(table, kept):
    whole = table.read_bytes()
    table.write_bytes(whole[: kept if isinstance(kept, int) else int(len(whole) * kept)])
    with pytest.raises(UserError, match=r"thumbnails\.parquet is damaged .*; remove it, so that"):
        read_table(table, "thumbnails")


def test_damage_inside_a_table_is_told_while_it_is_read(table):
    whole = bytearray(table.read_bytes())
    whole[20:60] = b"x" * 40  # the first page
    table.write_bytes(whole)
    with pytest.raises(UserError, match="is damaged"):
        read_table(table, "thumbnails")
    with pytest.raises(UserError, match="is damaged"):
        list(iter_arrow(table, "thumbnails", ["video_id"], rows=10))


def test_a_table_that_is_not_there_is_no_damage(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.parquet", "thumbnails")
