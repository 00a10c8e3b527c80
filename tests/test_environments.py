"""envs/*.yaml never drift from the default environment's pins; each can be built, and rules and tests run in it."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import imageio_ffmpeg
import pytest
import yaml
from pydantic import BaseModel

from nonverbal import other_environments
from nonverbal.environments import build as building
from nonverbal.environments import files, imports
from nonverbal.environments.build import BUILT, build, inside, known
from nonverbal.environments.conda import stand_in
from nonverbal.environments.files import FAMILIES, OVERRIDES, ROOT, closure, own_pins, pins
from nonverbal.environments.installer import install
from nonverbal.errors import UserError
from nonverbal.provenance.record import read_records
from nonverbal.schema import read_table

# What the files say ---------------------------------------------------------------------------------------------------


def packages(family: str) -> dict[str, str]:
    """Name -> version, of an environment's file."""
    listed = yaml.safe_load((ROOT / "envs" / f"{family}.yaml").read_text())["dependencies"][-1]["pip"]
    return {files.canonicalize_name(name): version for name, version in (pin.split("==") for pin in listed)}


@pytest.mark.parametrize("path, text", files.files().items(), ids=lambda value: getattr(value, "name", ""))
def test_file_is_what_the_generator_writes(path, text):
    assert path.read_text() == text, "run: python -m nonverbal.environments"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_requirement_is_pinned_exactly(family):
    dependencies = yaml.safe_load(files.environment(family))["dependencies"]
    assert dependencies[:2] == ["python=3.11", "pip"]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in dependencies[-1]["pip"])


@pytest.mark.parametrize("family", FAMILIES)
def test_an_environment_differs_from_the_default_in_nothing_but_stated_overrides(family):
    default = {name: pin.split("==")[1] for name, pin in pins().items()}
    ours = packages(family)
    differing = {name for name in ours if name in default and ours[name] != default[name]}
    assert differing == set(OVERRIDES.get(family, {})), "state it in OVERRIDES with its reason, or: environments lock"
    assert family in OVERRIDES or ours.keys() <= default.keys()


@pytest.mark.parametrize("family", FAMILIES)
def test_an_environment_has_what_its_group_asks_for(family):
    ours = packages(family)
    for requirement in map(files.Requirement, files.direct(family)):
        assert requirement.specifier.contains(ours[files.canonicalize_name(requirement.name)]), requirement


def test_the_default_environment_is_what_its_pins_say():
    installed = {files.canonicalize_name(one.name): one.version for one in importlib.metadata.distributions()}
    pinned = {name: pin.split("==")[1] for name, pin in (pins() | pins(ROOT / "bundled.txt")).items()}
    differing = {n: installed[n] for n in pinned if n in installed and installed[n].split("+")[0] != pinned[n]}
    assert differing == {}, "run: make setup"


def test_every_family_is_installed_by_default_or_has_pins_of_its_own():
    groups = re.search(r"^GROUPS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split(",")
    assert set(FAMILIES) - set(groups) == set(OVERRIDES)
    assert all(own_pins(family).is_file() for family in OVERRIDES)


def test_no_host_or_machine_path_is_committed():
    names = ["pyproject.toml", *(path.name for pattern in ("constraints*", "bundled*") for path in ROOT.glob(pattern))]
    text = "".join((ROOT / name).read_text() for name in names)
    assert not re.search(r"https?://|file:|index-url|find-links|@ ", text)


# What rules import ----------------------------------------------------------------------------------------------------


def test_every_rule_with_a_script_names_environments_that_exist():
    named = imports.rules()
    scripts = {f"{path.parent.name}.{path.stem}" for path in (ROOT / "scripts").glob("*/*.py")}
    assert named.keys() == scripts
    assert {family for one in named.values() for family in one} <= set(known())


def test_imports_at_the_top_and_in_functions_are_told_apart():
    found = imports.imports_of("nonverbal.collect.thumbnails")
    assert {"numpy", "nonverbal.schema", "pandas"} <= found.eager
    assert any(name.startswith("mediapipe") for name in found.lazy)
    assert not found.eager & found.lazy


class Modest(BaseModel):
    backend: Literal["embedded", "large"]

    @property
    def family(self) -> str:
        return "speech" if self.backend == "embedded" else "whisperx"


class Stage(BaseModel):
    step: Modest


class Whole(BaseModel):
    stage: Stage


def test_the_environments_of_a_rule_are_those_of_its_backends(monkeypatch):
    monkeypatch.setattr(imports, "Config", Whole)
    assert imports.families("stage.step") == ["speech", "whisperx"]


# Building -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """A folder whose envs/ holds one tiny environment."""
    monkeypatch.setattr(building, "ROOT", tmp_path)
    monkeypatch.setattr(building, "BUILT", tmp_path / "built")
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "tiny.yaml").write_text(f"dependencies: [python=3.11, pip, pip: [{pins()['iniconfig']}]]\n")
    (tmp_path / "envs" / "tiny.post-deploy.sh").write_text("set -e\npython -c 'import iniconfig'\necho . >> runs\n")
    return tmp_path


def test_an_environment_is_built_once_and_again_only_if_its_file_changes_or_its_build_was_killed(root):
    prefix = build("tiny")
    assert build("tiny") == prefix
    assert (root / "runs").read_text() == ".\n"
    (prefix / "complete").unlink()  # as a killed build leaves it
    assert build("tiny") == prefix
    assert (root / "runs").read_text() == ".\n.\n"
    (root / "envs" / "tiny.yaml").write_text("dependencies: [python=3.11, pip, pip: []]\n")
    (root / "envs" / "tiny.post-deploy.sh").unlink()
    assert build("tiny") != prefix


