"""Is every result still what its record says, made from what is here now?

    python -m nonverbal.provenance.audit RESULTS [--json] [--snakemake "snakemake --profile demo"]

| state | means |
|---|---|
| verified | its bytes are those its job wrote, and all it was made from is unchanged, back to the sources |
| changed | its bytes are not those its job wrote |
| stale | an input, the script, a library module, a config key or a model has changed since, here or further up |
| missing | its job wrote it and it is gone |
| orphan | no record claims it |

The exit code is 1 if anything is not verified.
"""

import argparse
import importlib.metadata
import json
import os
import shlex
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from nonverbal.collect.removals import MANIFESTS, manifests
from nonverbal.errors import UserError
from nonverbal.models import Packaged, registry
from nonverbal.provenance.config_keys import changed, present
from nonverbal.provenance.hashes import MISSING, hash_all
from nonverbal.provenance.record import ROOT, Record, read_records

STATES = {"verified": "green", "changed": "red", "stale": "yellow", "missing": "red", "orphan": "magenta"}
UNRECORDED = {
    Path("logs"),
    Path("benchmarks"),
    Path("provenance/jobs"),
    Path("provenance/hashes"),
    MANIFESTS,
}  # no results
SHOWN = 60  # findings the table lists; --json lists all


@dataclass(frozen=True)
class Finding:
    """The state of one artifact, why, and the command that mends it ("" where nothing is to mend).

    `reason` is the nearest; `causes` are all that it goes back to, where they began.
    """

    path: str
    state: str
    reason: str = ""
    command: str = ""
    causes: tuple[str, ...] = ()


