import numpy as np
import pytest

from nonverbal.report import distributions
from nonverbal.report.contents import DISTRIBUTIONS
from nonverbal.report.distributions import BINS, WIDTH, histogram, histograms
from nonverbal.schema import write_table

LANGUAGES = next(one for one in DISTRIBUTIONS if one.table == "languages")


def table(path, scores):
    rows = [
        {"clip_id": f"c{n}", "language": "en", "score": score, "source": "captions", "words": 1, "words_source": ""}
        for n, score in enumerate(scores)
    ]  # fmt: skip
    write_table(path, "languages", rows)
    return path


def test_counts_are_those_of_all_tables_together(tmp_path, monkeypatch):
    monkeypatch.setattr(distributions, "ROWS", 7)  # several batches
    scores = np.random.default_rng(0).beta(5, 2, 100)
    files = [table(tmp_path / f"{n}.parquet", part) for n, part in enumerate(np.split(scores, 4))]
    made = histogram(LANGUAGES, files, threshold=0.25)
    assert made.counts == np.histogram(scores, bins=BINS, range=(0, 1))[0].tolist() and made.total == 100
    assert made.quantiles == pytest.approx(np.quantile(scores, (0.05, 0.5, 0.95)), abs=0.02)
    assert made.line == WIDTH / 4
    assert "Of 100 values the median is" in made.summary
    tallest = max(made.bars, key=lambda bar: bar[3])
    assert tallest[3] == distributions.HEIGHT and tallest[1] == 0


def test_quantiles_at_the_ends_are_the_ends(tmp_path):
    made = histogram(LANGUAGES, [table(tmp_path / "a.parquet", [0.0] * 10 + [1.0] * 10)])
    assert (made.quantiles[0], made.quantiles[2]) == (0, 1) and "between 0 and 1." in made.summary


def test_a_score_beyond_shares_has_its_own_limits(tmp_path):
    made = histogram(LANGUAGES, [table(tmp_path / "a.parquet", [-2.5, 0.0, 2.5])], threshold=9)
    assert (made.low, made.high) == (-2.5, 2.5) and made.line is None  # a line outside is not drawn


def test_unknown_values_are_counted_apart(tmp_path):
    made = histogram(LANGUAGES, [table(tmp_path / "a.parquet", [0.5, float("nan"), 0.5])])
    assert made.unknown == 1 and made.total == 2


@pytest.mark.parametrize("scores", [[], [float("nan")]])
def test_without_values_there_is_none(tmp_path, scores):
    files = [table(tmp_path / "a.parquet", scores)]
    assert list(histograms([LANGUAGES], {LANGUAGES.path: files}, {})) == [(LANGUAGES, None)]


def test_a_filter_that_is_off_has_no_threshold(tmp_path):
    files = {LANGUAGES.path: [table(tmp_path / "a.parquet", [0.2, 0.8])]}
    lines = [
        next(histograms([LANGUAGES], files, {"keep_language": {"score": 0.5, "enabled": on}}))[1].threshold
        for on in (True, False)
    ]
    assert lines == [0.5, None]
