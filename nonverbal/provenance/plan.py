"""What a run will cost, from what another run of the same settings did: hours, bytes, price by stage.

    python -m nonverbal.provenance.plan CONFIG.yaml [MORE.yaml ...] [--pilot PILOT/provenance/cost/cost.json]

A rule's cost is a start a job and an amount a unit of what it works on. Where the run is finished, what it cost is
shown beside. Rules whose settings are not the pilot's are marked: nobody has measured them.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from snakemake.utils import update_config

from nonverbal.config import Config, load
from nonverbal.errors import UserError
from nonverbal.paper.comparison import number
from nonverbal.provenance.cost import Cost, RuleCost, Volume, by_stage, read_cost
from nonverbal.studio.settings import StudioSource

PILOT = Path(__file__).resolve().parents[2] / "resources" / "pilot.json"
COLUMNS = {"cpu_hours": "CPU hours", "gpu_hours": "GPU hours", "gb": "GB of results", "price": "price"}
FREE = {"seed", "results", "models", "sources", "shards", "budget", "demo", "params"}  # keys of no weight


def foretell(pilot: Cost, volume: Volume, shards: int) -> list[RuleCost]:
    """Each rule's cost at another volume and number of shards; memory as in the pilot.

    Raises:
        UserError: the pilot kept nothing of what a rule's cost grows with.
    """
    return [_scaled(rule, pilot.volume, volume, shards) for rule in pilot.rules]


def _scaled(rule: RuleCost, had: Volume, has: Volume, shards: int) -> RuleCost:
    times = 1.0
    if rule.unit != "run":
        if not getattr(had, rule.unit):
            raise UserError(f"the pilot has no {rule.unit}, so that {rule.rule} cannot be planned; name a larger pilot")
        times = getattr(has, rule.unit) / getattr(had, rule.unit)
    jobs = shards if rule.sharded else rule.jobs
    start = rule.startup_cpu_s * jobs / rule.jobs
    return rule.model_copy(
        update={
            "jobs": jobs,
            "startup_cpu_s": start,
            "cpu_s": start + (rule.cpu_s - rule.startup_cpu_s) * times,
            **{name: getattr(rule, name) * times for name in ("gpu_s", "wall_s", "gb")},
        }
    )


def has_jobs(rule: RuleCost, config: Config) -> bool:
    """Whether a rule of the pilot has jobs with another config: stage studio's have where there are studio sources."""
    return rule.stage != "studio" or any(isinstance(source, StudioSource) for source in config.source_list)


def unmeasured(pilot: Cost, config: dict[str, Any]) -> dict[str, list[str]]:
    """Rule -> the keys in which the config is not the pilot's, for rules that read such."""
    other = {
        rule.rule: [
            key for key, had in rule.settings.items()
            if key.partition(".")[0] not in FREE and value_at(config, key) != had
        ]
        for rule in pilot.rules
    }  # fmt: skip
    return {rule: keys for rule, keys in other.items() if keys}


def value_at(config: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - a config has values of any type
    """The config's value at `stage.section.key`; None where there is none."""
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def plan(config: Config, pilot: Cost, console: Console) -> None:
    """Print what the run will cost by stage, and beside it what it did where it is finished."""
    pilot = pilot.model_copy(update={"rules": [rule for rule in pilot.rules if has_jobs(rule, config)]})
    finished = Path(config.results) / "provenance" / "cost" / "cost.json"
    done = read_cost(finished) if finished.is_file() else None
    budget = config.budget
    volume = done.volume if done else Volume(**budget.model_dump(include=set(Volume.model_fields)))
    foretold = by_stage(foretell(pilot, volume, config.shards), budget.prices)
    measured = by_stage(done.rules, budget.prices) if done else None
    console.print(f"{volume}; rates of a pilot of {pilot.volume.source_hours:.3g} hours on {pilot.machine}")
    console.print(_table(foretold, measured))
    for name, table in {"planned": foretold, "measured": measured}.items():
        if table is not None and volume.kept_hours and any(budget.prices.model_dump().values()):
            console.print(f"price of an hour kept, {name}: {table['price']['all'] / volume.kept_hours:.4g}")
    other = unmeasured(pilot, config.model_dump(mode="json"))
    if other:
        console.print(
            f"Not to be trusted, as the pilot had other settings: {', '.join(sorted(other))}. Make a pilot of your "
            "own, a run of some videos with these settings, and name it: --pilot RESULTS/provenance/cost/cost.json."
        )


def _table(foretold: pd.DataFrame, measured: pd.DataFrame | None) -> Table:
    shown = [name for name in COLUMNS if name != "price" or foretold["price"].any()]
    table = Table()
    table.add_column("stage")
    for name in shown:
        table.add_column(COLUMNS[name], justify="right")
        if measured is not None:
            table.add_column("measured", justify="right", style="bold")
    tables = [foretold] if measured is None else [foretold, measured]
    for stage in foretold.index:
        cells = [number(side[name].get(stage, 0.0), digits=3) for name in shown for side in tables]
        table.add_row(stage, *cells, end_section=stage == foretold.index[-2])
    return table


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m nonverbal.provenance.plan", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("config", type=Path, nargs="+", help="config files, later ones over earlier ones")
    parser.add_argument("--pilot", type=Path, default=PILOT, help="cost.json of a run with these settings")
    options = parser.parse_args()
    raw: dict[str, Any] = {}
    try:
        if not options.pilot.is_file():
            raise UserError(
                f"there is no pilot {options.pilot}; write --pilot RESULTS/provenance/cost/cost.json of a finished run"
            )
        for path in options.config:
            update_config(raw, yaml.safe_load(path.read_text()))
        plan(load(raw), read_cost(options.pilot), Console())
    except (UserError, OSError) as error:
        Console(stderr=True).print(escape(str(error)), style="red", soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
