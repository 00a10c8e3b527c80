# What all rule files share (the typed configuration, the shards) and what each job's process inherits.
import json
import os
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod

from nonverbal import cluster
from nonverbal.config import load, own_places, removals_of
from nonverbal.errors import UserError

try:
    CONFIG = load(config)
except UserError as error:
    raise SystemExit(str(error))  # one sentence, no traceback

SHARDS = [f"{shard:05d}" for shard in range(CONFIG.shards)]
PARTS = ["face", "body"]
PUBLISHED = CONFIG.published  # records in place of videos, or none
STUDIO_SOURCES = [
    source for source in CONFIG.source_list if not isinstance(source, str)
]

# Per-rule environments hold tools, not the library, which is read from this folder;
# threads that spin while they wait would steal the cores of the next job.
os.environ.update(PYTHONPATH=str(Path(workflow.basedir)), OMP_WAIT_POLICY="PASSIVE")

# What the config was made of, for the run records: files in their order, later ones override; then the command line.
os.environ.update(
    NONVERBAL_CONFIG=json.dumps(
        {
            "files": [
                os.path.relpath(file, workflow.basedir)
                for file in ("config.yaml", *workflow.overwrite_configfiles)
            ],
            "values": dict(workflow.config_settings.config),
        }
    )
)


pathvars:
    results=CONFIG.results,
    logs=f"{CONFIG.results}/logs",
    benchmarks=f"{CONFIG.results}/benchmarks",
    models=CONFIG.models,


wildcard_constraints:
    shard=r"\d{5}",
    part="face|body",


# Whether each rule runs in the environment that it names (--sdm conda), or all in this one.
OWN_ENVIRONMENTS = DeploymentMethod.CONDA in (
    workflow.deployment_settings.deployment_method
)


def remove_listed():
    """Take out of the results what the removal list names.

    The graph was drawn from files that are gone then, so the same command is begun anew.
    """
    from nonverbal.provenance.removal import purge
    from nonverbal.provenance.runs import enter, share

    results = Path(CONFIG.results)
    place, alone = enter(results)
    removals, own = removals_of(CONFIG), own_places(CONFIG)
    manifest = purge(results, removals, Path.cwd(), own, alone)
    if manifest:
        print(f"Removed what is to be nowhere: {manifest}", file=sys.stderr, flush=True)
        workflow.persistence.unlock()
        os.chdir(workflow.rundir)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    share(place)


def settings(section):
    """A config section as plain values, so that only a change in it reruns a job."""
    return section.model_dump(mode="json")


def videos_only(paths):
    """An input that only videos have: the run ends with a sentence where the records are published ones."""

    def input_paths(wildcards):
        if PUBLISHED:
            raise SystemExit(
                "config key sources: published records (kind: hub) serve the targets tokenizers, mars, table3 and table4 "
                "alone; write videos for others"
            )
        return paths

    return input_paths


def shards_of(folder, *tables):
    """Tables of a rule, of every shard."""
    return expand(
        "<results>/{folder}/{shard}/{table}.parquet",
        folder=folder,
        shard=SHARDS,
        table=tables,
    )


def studio(*tables):
    """Tables that stage studio makes, where there are studio recordings at all."""
    return [f"<results>/studio/{table}" for table in tables] if STUDIO_SOURCES else []


def models(section):
    """The models to be fetched that the backend of a config section uses."""
    return [f"<models>/{model}" for model in section.models]


def memory(mb):
    """Memory of a job in MB; a retried job asks for more."""
    return lambda wildcards, attempt: mb * attempt


def gpus(count, nodes=1):
    """Resources of a job on so many GPUs of each node, whose processes it starts itself, one a GPU.

    On several nodes it calls srun for that, with `mpi`, instead of being started by it (nonverbal.processes).
    """
    if not count:
        return {}
    places = {
        "slurm_partition": "NONVERBAL_GPU_PARTITION",
        "gpu_model": "NONVERBAL_GPU_MODEL",
    }
    named = {key: os.environ.get(name) for key, name in places.items()}
    asked = dict(gpu=count * nodes, nodes=nodes, tasks_per_gpu=0)
    if nodes > 1:
        kind = f"{named['gpu_model']}:" if named["gpu_model"] else ""
        extra = f"--gpus-per-node={kind}{count}"
        asked |= dict(tasks=nodes, mpi="srun", slurm_extra=extra)
    return asked | {key: value for key, value in named.items() if value}


# Which backend did each step: a table says which of them stood in for the paper's models.
STEP_BACKENDS = {
    "thumbnails": CONFIG.collect.thumbnails.backend,
    "diarize": CONFIG.speech.diarize.backend,
    "transcribe": CONFIG.speech.transcribe.backend,
    "tracks": CONFIG.speakers.tracks.backend,
    "active_speaker": CONFIG.speakers.active_speaker.backend,
    "face": CONFIG.cues.face.backend,
    "body": CONFIG.cues.body.backend,
    "safety": CONFIG.dataset.safety.backend,
    "base": CONFIG.mars.base.name,
    "sentiment": CONFIG.paper.sentiment.backend,
}
if PUBLISHED:
    STEP_BACKENDS |= {
        "transcribe": "published",
        "face": PUBLISHED.face,
        "body": PUBLISHED.body,
    }


def step_backends(*steps):
    """The backends of some steps."""
    return {step: STEP_BACKENDS[step] for step in steps}


def variant(part, row):
    """Settings of one part's tokenizer and its training in a row of table 3."""
    return [settings(section) for section in CONFIG.tokenizers.variant(part, row)]


def of_tokenizer(file):
    """What is made for the tokenizer that serves a part in a row of table 3, which may be one of both parts."""

    def input_path(wildcards):
        section = CONFIG.tokenizers.section(wildcards.part, wildcards.row)
        return file.format(part=section, row=wildcards.row, repeat=wildcards.repeat)

    return input_path


def measured(part):
    """What is measured of a part: each row of table 3 that has settings of its own, each seed."""
    return expand(
        "<results>/tokenizers/evaluate_tokenizer/{part}/{row}/{repeat}.json",
        part=part,
        row=dict.fromkeys(CONFIG.tokenizers.trained(part).values()),
        repeat=range(CONFIG.tokenizers.table3.repeats),
    )


def records_of(split):
    """The records that a row of table 4 is trained or tested on."""
    return lambda wildcards: (
        f"<results>/mars/sequences/{split}.jsonl"
        if wildcards.row == "ours"
        else f"<results>/mars/ablate/{wildcards.row}/{split}.jsonl"
    )


def table3_rows():
    """The rows of table 3 beside ours, and how they are named."""
    return {
        row: settings(CONFIG.tokenizers.rows[row])
        for row in CONFIG.tokenizers.table3.rows
    }


def column_models():
    """Rules whose models make what records hold, and those of their models that are fetched."""
    sections = {
        "diarize": CONFIG.speech.diarize,
        "transcribe": CONFIG.speech.transcribe,
        "tracks": CONFIG.speakers.tracks,
        "active_speaker": CONFIG.speakers.active_speaker,
        "face": CONFIG.cues.face,
        "body": CONFIG.cues.body,
    }
    return {rule: list(section.models) for rule, section in sections.items()}


def published_files(shards):
    """The published files of some shards."""
    return expand(
        "<results>/publication/export/data/{split}-{shard}.parquet",
        split=["train", "validation", "test"],
        shard=shards,
    )
