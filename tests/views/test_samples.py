import bvhio

from nonverbal.layouts import PARTS
from nonverbal.schema import read_table, write_table
from nonverbal.views.found import TABLES_OF
from nonverbal.views.samples import longest, samples
from nonverbal.views.settings import Samples


def test_the_utterances_of_which_most_is_known_are_taken_one_a_clip(tmp_path, complete):
    paths = {part: [tmp_path / f"{part}{shard}.parquet" for shard in range(2)] for part in PARTS}
    for part in PARTS:
        row = read_table(complete / "cues" / "smooth" / "00001" / f"{part}.parquet", part).iloc[0].to_dict()
        frames = {("a", 0): 4, ("a", 1): 6, ("b", 0): 5, ("c", 3): 9, ("d", 0): 2}
        rows = [
            row | {"clip_id": clip, "utterance_id": utterance, "frame": f, "valid": clip != "c" or part == "face"}
            for (clip, utterance), count in frames.items()
            for f in range(count)
        ]
        write_table(paths[part][0], part, [one for one in rows if one["clip_id"] == "a"])
        write_table(paths[part][1], part, [one for one in rows if one["clip_id"] != "a"])

    def taken(utterances: int, longest_s: float = 9) -> list[tuple[str, int]]:
        return longest(*paths.values(), Samples(utterances=utterances, longest_s=longest_s))

    assert taken(9) == [("a", 1), ("b", 0), ("d", 0)]
    assert taken(1) == [("a", 1)] and taken(0) == []
    assert taken(9, longest_s=0.2) == [("b", 0), ("a", 0), ("d", 0)]


def test_a_sample_is_a_video_a_sheet_and_motion_files(complete, tmp_path):
    tables = {name: [complete / folder / "00001" / f"{name}.parquet"] for name, folder in TABLES_OF.items()}
    clips = complete / "collect" / "clips" / "00001"
    samples(
        clips=[clips / "clips.parquet"], media=[clips / "media"], **tables, samples=tmp_path / "out", models=tmp_path,
        settings=Samples(utterances=2, longest_s=9),
    )  # fmt: skip
    made = {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
    assert made.keys() == {f"v_000_0.{kind}" for kind in ("mp4", "overlay.mp4", "png", "bvh", "glb")}
    assert min(made.values()) > 1000
    assert bvhio.readAsBvh(str(tmp_path / "out" / "v_000_0.bvh")).FrameCount == 20


def test_a_run_may_show_none(complete, tmp_path):
    nothing = {name: [] for name in ("clips", "media", *TABLES_OF)}
    nothing |= {part: [complete / "cues" / "smooth" / "00001" / f"{part}.parquet"] for part in PARTS}
    nothing |= {name: [complete] for name in TABLES_OF if name not in PARTS}
    samples(**nothing, samples=tmp_path / "out", models=tmp_path, settings=Samples(utterances=0, longest_s=9))
    assert list((tmp_path / "out").iterdir()) == []
