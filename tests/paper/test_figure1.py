import numpy as np
import pandas as pd
from PIL import Image

from nonverbal.dataset.funnel import FILTERS
from nonverbal.paper.figure1 import STEPS, figure1, reasons
from nonverbal.schema import write_table


def funnel(path, drops: dict[str, list[tuple[str, int]]]):
    rows, count = [], 40
    for stage, name, unit in FILTERS:
        dropped = drops.get(name, [("", 0)])
        kept = count - sum(number for _, number in dropped)
        head = {"stage": stage, "filter": name, "unit": unit, "in": count, "kept": kept}
        rows += [{**head, "reason": reason, "dropped": number} for reason, number in dropped]
        count = kept
    write_table(path, "funnel", rows)
    return path


def test_every_filter_of_the_funnel_is_drawn_in_its_order():
    assert [(step.stage, step.filter) for step in STEPS if step.filter] == [(stage, name) for stage, name, _ in FILTERS]


def test_figure_shows_drops_and_is_the_same_again(tmp_path):
    path = funnel(tmp_path / "funnel.parquet", {"keep_people": [("no_people", 10)], "download": [("not_found", 3)]})
    for name in ("one", "two"):
        figure1(path, tmp_path / f"{name}.png", tmp_path / f"{name}.pdf")
    for kind in ("png", "pdf"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    picture = np.asarray(Image.open(tmp_path / "one.png").convert("RGB")).reshape(-1, 3)
    assert Image.open(tmp_path / "one.png").width == 2100  # 7 inches at 300 dpi
    orange = (picture == (0xE6, 0x9F, 0x00)).all(1).sum()
    without = funnel(tmp_path / "none.parquet", {})
    figure1(without, tmp_path / "none.png", tmp_path / "none.pdf")
    plain = np.asarray(Image.open(tmp_path / "none.png").convert("RGB")).reshape(-1, 3)
    # 10 of 40 and 3 of 30: 0.35 of a bar of 810 x 39 pixels, beside the word in the head
    assert orange - (plain == (0xE6, 0x9F, 0x00)).all(1).sum() > 0.3 * 810 * 36


def test_a_run_that_kept_nothing_is_drawn(tmp_path):
    path = funnel(tmp_path / "funnel.parquet", {"channels": [("duplicate", 40)]})
    figure1(path, tmp_path / "f.png", tmp_path / "f.pdf")
    assert (tmp_path / "f.png").stat().st_size > 10_000


def test_many_reasons_are_added_up():
    rows = pd.DataFrame({"reason": ["a_b", "c", "d", "e", "f"], "dropped": [50, 4, 3, 2, 1]})
    assert reasons(rows) == "a b 50   c 4   d 3   2 other reasons 3"
    assert reasons(pd.DataFrame({"reason": [""], "dropped": [0]})) == ""
