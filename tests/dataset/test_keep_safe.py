from pathlib import Path

import pytest

from nonverbal.dataset.keep_safe import keep_safe
from nonverbal.dataset.settings import KeepSafe
from nonverbal.schema import read_table


# Each clip has 0.9 s of harmful speech, so that video v1 has 1.8 s in two clips and v2 0.9 s in one.
@pytest.mark.parametrize(("limit", "kept"), [(0.5, []), (1.0, ["v2_000"]), (2.0, ["v1_000", "v1_001", "v2_000"])])
def test_all_clips_of_a_video_share_its_harmful_time(
    shard: dict[str, Path], tmp_path: Path, limit: float, kept: list[str]
) -> None:
    output = tmp_path / "keep_safe.parquet"
    keep_safe(shard["clips"], shard["keep_visible"], shard["safety"], output, KeepSafe(harmful_s=limit))
    table = read_table(output, "keep_safe")
    assert table.loc[table["kept"], "clip_id"].tolist() == kept
    assert set(table.loc[~table["kept"], "reason"]) <= {"harmful"}
    assert len(table) == 3
    assert table["detail"].str.contains("judged by test").all()
    assert "1.8 s of harmful speech" in table["detail"][0]