class Audit:
    """One walk over a results folder; hashes every file once.

    Args:
        results: the folder; it may have been moved since it was made.
        root: where the code is that the results are compared with.
        snakemake: how the run is started; the commands that mend begin with it.

    Raises:
        UserError: the folder holds no run records.
    """

    def __init__(self, results: Path, root: Path = ROOT, snakemake: str = "snakemake") -> None:
        self.results, self.root, self.snakemake = results, root, snakemake
        self.records = read_records(results)
        if not self.records:
            raise UserError(f"{results} holds no run records (provenance/jobs); name the results folder of a run")
        self.made = {path: record for record in self.records for path in record["outputs"]}  # the latest claim counts
        self.findings: dict[str, Finding] = {}

    def run(self) -> list[Finding]:
        """All findings, by path."""
        for path in self.made:
            self._finding(path)
        orphans = [Finding(path, "orphan", "no record claims it", f"rm {shlex.quote(path)}") for path in self.orphans()]
        return sorted([*self.findings.values(), *orphans], key=lambda finding: finding.path)

    @cached_property
    def present(self) -> dict[str, str]:
        """Hash of each recorded output, input and model as it is now, by recorded path or model's name."""
        places = {
            path: str(self.place(path)) for record in self.records for path in (*record["outputs"], *record["inputs"])
        }
        models = {name: model for record in self.records for name, model in record["models"].items()}
        places |= {name: place for name, model in models.items() if (place := self._model_place(name, model["path"]))}
        hashes = hash_all(places.values(), threads=min(8, 2 * (os.cpu_count() or 1)))
        return {path: hashes[place] for path, place in places.items()}

    @cached_property
    def code(self) -> dict[str, str]:
        """Hash of each recorded script and library module as it is now, by path in the repository."""
        names = {name for record in self.records for name in (*record["script"], *record["modules"])}
        hashes = hash_all(str(self.root / name) for name in names)
        return {name: hashes[str(self.root / name)] for name in names}

    @cached_property
    def _to_retrain(self) -> dict[str, list[str]]:
        """When what each model was trained on was removed, by the model's path."""
        dates = defaultdict(list)
        for manifest in manifests(self.results):
            for model in manifest["to_retrain"]:
                dates[model["path"]].append(manifest["date"])
        return dates

    @cached_property
    def _within(self) -> dict[str, list[str]]:
        """Outputs below each folder: a job may take a folder in which others write."""
        below = defaultdict(list)
        for path in self.made:
            for parent in Path(path).parents:
                below[str(parent)].append(path)
        return below

    def place(self, path: str) -> Path:
        """Where a recorded path lies now."""
        run = self.records[-1]["results"]
        return self.results / Path(path).relative_to(run) if Path(path).is_relative_to(run) else self.root / path

    def _model_place(self, name: str, path: str) -> str:
        """Where a model lies now; "" for one inside a package that this environment lacks: it can't be judged here."""
        if path:
            return str(self.place(path))
        model = registry().get(name)
        try:
            inside = isinstance(model, Packaged) and importlib.metadata.distribution(model.package)
        except importlib.metadata.PackageNotFoundError:
            return ""
        return str(inside.locate_file(model.file)) if inside and isinstance(model, Packaged) else ""

    def producers(self, path: str) -> list[str]:
        """The artifacts an input is, lies in, or holds."""
        around = [place for place in (path, *map(str, Path(path).parents)) if place in self.made]
        return around or self._within.get(path, [])

    @cached_property
    def _configs(self) -> dict[str, dict[str, Any]]:
        """All keys of the config as it is now, by how a run was started."""
        starts = {json.dumps(start): start for record in self.records if (start := record["config_start"])}
        return {key: present(start["files"], start["values"], self.root) for key, start in starts.items()}

    def _finding(self, path: str) -> Finding:
        if path not in self.findings:
            self.findings[path] = Finding(path, "verified")  # ends the walk where a job reads a folder it writes to
            self.findings[path] = self._judge(path)
        return self.findings[path]

    def _judge(self, path: str) -> Finding:
        record = self.made[path]
        if self.present[path] == MISSING:
            reason = f"rule {record['rule']} wrote it and it is gone"
            return Finding(path, "missing", reason, self._make(path), (f"{path} is missing",))
        if self.present[path] != record["outputs"][path]:
            reason = f"its bytes are not those that rule {record['rule']} wrote"
            return Finding(path, "changed", reason, self._remake(path), (f"{path} has changed",))
        above = [self._finding(one) for name in record["inputs"] for one in self.producers(name) if one != path]
        broken = [finding for finding in above if finding.state != "verified"]
        own = [*self._causes(record)]
        if not own and not broken:
            return Finding(path, "verified")
        # What mends the highest mends all below it.
        command = next((finding.command for finding in broken), self._remake(path))
        reasons = [*own, *(f"made from {finding.path}, which is {finding.state}" for finding in broken)]
        known = {path for finding in broken for path in self.made[finding.path]["outputs"]}
        begun = {cause for cause in own if not any(cause.startswith(f"input {path} ") for path in known)}
        causes = begun.union(*(finding.causes for finding in broken))
        return Finding(path, "stale", reasons[0], command, tuple(sorted(causes)))

    def _causes(self, record: Record) -> Iterator[str]:
        """What a job read or ran that has changed since."""
        for kind, hashes in (("script", record["script"]), ("library module", record["modules"])):
            for name, value in hashes.items():
                if self.code[name] != value:
                    yield f"{kind} {name} has changed since"
        if record["config_start"]:
            yield from changed(record["config"], self._configs[json.dumps(record["config_start"])])
        for name, model in record["models"].items():
            if self.present.get(name, model["sha256"]) != model["sha256"]:
                yield f"model {name} ({model['path'] or model['source']}) has changed since"
        for name, value in record["inputs"].items():
            if self.present[name] != value:
                yield f"input {name} {'is missing' if self.present[name] == MISSING else 'has changed since'}"
            elif Path(name).is_relative_to(record["results"]) and not self.producers(name):
                yield f"input {name} has no record of what made it"
        for path in record["outputs"]:
            for date in self._to_retrain.get(path, ()):
                if record["ended"] < datetime.fromisoformat(date).timestamp():
                    yield f"some of what {path} was trained on was removed on {date[:10]}: it is to be trained anew"
        for attempt in record["attempts"]:
            for name in attempt["changed_code"]:
                yield f"{name} had changed when the job, stopped on {attempt['host']}, was taken up again"

    def orphans(self) -> Iterator[str]:
        """Files in the results folder that no record claims."""
        claimed = {str(self.place(path)) for path in self.made}
        for folder, folders, files in os.walk(self.results):
            here = Path(folder)
            folders[:] = sorted(name for name in folders if self._holds_results(here / name, claimed))
            for name in sorted(files):
                path = str(here / name)
                if not name.startswith(".") and path not in claimed:
                    yield path

    def _holds_results(self, folder: Path, claimed: set[str]) -> bool:
        """Whether to look into a folder for orphans: not where a record claims it whole, nor into another run's."""
        apart = folder.name.startswith(".") or folder.relative_to(self.results) in UNRECORDED
        return not (apart or str(folder) in claimed or (folder / "provenance" / "jobs").is_dir())

    def _make(self, path: str) -> str:
        return f"{self.snakemake} {shlex.quote(path)}"

    def _remake(self, path: str) -> str:
        return f"{self.snakemake} --forcerun {shlex.quote(path)}"


