"""A small workflow of the test's own, run by Snakemake through `nonverbal.job`: a copy of the library and five rules.

source.txt -> numbers (two shards) -> doubled (a model, a module imported late) -> table; and other, beside them.
"""

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path("results/mini")
MODEL = b"weights of a model: 2\n"

SNAKEFILE = """
configfile: "config.yaml"


include: "rules/common.smk"


rule all:
    input:
        "<results>/mini/table.csv",
        "<results>/mini/other.txt",


rule numbers:
    input:
        source="source.txt",
    output:
        numbers="<results>/mini/numbers/{shard}.txt",
    params:
        settings=settings(CONFIG.collect.keep_people),
    script:
        "scripts/mini/numbers.py"


rule doubled:
    input:
        numbers="<results>/mini/numbers/{shard}.txt",
        models=["<models>/light_asd_talkset"],
    output:
        doubled="<results>/mini/doubled/{shard}.txt",
    script:
        "scripts/mini/doubled.py"


rule table:
    input:
        doubled=expand("<results>/mini/doubled/{shard}.txt", shard=SHARDS),
    output:
        csv="<results>/mini/table.csv",
    params:
        settings=settings(CONFIG.speech.utterances),
        seed=CONFIG.seed,
    script:
        "scripts/mini/table.py"


rule other:
    input:
        source="source.txt",
    output:
        other="<results>/mini/other.txt",
    params:
        margin=CONFIG.speakers.crops.margin,
    script:
        "scripts/mini/other.py"
"""

MODULES = {
    "numbers": """
from pathlib import Path


def numbers(source: Path, numbers: Path, settings: dict, shard: str) -> None:
    numbers.write_text(source.read_text() + shard)
""",
    "doubled": """
from pathlib import Path

from nonverbal.models import fetched


def doubled(numbers: Path, models: list[Path], doubled: Path) -> None:
    from nonverbal.mini.arithmetic import double  # late

    factor = fetched(models)["light_asd_talkset"].read_text().split()[-1]
    doubled.write_text(double(numbers.read_text(), int(factor)))
""",
    "arithmetic": """
def double(text: str, factor: int) -> str:
    return text * factor
""",
    "table": """
from pathlib import Path


def table(doubled: list[Path], csv: Path, settings: dict, seed: int) -> None:
    csv.write_text("".join(path.read_text() for path in doubled))
""",
    "other": """
from pathlib import Path


def other(source: Path, other: Path, margin: float) -> None:
    other.write_text(source.read_text().upper())
""",
}


def make(folder: Path) -> Path:
    """A checkout with the library, the miniature's stage, a model and a source; nothing has run yet."""
    for name in ("nonverbal", "rules", "resources", "demo"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "config.yaml", folder / "config.yaml")
    (folder / "Snakefile").write_text(SNAKEFILE)
    for stage in ("nonverbal/mini", "scripts/mini", "models/light_asd_talkset"):
        (folder / stage).mkdir(parents=True)
    (folder / "nonverbal/mini/__init__.py").touch()
    for name, text in MODULES.items():
        (folder / f"nonverbal/mini/{name}.py").write_text(text)
        script = f"from nonverbal.job import run\nfrom nonverbal.mini.{name} import {name}\n\nrun(snakemake, {name})\n"
        (folder / f"scripts/mini/{name}.py").write_text(script)
    (folder / "models/light_asd_talkset/finetuning_TalkSet.model").write_bytes(MODEL)
    registry = folder / "resources/models.yaml"
    published = "efc375833887eefa9d209dc92810e18519b04c3c73ea35a549f2a7f40b7d94d5"
    assert published in registry.read_text()
    registry.write_text(registry.read_text().replace(published, sha256(MODEL).hexdigest()))
    (folder / "source.txt").write_text("a channel list\n")
    return folder


def snakemake(folder: Path, *options: str) -> subprocess.CompletedProcess:
    """Run the miniature's workflow."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", "--configfile", "demo/settings.yaml"]
    config = ["--config", f"results={RESULTS}", "sources=resources/channels.csv"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run([*command, *options, *config], cwd=folder, env=environment, capture_output=True, text=True)