def test_a_build_that_fails_is_not_taken_for_finished(root):
    (root / "envs" / "tiny.post-deploy.sh").write_text("exit 3\n")
    for _ in range(2):
        with pytest.raises(subprocess.CalledProcessError):
            build("tiny")


def test_what_only_a_channel_has_is_refused_by_name(root):
    (root / "envs" / "tiny.yaml").write_text("dependencies: [python=3.11, ffmpeg=7, pip]\n")
    with pytest.raises(UserError, match="only a conda channel has ffmpeg=7"):
        build("tiny")


def test_an_unknown_environment_is_named(root):
    with pytest.raises(UserError, match="there is no environment 'none'; write one of tiny"):
        build("none")


# The environments themselves ------------------------------------------------------------------------------------------


@pytest.mark.environments
def test_every_rule_imports_in_the_environments_it_may_name():
    assert imports.faults({family: build(family) for family in known()}) == []


@pytest.mark.environments
@pytest.mark.parametrize("family", sorted({path.parent.name for path in ROOT.glob("tests/environments/*/test_*.py")}))
def test_tests_that_need_an_environment_pass_in_it(family):
    prefix = build(family)
    install(prefix, [pins()[name] for name in closure(["pytest"]) if name in pins()])
    command = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/environments/{family}"]
    result = subprocess.run(command, cwd=ROOT, env=inside(prefix), capture_output=True, text=True, timeout=1500)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]


# A run with them ------------------------------------------------------------------------------------------------------


def test_packages_of_another_environment_are_left_unless_asked_for(tmp_path):
    paths = {
        name: tmp_path / name / "lib" / "python3.11" / "site-packages" for name in ("ours", "theirs", "conda", "user")
    }
    for path in paths.values():
        path.mkdir(parents=True)
    (tmp_path / "ours" / "pyvenv.cfg").touch()
    (tmp_path / "theirs" / "pyvenv.cfg").touch()
    (tmp_path / "conda" / "conda-meta").mkdir()
    ours, theirs, conda, user = map(str, paths.values())
    own = {str((tmp_path / "ours").resolve())}
    assert other_environments([ours, theirs, conda, user], own, []) == [theirs, conda]
    assert other_environments([ours, theirs, conda, user], own, [theirs]) == [conda]


def test_the_stand_in_answers_what_snakemake_asks_and_nothing_else(tmp_path):
    conda = str(stand_in(tmp_path) / "conda")
    called = subprocess.run([conda, "info", "--json"], capture_output=True, text=True, check=True)
    assert {"conda_prefix", "platform"} <= json.loads(called.stdout).keys()
    refused = subprocess.run([conda, "install", "ffmpeg"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "does not know: install ffmpeg" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture(scope="module")
def run_with_conda(tmp_path_factory) -> tuple[str, Path]:
    """Log and results of a run from one short video to the speech stage's decisions with `--sdm conda`."""
    folder = tmp_path_factory.mktemp("conda")
    (folder / "videos").mkdir()
    sources = ["-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=11", "-f", "lavfi", "-i", "sine=frequency=200:d=11"]
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *sources, str(folder / "videos" / "tone.mp4")]
    subprocess.run(ffmpeg, check=True, timeout=60)
    results = folder / "results"
    collect = "collect={keep_people: {people: 0}, clips: {length_s: 10}}"
    values = [f"sources={folder}/videos", f"results={results}", "shards=1", collect]
    options = ["--profile", "local", "--cores", "2", "--sdm", "conda", "--conda-prefix", str(BUILT / "snakemake")]
    target = f"{results}/speech/keep_language/00000/keep_language.parquet"
    finished = subprocess.run(
        [sys.executable, "-m", "snakemake", *options, "--config", *values, "--", target], cwd=ROOT, timeout=1800,
        env={**os.environ, "PATH": f"{stand_in()}{os.pathsep}{os.environ['PATH']}"}, capture_output=True, text=True,
    )  # fmt: skip
    assert finished.returncode == 0, (finished.stdout + finished.stderr)[-6000:]
    return finished.stdout + finished.stderr, results


@pytest.mark.environments
@pytest.mark.e2e
def test_each_job_runs_in_its_rules_environment_and_imports_nothing_from_another(run_with_conda):
    log, results = run_with_conda
    stages = {rule.partition(".")[2]: families for rule, families in imports.rules().items()}
    records = read_records(results)
    used = {record["rule"]: stages[record["rule"]][0] for record in records}
    assert set(used.values()) == {"media", "speech", "vision"}
    made = {path.read_text() for path in (BUILT / "snakemake").glob("*.yaml")}
    assert {(ROOT / "envs" / f"{family}.yaml").read_text() for family in used.values()} <= made
    assert log.count("Activating conda environment") >= len(records)
    for record in records:
        own = packages(used[record["rule"]]).keys() | set(files.BUNDLED.get(used[record["rule"]], ()))
        imported = {files.canonicalize_name(name) for name in record["packages"]} - {"nonverbal", "setuptools", "pip"}
        foreign = {name for name in imported - own if not name.startswith("snakemake")}
        assert foreign == set(), f"{record['rule']} imports packages of the environment that Snakemake runs in"
    dropped = read_table(
        results / "speech" / "keep_two_speakers" / "00000" / "keep_two_speakers.parquet", "keep_two_speakers"
    )
    assert not dropped["kept"].any()
    assert len(dropped) == 1