def show(findings: list[Finding], console: Console) -> None:
    """Print what is not verified and why, the commands that mend it, and the counts."""
    broken = [finding for finding in findings if finding.state != "verified"]
    broken.sort(key=lambda finding: finding.state == "stale")  # what began it first
    if broken:
        table = Table("state", Column("artifact", overflow="fold"), Column("why", overflow="fold"))
        for finding in broken[:SHOWN]:
            state = f"[{STATES[finding.state]}]{finding.state}[/]"
            table.add_row(state, escape(finding.path), escape(finding.reason))
        console.print(table)
        if len(broken) > SHOWN:
            console.print(f"... and {len(broken) - SHOWN} more; --json lists all")
        console.print("It goes back to:")
        for cause, affected in causes(broken).items():
            tables = [Path(path).name for path in affected if "paper" in Path(path).parts and path.endswith(".csv")]
            reach = f"{len(affected)} artifact{'s' * (len(affected) != 1)}" + f", {', '.join(tables)}" * bool(tables)
            console.print(f"  {escape(cause)}: {escape(reach)}", soft_wrap=True, highlight=False)
        console.print("To mend it:")
        for command in merged({finding.command for finding in broken}):
            console.print(f"  {escape(command)}", soft_wrap=True, highlight=False)
    counts = Counter(finding.state for finding in findings)
    console.print(", ".join(f"[{colour}]{counts[state]} {state}[/]" for state, colour in STATES.items()))


def causes(broken: list[Finding]) -> dict[str, list[str]]:
    """Each cause -> the artifacts that it reaches, those that reach most first."""
    reached = defaultdict(list)
    for finding in broken:
        for cause in finding.causes:
            reached[cause].append(finding.path)
    return dict(sorted(reached.items(), key=lambda item: (-len(item[1]), item[0])))


def merged(commands: set[str]) -> list[str]:
    """Commands that differ in their last word only as one: a job that makes two artifacts runs once."""
    targets = defaultdict(list)
    for *command, target in sorted(map(shlex.split, commands)):
        targets[tuple(command)].append(target)
    return [shlex.join([*command, *last]) for command, last in targets.items()]


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m nonverbal.provenance.audit", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("results", type=Path, help="results folder of a run")
    parser.add_argument("--json", action="store_true", help="print all findings as JSON")
    parser.add_argument("--snakemake", default="snakemake", help="how the run is started, for the commands that mend")
    options = parser.parse_args()
    try:
        findings = Audit(options.results, snakemake=options.snakemake).run()
    except UserError as error:
        Console(stderr=True).print(escape(str(error)), style="red", soft_wrap=True)
        return 1
    if options.json:
        json.dump([asdict(finding) for finding in findings], sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        show(findings, Console())
    return int(any(finding.state != "verified" for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
