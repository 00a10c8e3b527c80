"""The run as an RO-Crate: every artifact, the job that made it, and the workflow, in the words of the run profiles.

Files are named in place, with their hashes; nothing is copied but the Snakefile. What lies elsewhere on the machine is
named by its last path component and hash alone. Neither settings nor hosts are told: they may hold paths and secrets.
"""

import json
import mimetypes
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rocrate.model import ContextEntity, Dataset, File
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from nonverbal.provenance.record import Record, read_records

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
LICENCE = "Videos and what is made of them stay under their licences; models under those of resources/models.yaml."
PARQUET = "application/vnd.apache.parquet"
SNAKEMAKE = "https://snakemake.github.io"


def crate(ledger: Path, snakefile: Path, metadata: Path, workflow: Path) -> None:
    """Write the crate's metadata at the root of the results folder.

    Args:
        ledger: so that this runs last; the jobs' own records are read.
        snakefile: the workflow.
        metadata: `RESULTS/ro-crate-metadata.json`; what it names lies below its folder.
        workflow: copy of the Snakefile to write, below that folder too.
    """
    shutil.copyfile(snakefile, workflow)
    content = Crate(metadata.parent, read_records(metadata.parent), workflow).content()
    metadata.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


class Crate:
    """The crate of a results folder.

    Args:
        results: the folder.
        records: of its jobs.
        workflow: the workflow's file, in the folder.
    """

    def __init__(self, results: Path, records: list[Record], workflow: Path) -> None:
        self.results, self.records = results, records
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_terms.update(TERMS)
        self.workflow = self.crate.add_workflow(
            workflow, str(workflow.relative_to(results)), main=True, lang="snakemake",
            properties={"@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"], "name": "nonverbal"},
        )  # fmt: skip
        self.entities: dict[str, Entity] = {}

    def content(self) -> dict[str, Any]:
        """The metadata document."""
        self._describe()
        actions = [self._job(record) for record in self.records]
        self._run(actions)
        return dict(self.crate.metadata.generate())

    def _describe(self) -> None:
        crate = self.crate
        crate.name = "A run of nonverbal"
        crate.description = "From a list of channels to a dataset, tokenizers, a language model, tables and figures."
        crate.root_dataset["datePublished"] = _time(max(record["ended"] for record in self.records))
        crate.license = self._add("#licence", "CreativeWork", name="Licence", description=LICENCE)
        crate.root_dataset["conformsTo"] = [
            self._add(address, "CreativeWork", name=name, version=address.rsplit("/", 1)[1])
            for address, name in PROFILES.items()
        ]

    def _job(self, record: Record) -> Entity:
        """The action that a job was."""
        rule = record["rule"]
        wildcards = " ".join(f"{key}={value}" for key, value in sorted(record["wildcards"].items()))
        action = self._add(
            f"#job/{rule}/{wildcards.replace(' ', ',') or 'all'}",
            "CreateAction",
            name=f"{rule} {wildcards}".strip(),
            startTime=_time(record["started"]),
            endTime=_time(record["ended"]),
            actionStatus="http://schema.org/CompletedActionStatus",
            description=_description(record),
        )
        action["instrument"] = self._tool(rule)
        action["object"] = [
            *(self._file(path, sha256, record) for path, sha256 in record["inputs"].items()),
            *(self._model(name, model) for name, model in record["models"].items()),
        ]
        action["result"] = [self._file(path, sha256, record) for path, sha256 in record["outputs"].items()]
        return action

    def _tool(self, rule: str) -> Entity:
        """The rule as a tool, and its step of the workflow."""
        known = f"#rule/{rule}" in self.entities
        tool = self._add(f"#rule/{rule}", "SoftwareApplication", name=rule)
        if not known:
            step = self._add(f"#step/{rule}", "HowToStep", name=rule, position=str(len(self.entities)))
            step["workExample"] = tool
            self.workflow.append_to("step", step)
            self.workflow.append_to("hasPart", tool)
        return tool

    def _run(self, actions: list[Entity]) -> None:
        """The whole run, and that Snakemake ran the jobs."""
        began, ended = min(one["started"] for one in self.records), max(one["ended"] for one in self.records)
        times = {"startTime": _time(began), "endTime": _time(ended)}
        made = {path for record in self.records for path in record["outputs"]}
        read = {path: (sha256, one) for one in self.records for path, sha256 in one["inputs"].items()}
        results = {path: one for one in self.records for path in one["outputs"] if path not in read}
        run = self._add("#run", "CreateAction", name="The run", **times)
        run["instrument"] = self.workflow
        run["object"] = [self._file(path, sha256, one) for path, (sha256, one) in read.items() if path not in made]
        run["result"] = [self._file(path, one["outputs"][path], one) for path, one in results.items()]
        engine = self._add(SNAKEMAKE, "SoftwareApplication", name="Snakemake", url=SNAKEMAKE, version=self._version())
        organised = self._add("#organised", "OrganizeAction", name="Snakemake ran the workflow", **times)
        organised["instrument"], organised["result"] = engine, run
        organised["object"] = [self._control(action) for action in actions]
        self.crate.root_dataset["mentions"] = [run, organised]

    def _control(self, action: Entity) -> Entity:
        rule = action.id.split("/")[1]
        control = self._add(action.id.replace("#job", "#control"), "ControlAction", name=f"Control of {action['name']}")
        control["instrument"], control["object"] = self.entities[f"#step/{rule}"], action
        return control

    def _version(self) -> str:
        return next((one["packages"]["snakemake"] for one in self.records if "snakemake" in one["packages"]), "unknown")

    def _file(self, path: str, sha256: str, record: Record) -> Entity:
        """A file or folder: a data entity where it lies in the results, else what it is called and its hash."""
        inside = Path(path).is_relative_to(record["results"])
        place = str(Path(path).relative_to(record["results"])) if inside else ""
        if not inside or not (self.results / place).exists():
            name = place or (Path(path).name if Path(path).is_absolute() else path)
            identifier = f"#outside/{name}/{sha256[:16]}"
            return self._add(identifier, "CreativeWork", name=name, sha256=sha256)
        folder = (self.results / place).is_dir()
        if (identifier := place + "/" * folder) not in self.entities:
            properties: dict[str, Any] = {"name": place, "sha256": sha256}
            if not folder:
                size = (self.results / place).stat().st_size
                properties |= {"contentSize": str(size), "encodingFormat": _format(place)}
            kind = Dataset if folder else File
            self.entities[identifier] = self.crate.add(kind(self.crate, None, identifier, properties=properties))
        return self.entities[identifier]

    def _model(self, name: str, model: dict[str, str]) -> Entity:
        described = {"description": f"{model['source']} {model['revision']}".strip(), "license": model["licence"]}
        return self._add(f"#model/{name}", "CreativeWork", name=name, sha256=model["sha256"], **described)

    def _add(self, identifier: str, kind: str, **properties: Any) -> Entity:  # noqa: ANN401
        if identifier not in self.entities:
            entity = ContextEntity(self.crate, identifier, properties={"@type": kind, **properties})
            self.entities[identifier] = self.crate.add(entity)
        return self.entities[identifier]


def _description(record: Record) -> str:
    """What else the record says that anybody may know."""
    commit = record["git"]["commit"] or "unknown"
    changed = ", with changes" if record["git"]["dirty"] else ""
    gpu = f", {record['gpu']}" if record["gpu"] else ""
    return f"{record['function']}, commit {commit}{changed}, Python {record['python']}, seed {record['seed']}{gpu}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _format(name: str) -> str:
    return PARQUET if name.endswith(".parquet") else mimetypes.guess_type(name)[0] or "application/octet-stream"
