import io

import pytest
import yaml
from rich.console import Console

from nonverbal.config import SCHEMA, load
from nonverbal.errors import UserError
from nonverbal.provenance.cost import Cost, RuleCost, Volume
from nonverbal.provenance.plan import foretell, main, plan, unmeasured

CONFIG = yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text()) | {"sources": "https://example.org/feed"}
COMMON = {"cpu_s": 1000, "startup_cpu_s": 100, "gpu_s": 360, "wall_s": 900, "peak_mb": 500, "gb": 2}


def rule(name: str, stage: str, unit: str, jobs: int = 2, **changes: object) -> RuleCost:
    return RuleCost(
        stage=stage, rule=name, unit=unit, jobs=jobs, **COMMON | {"sharded": True, "settings": {}} | changes
    )


@pytest.fixture
def pilot():
    return Cost(
        machine="1 machine, no GPU",
        volume=Volume(videos=10, source_hours=5, kept_hours=2),
        rules=[
            rule("thumbnails", "collect", "videos"),
            rule("diarize", "speech", "source_hours", settings={"speech.diarize.backend": "none", "seed": 1}),
            rule("train_mars", "mars", "kept_hours", jobs=1, sharded=False),
            rule("figure3", "paper", "run", jobs=1, sharded=False),
        ],
    )


def test_a_cost_is_a_start_a_job_and_an_amount_a_unit(pilot):
    thumbnails, diarize, train, figure = foretell(pilot, Volume(videos=100, source_hours=10, kept_hours=8), shards=6)
    assert thumbnails.cpu_s == 3 * 100 + 10 * 900 and thumbnails.jobs == 6
    assert diarize.cpu_s == 3 * 100 + 2 * 900 and diarize.gb == 4 and diarize.gpu_s == 720
    assert train.cpu_s == 100 + 4 * 900 and train.jobs == 1
    assert figure == pilot.rules[-1]
    assert foretell(pilot, pilot.volume, shards=2) == pilot.rules  # the pilot foretells itself


def test_a_pilot_that_kept_nothing_cannot_tell(pilot):
    empty = pilot.model_copy(update={"volume": Volume(videos=10, source_hours=5, kept_hours=0)})
    with pytest.raises(UserError, match="the pilot has no kept_hours, so that train_mars cannot be planned"):
        foretell(empty, Volume(videos=1, source_hours=1, kept_hours=1), shards=1)


def test_other_settings_than_the_pilots_are_told(pilot, tmp_path):
    config = load(CONFIG | {"results": str(tmp_path / "results")})
    assert unmeasured(pilot, config.model_dump(mode="json")) == {"diarize": ["speech.diarize.backend"]}
    text = io.StringIO()
    plan(config, pilot, Console(file=text, width=200))
    assert "27,128 videos, 27,128 hours of media, 14,910 hours of clips kept" in text.getvalue()
    assert "other settings: diarize." in text.getvalue() and "measured" not in text.getvalue()


def test_studio_recordings_are_planned_where_there_are_any(pilot, tmp_path):
    pilot = pilot.model_copy(update={"rules": [*pilot.rules, rule("side_voices", "studio", "source_hours")]})
    studio = {"kind": "studio", "folder": str(tmp_path)}
    for sources, planned in (("https://example.org/feed", False), (["https://example.org/feed", studio], True)):
        text = io.StringIO()
        config = load(CONFIG | {"sources": sources, "results": str(tmp_path / "results")})
        plan(config, pilot, Console(file=text, width=200))
        assert "speech" in text.getvalue() and ("studio" in text.getvalue()) == planned


def test_a_finished_run_is_shown_beside(pilot, tmp_path):
    budget = CONFIG["budget"] | {"prices": {"cpu_hour": 1, "gpu_hour": 0, "stored_gb": 0}}
    config = load(CONFIG | {"results": str(tmp_path), "shards": 2, "budget": budget})
    done = pilot.model_copy(update={"rules": [r.model_copy(update={"cpu_s": 7200}) for r in pilot.rules]})
    (tmp_path / "provenance" / "cost").mkdir(parents=True)
    (tmp_path / "provenance" / "cost" / "cost.json").write_text(done.model_dump_json())
    text = io.StringIO()
    plan(config, pilot, Console(file=text, width=200))
    last = next(line for line in text.getvalue().splitlines() if "│ all" in line).split("│")
    assert [cell.strip() for cell in last[2:4]] == ["1.11", "8"]  # CPU hours planned and measured
    assert "price of an hour kept, planned: 0.5556" in text.getvalue() and "measured: 4" in text.getvalue()


def test_a_pilot_that_is_not_there_is_told_in_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.argv", ["plan", str(SCHEMA.parents[1] / "config.yaml"), "--pilot", str(tmp_path / "cost.json")]
    )
    assert main() == 1
    assert "write --pilot RESULTS/provenance/cost/cost.json of a finished run" in capsys.readouterr().err


def test_the_shipped_pilot_plans_the_shipped_config(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["plan", str(SCHEMA.parents[1] / "config.yaml")])
    assert main() == 0
    out = capsys.readouterr().out
    assert "27,128 videos" in out and "train_mars" in out.split("Not to be trusted")[1]
