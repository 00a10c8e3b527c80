"""Is every result still what its record says, made from what is here now?

    python -m nonverbal.provenance.audit RESULTS [--json] [--snakemake "snakemake --profile demo"]

| state | means |
|---|---|
| verified | its bytes are those its job wrote, and all it was made from is unchanged |
| changed | its bytes are not those its job wrote |
| stale | an input, the script or a library module has changed since, here or further up |
| missing | its job wrote it and it is gone |
| orphan | no record claims it |

The exit code is 1 if anything is not verified.
"""

import argparse
import json
import os
import shlex
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from nonverbal.errors import UserError
from nonverbal.provenance.hashes import MISSING, hash_all
from nonverbal.provenance.record import ROOT, Record, read_records

STATES = {"verified": "green", "changed": "red", "stale": "yellow", "missing": "red", "orphan": "magenta"}
UNRECORDED = {Path("logs"), Path("benchmarks"), Path("provenance/jobs"), Path("provenance/hashes")}  # hold no results
SHOWN = 60  # findings the table lists; --json lists all


@dataclass(frozen=True)
class Finding:
    """The state of one artifact, why, and the command that mends it ("" where nothing is to mend)."""

    path: str
    state: str
    reason: str = ""
    command: str = ""


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
        return sorted([*self.findings.values(), *self._orphans()], key=lambda finding: finding.path)

    @cached_property
    def present(self) -> dict[str, str]:
        """Hash of each recorded output and input as it is now, by recorded path."""
        paths = {path for record in self.records for path in (*record["outputs"], *record["inputs"])}
        places = {path: str(self._place(path)) for path in paths}
        hashes = hash_all(places.values(), threads=min(8, 2 * (os.cpu_count() or 1)))
        return {path: hashes[place] for path, place in places.items()}

    @cached_property
    def code(self) -> dict[str, str]:
        """Hash of each recorded script and library module as it is now, by path in the repository."""
        names = {name for record in self.records for name in (*record["script"], *record["modules"])}
        hashes = hash_all(str(self.root / name) for name in names)
        return {name: hashes[str(self.root / name)] for name in names}

    @cached_property
    def _within(self) -> dict[str, list[str]]:
        """Outputs below each folder: a job may take a folder in which others write."""
        below = defaultdict(list)
        for path in self.made:
            for parent in Path(path).parents:
                below[str(parent)].append(path)
        return below

    def _place(self, path: str) -> Path:
        """Where a recorded path lies now."""
        run = self.records[-1]["results"]
        return self.results / Path(path).relative_to(run) if Path(path).is_relative_to(run) else Path(path)

    def _producers(self, path: str) -> list[str]:
        """The artifacts an input is, lies in, or holds."""
        around = [place for place in (path, *map(str, Path(path).parents)) if place in self.made]
        return around or self._within.get(path, [])

    def _finding(self, path: str) -> Finding:
        if path not in self.findings:
            self.findings[path] = Finding(path, "verified")  # ends the walk where a job reads a folder it writes to
            self.findings[path] = self._judge(path)
        return self.findings[path]

    def _judge(self, path: str) -> Finding:
        record = self.made[path]
        if self.present[path] == MISSING:
            return Finding(path, "missing", f"rule {record['rule']} wrote it and it is gone", self._make(path))
        if self.present[path] != record["outputs"][path]:
            return Finding(
                path, "changed", f"its bytes are not those that rule {record['rule']} wrote", self._remake(path)
            )
        for reason, command in self._causes(path, record):
            return Finding(path, "stale", reason, command)
        return Finding(path, "verified")

    def _causes(self, path: str, record: Record) -> Iterator[tuple[str, str]]:
        """Why an artifact is stale, and what mends it; the first is the nearest."""
        for kind, hashes in (("script", record["script"]), ("library module", record["modules"])):
            for name, value in hashes.items():
                if self.code[name] != value:
                    yield f"{kind} {name} has changed since", self._remake(path)
        for name, value in record["inputs"].items():
            above = [self._finding(producer) for producer in self._producers(name) if producer != path]
            command = next((finding.command for finding in above if finding.command), self._remake(path))
            if self.present[name] != value:
                yield f"input {name} {'is missing' if self.present[name] == MISSING else 'has changed since'}", command
            for finding in above:
                if finding.state != "verified":
                    yield f"made from {finding.path}, which is {finding.state}", command

    def _orphans(self) -> Iterator[Finding]:
        claimed = {str(self._place(path)) for path in self.made}
        for folder, folders, files in os.walk(self.results):
            here = Path(folder)
            folders[:] = sorted(name for name in folders if self._holds_results(here / name, claimed))
            for name in sorted(files):
                path = str(here / name)
                if not name.startswith(".") and path not in claimed:
                    yield Finding(path, "orphan", "no record claims it", f"rm {shlex.quote(path)}")

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
    if broken:
        table = Table("state", Column("artifact", overflow="fold"), Column("why", overflow="fold"))
        for finding in broken[:SHOWN]:
            state = f"[{STATES[finding.state]}]{finding.state}[/]"
            table.add_row(state, escape(finding.path), escape(finding.reason))
        console.print(table)
        if len(broken) > SHOWN:
            console.print(f"... and {len(broken) - SHOWN} more; --json lists all")
        console.print("To mend it:")
        for command in merged({finding.command for finding in broken}):
            console.print(f"  {escape(command)}", soft_wrap=True, highlight=False)
    counts = Counter(finding.state for finding in findings)
    console.print(", ".join(f"[{colour}]{counts[state]} {state}[/]" for state, colour in STATES.items()))


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
